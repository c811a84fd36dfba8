//! p99.9 while modules are swapped one after another without a pause, against the same load without swaps: open
//! loop at a part of capacity, objects that were built before. Beside it, the longest gap of a ticker of 1 ms in the
//! base.
//!
//! `cargo bench -p bedplate-benches --bench latency`; shorter: `-- --seconds 3 --rounds 1`; longer:
//! `-- --seconds 60 --rounds 5`.

#![allow(missing_docs, reason = "nothing here is an interface")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bedplate_benches::load::{Load, Outcome, Until, capacity, open_loop};
use bedplate_benches::options;
use bedplate_benches::report::{Cell, Report, Table};
use bedplate_benches::running::Place;
use bedplate_benches::stage::{self, Stage};
use bedplate_benches::swapper::Swapper;
use clap::Command;

fn main() -> Result<()> {
    let command = Command::new("latency")
        .about("p99.9 with and without swaps")
        .args(stage::arguments())
        .arg(options::seconds("seconds", "10", "How long each side is measured in each round"))
        .arg(options::number("rounds", "3", "How often the two sides take turns"))
        .arg(options::number("connections", "32", "How many connections stay open"))
        .arg(options::number("percent", "30", "At which part of capacity"))
        .arg(options::number("rate", "0", "Requests a second, in place of a part of capacity"))
        .arg(options::number("pause", "0", "Milliseconds from the end of a swap to the next"));
    let Some(matches) = options::read(command) else { return Ok(()) };
    let mut report = Report::begin("latency", &matches);
    let stage = Stage::build(&matches, &report)?;
    let seconds = options::seconds_of(&matches, "seconds");
    let pause = Duration::from_millis(options::number_of(&matches, "pause"));
    let connections = usize::try_from(options::number_of(&matches, "connections"))?.max(1);
    // The clock of the load is a thread of its own; requests and swaps share the rest.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (place, running) = stage.start(&[]).await?;
        let mut swapper = stage.swapper(&place, 1).await?;
        let load = stage.load(&place, connections);
        report.progress("looking for its capacity");
        // What is measured first warms up, and is thrown away.
        capacity(&load, Duration::from_secs(1)).await?;
        let capacity = capacity(&load, Duration::from_secs(3)).await?;
        let rate = match options::number_of(&matches, "rate") {
            0 => capacity * options::number_of(&matches, "percent") as f64 / 100.0,
            rate => rate as f64,
        };
        let (mut quiet, mut swapped) = (Side::new(), Side::new());
        // It is counted from the last time that it was asked for.
        stage.longest_gap(&place).await?;
        for round in 0..options::number_of(&matches, "rounds").max(1) {
            report.progress(&format!("round {}: {rate:.0} requests a second without swaps, then with", round + 1));
            quiet.add(&stage, &place, open_loop(&load, rate, Until::For(seconds)).await?).await?;
            let before = swapper.done();
            let outcome = under_swaps(&load, rate, seconds, pause, &mut swapper).await?;
            swapped.swaps += swapper.done() - before;
            swapped.add(&stage, &place, outcome).await?;
        }
        running.stop().await?;
        report.table(table(&quiet, &swapped));
        report.note(format!("capacity {capacity:.0} requests a second, rate {rate:.0}, {connections} connections"));
        let failed = quiet.outcome.failures.count() + swapped.outcome.failures.count();
        for failure in quiet.outcome.failures.first.iter().chain(&swapped.outcome.failures.first) {
            report.note(format!("failed: {failure}"));
        }
        report.end()?;
        ensure!(failed == 0, "{failed} requests failed");
        Ok(())
    })
}

/// The load, while modules are swapped.
async fn under_swaps(
    load: &Load,
    rate: f64,
    time: Duration,
    pause: Duration,
    swapper: &mut Swapper,
) -> Result<Outcome> {
    let is_over = Arc::new(AtomicBool::new(false));
    let loading = {
        let (load, is_over) = (load.clone(), is_over.clone());
        tokio::spawn(async move {
            let outcome = open_loop(&load, rate, Until::For(time)).await;
            is_over.store(true, Ordering::Release);
            outcome
        })
    };
    while !is_over.load(Ordering::Acquire) {
        swapper.swap(Duration::ZERO).await?;
        tokio::time::sleep(pause).await;
    }
    loading.await.context("the load does not panic")?
}

/// One side of the comparison.
struct Side {
    outcome: Outcome,
    swaps: u64,
    /// The longest gap of the ticker, in microseconds.
    gap: u64,
}

impl Side {
    fn new() -> Self {
        Self { outcome: Outcome::empty(), swaps: 0, gap: 0 }
    }

    /// Takes in a phase that has just ended.
    async fn add(&mut self, stage: &Stage, place: &Place, outcome: Outcome) -> Result<()> {
        self.outcome.add(&outcome);
        self.gap = self.gap.max(stage.longest_gap(place).await?);
        Ok(())
    }
}

fn table(quiet: &Side, swapped: &Side) -> Table {
    let mut table = Table::new(
        "latency from the time at which a request was meant to be sent",
        &[
            ("what", ""),
            ("without", "without swaps"),
            ("with", "with swaps"),
            ("ratio", "ratio"),
            ("to_hold", "to hold"),
        ],
    );
    let sides = [&quiet.outcome, &swapped.outcome];
    let mut times = |what: &str, [without, with]: [Duration; 2], to_hold: &str| {
        let ratio = with.as_secs_f64() / without.as_secs_f64().max(1e-9);
        table.row([Cell::text(what), Cell::time(without), Cell::time(with), Cell::ratio(ratio), Cell::text(to_hold)]);
    };
    for (what, part, to_hold) in [("p50", 0.5, ""), ("p99", 0.99, ""), ("p99.9", 0.999, "1.50"), ("longest", 1.0, "")] {
        times(what, sides.map(|outcome| outcome.quantile(part)), to_hold);
    }
    times("longest gap of a 1 ms ticker in the base", [quiet.gap, swapped.gap].map(Duration::from_micros), "");
    let late = sides.map(|outcome| Duration::from_nanos(outcome.lateness.value_at_quantile(0.999)));
    times("p99.9 of the generator's own lateness", late, "");
    let mut counts = |what: &str, [without, with]: [u64; 2], to_hold: &str| {
        table.row([Cell::text(what), Cell::count(without), Cell::count(with), Cell::none(), Cell::text(to_hold)]);
    };
    counts("requests", sides.map(|outcome| outcome.requests), "");
    counts("swaps", [quiet.swaps, swapped.swaps], "");
    counts("failed", sides.map(|outcome| outcome.failures.count()), "0");
    table
}
