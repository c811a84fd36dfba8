//! A service call through the gate, against the same call on a bare `Arc<dyn Trait>`.
//!
//! `cargo bench -p bedplate-benches --bench service_call`

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(missing_docs, reason = "nothing here is an interface")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bedplate::testing::TestBase;
use bedplate::{CallError, Entry, EntryKind, Module, ModuleName, ModuleSpec, SceneName, ServiceRef};

/// Calls in one round.
const CALLS: u64 = 200_000;
/// Rounds; the two sides take turns.
const ROUNDS: usize = 15;

#[bedplate::service]
pub trait Counter {
    async fn next(&self, after: u64) -> Result<u64, CallError>;
}

struct Counting;

impl Module for Counting {}

#[bedplate::service]
impl Counter for Counting {
    async fn next(&self, after: u64) -> Result<u64, CallError> {
        Ok(black_box(after) + 1)
    }
}

async fn run(counter: &dyn Counter) -> Duration {
    let begin = Instant::now();
    let mut value = 0;
    for _ in 0..CALLS {
        value = counter.next(value).await.unwrap_or_default();
    }
    assert_eq!(value, CALLS);
    begin.elapsed()
}

fn nanoseconds(rounds: &mut [Duration]) -> f64 {
    rounds.sort_unstable();
    rounds[rounds.len() / 2].as_secs_f64() * 1e9 / CALLS as f64
}

fn clock_reads() -> f64 {
    let begin = Instant::now();
    for _ in 0..CALLS {
        black_box(Instant::now());
        black_box(Instant::now());
    }
    begin.elapsed().as_secs_f64() * 1e9 / CALLS as f64
}

fn main() {
    let counting = ModuleSpec::plain("counting", |_| Ok(Counting)).expect("a valid name");
    let builder = TestBase::builder().with(counting.publishing::<Counting, dyn Counter>());
    bedplate::testing::run(builder, |base| async move {
        let running = base.running().await.expect("the base starts");
        let through_gate: ServiceRef<dyn Counter> = base.service();
        let bare: Arc<dyn Counter> = Arc::new(Counting);
        let pin = running.pin();
        let test = ModuleName::new("test").expect("a valid name");
        let caller = pin.instance(&test, &SceneName::main()).expect("the test's own module");
        // The calls are made from inside an entry, as those of a request are.
        let (mut gate, mut plain) = caller
            .enter(&pin, Entry::new(EntryKind::Request, "bench"), async {
                let (mut gate, mut plain) = (Vec::new(), Vec::new());
                for _ in 0..ROUNDS {
                    plain.push(run(&*bare).await);
                    gate.push(run(&through_gate).await);
                }
                (gate, plain)
            })
            .await
            .expect("the entry runs");
        let (gate, plain, clocks) = (nanoseconds(&mut gate), nanoseconds(&mut plain), clock_reads());
        println!("bare Arc<dyn Trait> call   {plain:8.1} ns");
        println!("through the gate           {gate:8.1} ns");
        println!("two clock reads            {clocks:8.1} ns");
        println!("ratio {:.2}, difference {:.1} ns (to hold: 100 ns + two clock reads)", gate / plain, gate - plain);
    });
}
