//! A keeper, whose state lives on from generation to generation.

mod failures;
mod state;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anyhow::bail;
use bedplate::compose::CompositionError;
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{
    Base, CallError, Change, Exports, HandOver, Module, ModuleContext, ModuleSpec, Result, ServiceRef, Step,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{Inside, deed, enter, name};

#[bedplate::service]
pub trait Tally {
    /// The new total, and the generation that keeps it.
    async fn add(&self, by: u64) -> Result<(u64, u64), CallError>;
    fn plain(&self) -> Result<u64, CallError>;
}

/// What a generation of the keeper is written as.
#[derive(Clone)]
struct Code {
    version: u32,
    hands: Hands,
    starts: Starts,
    /// How many of its background tasks run.
    sweeping: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Hands {
    Total,
    TotalWhenTold { begun: Arc<Notify>, go: Arc<Notify> },
    Nothing,
    Err,
    Panic,
    Hang,
    Much,
}

#[derive(Clone)]
enum Starts {
    Well,
    WhenTold { begun: Arc<Notify>, go: Arc<Notify> },
    Err,
    Panic,
    Hang,
}

#[derive(Serialize, Deserialize)]
struct First {
    total: u64,
}

#[derive(Serialize, Deserialize)]
struct Second {
    thousands: u64,
    rest: u64,
}

struct Keeper {
    context: ModuleContext,
    code: Code,
    total: AtomicU64,
}

fn code() -> Code {
    Code { version: 1, hands: Hands::Total, starts: Starts::Well, sweeping: Arc::default() }
}

impl Code {
    fn hands(self, hands: Hands) -> Self {
        Self { hands, ..self }
    }

    fn starts(self, starts: Starts) -> Self {
        Self { starts, ..self }
    }

    fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    fn spec(&self) -> ModuleSpec {
        let code = self.clone();
        let make = move |fields: &bedplate::Fields<'_>| {
            Ok(Keeper { context: fields.context().clone(), code: code.clone(), total: AtomicU64::new(0) })
        };
        ModuleSpec::plain("keeper", make).unwrap().publishing::<Keeper, dyn Tally>()
    }
}

impl Module for Keeper {
    async fn start(&self, ctx: &ModuleContext) -> Result<()> {
        match &self.code.starts {
            Starts::Well => {}
            Starts::WhenTold { begun, go } => {
                begun.notify_one();
                go.notified().await;
            }
            Starts::Err => bail!("the shelf is gone"),
            Starts::Panic => panic!("the shelf fell"),
            Starts::Hang => std::future::pending().await,
        }
        let total = match (ctx.handed_over_version(), self.code.version) {
            (None, _) => 0,
            (Some(1), 2) => ctx.handed_over::<First>()?.map_or(0, |first| first.total),
            (Some(2), 2) => ctx.handed_over::<Second>()?.map_or(0, |second| second.thousands * 1000 + second.rest),
            // Version 1 knows nothing of a later one, and asks all the same.
            _ => ctx.handed_over::<First>()?.map_or(0, |first| first.total),
        };
        self.total.store(total, Ordering::SeqCst);
        Ok(())
    }

    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let sweeping = self.code.sweeping.clone();
        to.task("sweep", move || {
            let sweeping = sweeping.clone();
            async move {
                sweeping.fetch_add(1, Ordering::SeqCst);
                let _ends = Ends(sweeping);
                std::future::pending::<()>().await;
            }
        });
    }

    async fn hand_over(&self) -> Result<Option<HandOver>> {
        assert_eq!(self.code.sweeping.load(Ordering::SeqCst), 0, "no background task runs meanwhile");
        match &self.code.hands {
            Hands::Total => {}
            Hands::TotalWhenTold { begun, go } => {
                begun.notify_one();
                go.notified().await;
            }
            Hands::Nothing => return Ok(None),
            Hands::Err => bail!("the ledger is torn"),
            Hands::Panic => panic!("the ledger burns"),
            Hands::Hang => std::future::pending().await,
            Hands::Much => return Ok(Some(HandOver::of(1, &"x".repeat(2000))?)),
        }
        let total = self.total.load(Ordering::SeqCst);
        let state = match self.code.version {
            1 => HandOver::of(1, &First { total })?,
            version => HandOver::of(version, &Second { thousands: total / 1000, rest: total % 1000 })?,
        };
        Ok(Some(state))
    }
}

struct Ends(Arc<AtomicUsize>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[bedplate::service]
impl Tally for Keeper {
    async fn add(&self, by: u64) -> Result<(u64, u64), CallError> {
        Ok((self.total.fetch_add(by, Ordering::SeqCst) + by, self.context.id().generation))
    }

    fn plain(&self) -> Result<u64, CallError> {
        Ok(self.context.id().generation)
    }
}

/// A base with a keeper, whose clock stands still.
fn keeping(code: &Code) -> TestBaseBuilder {
    TestBase::builder().paused_time().set("deploy.hold=8s").set("drain.deadline=30s").with(code.spec())
}

/// What becomes of a call that is made now, while the test goes on.
fn calls(tally: &ServiceRef<dyn Tally>, by: u64) -> JoinHandle<Result<(u64, u64), CallError>> {
    let tally = tally.clone();
    tokio::spawn(async move { tally.add(by).await })
}

fn deploys(running: &Base, change: Change) -> JoinHandle<Result<Vec<&'static str>, CompositionError>> {
    let running = running.clone();
    tokio::spawn(async move {
        let deployed = running.deploy(change).await?;
        // What is recorded, and where, is no business of these tests.
        Ok(deployed.steps.iter().map(|step: &Step| step.name).filter(|name| *name != "record").collect())
    })
}

/// Lets everything run that can.
async fn turns() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

fn held() -> (Arc<Notify>, Arc<Notify>) {
    (Arc::new(Notify::new()), Arc::new(Notify::new()))
}

fn stats(running: &Base) -> bedplate::isolation::StatsSnapshot {
    running.modules().into_iter().find(|module| module.instance.module == name("keeper")).unwrap().stats
}

/// An entry into a neighbour, that calls.
async fn enters(running: Base, tally: ServiceRef<dyn Tally>) -> Result<u64, CallError> {
    let call = deed(move |_: Inside| async move { tally.add(0).await.map(|(_, generation)| generation) });
    enter(&running, "door", call).await
}
