//! Thousands of swaps under load in one process, and how many requests failed. Each swap is a file and a load of its
//! own: A → B → A.
//!
//! `cargo bench -p bedplate-benches --bench swaps`: 10,000 swaps. Shorter: `-- --swaps 500`. Every loaded object is
//! kept as a file until the base ends: it says how much disk that takes, and `--state FOLDER` puts it elsewhere.

#![allow(missing_docs, reason = "nothing here is an interface")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bedplate_benches::load::{Until, capacity, new_histogram, open_loop};
use bedplate_benches::memory::{mappings, status};
use bedplate_benches::options;
use bedplate_benches::report::{Cell, Report, Table};
use bedplate_benches::segments::segments;
use bedplate_benches::stage::{self, Stage};
use clap::Command;

fn main() -> Result<()> {
    let command = Command::new("swaps")
        .about("Thousands of swaps under load in one process, and how many requests failed")
        .args(stage::arguments())
        .arg(options::number("swaps", "10000", "How many swaps"))
        .arg(options::number("together", "1", "How many modules go live in one swap"))
        .arg(options::number("connections", "32", "How many connections stay open"))
        .arg(options::number("percent", "30", "At which part of capacity"))
        .arg(options::number("rate", "0", "Requests a second, in place of a part of capacity"));
    let Some(matches) = options::read(command) else { return Ok(()) };
    let mut report = Report::begin("swaps", &matches);
    let stage = Stage::build(&matches, &report)?;
    let swaps = options::number_of(&matches, "swaps").max(1);
    let together = usize::try_from(options::number_of(&matches, "together"))?;
    let connections = usize::try_from(options::number_of(&matches, "connections"))?.max(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let largest = largest_object(&stage)?;
        let loads = swaps * together.max(1) as u64;
        report.progress(&format!("the copies of {loads} objects take up to {} MiB", largest * loads / 1024 / 1024));
        // Room for what is asked for: the budgets are not what is measured.
        let settings = [("count", loads + 1_000), ("disk", largest * (loads + 1_000)), ("anonymous", 64 << 30)];
        let settings = settings.map(|(name, value)| format!("deploy.retired.{name}={value}"));
        let (place, mut running) = stage.start(&settings.each_ref().map(String::as_str)).await?;
        let mut swapper = stage.swapper(&place, together).await?;
        let load = stage.load(&place, connections);
        capacity(&load, Duration::from_secs(1)).await?;
        let rate = match options::number_of(&matches, "rate") {
            0 => {
                capacity(&load, Duration::from_secs(3)).await? * options::number_of(&matches, "percent") as f64 / 100.0
            }
            rate => rate as f64,
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let loading = {
            let (load, until) = (load.clone(), Until::Told(is_over.clone()));
            tokio::spawn(async move { open_loop(&load, rate, until).await })
        };
        let (anonymous, begin) = (status(running.id(), "RssAnon")?, Instant::now());
        let mut times = new_histogram();
        let mut refused = None;
        while swapper.done() < swaps {
            match swapper.swap(Duration::ZERO).await {
                Ok((_, took)) => times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
            if swapper.done() % 500 == 0 {
                running.must_run()?;
                report.progress(&format!("{} swaps in {:.0} s", swapper.done(), begin.elapsed().as_secs_f64()));
            }
        }
        let took = begin.elapsed();
        is_over.store(true, Ordering::Release);
        let outcome = loading.await.context("the load does not panic")??;
        let after = status(running.id(), "RssAnon")?;
        let mapped = mappings(running.id())?;
        running.stop().await?;

        let failed = outcome.failures.count();
        let mut table = Table::new("swaps under load in one process", &[("what", ""), ("value", "")]);
        let mut row = |what: &str, value: Cell| table.row([Cell::text(what), value]);
        row("swaps", Cell::count(swapper.done()));
        row("objects loaded by each", Cell::count(swapper.together() as u64));
        row("failed swaps", Cell::count(u64::from(refused.is_some())));
        row("requests", Cell::count(outcome.requests));
        row("failed requests", Cell::count(failed));
        row("  another status than 200", Cell::count(outcome.failures.status));
        row("  connections that were closed or cut off", Cell::count(outcome.failures.connection));
        row("  answers that saw two generations of one module", Cell::count(outcome.failures.answer));
        row("requests a second", Cell::ratio(rate));
        row("time", Cell::time(took));
        row("swaps a second", Cell::ratio(swapper.done() as f64 / took.as_secs_f64()));
        row("time of a swap, median", Cell::time(Duration::from_nanos(times.value_at_quantile(0.5))));
        row("time of a swap, longest", Cell::time(Duration::from_nanos(times.max())));
        row("p50 of the requests", Cell::time(outcome.quantile(0.5)));
        row("p99.9 of the requests", Cell::time(outcome.quantile(0.999)));
        let generations = (swapper.done() * swapper.together() as u64).max(1);
        row("anonymous memory for each loaded object", Cell::bytes(after.saturating_sub(anonymous) / generations));
        row("mappings of the process", Cell::count(mapped));
        report.table(table);
        for failure in &outcome.failures.first {
            report.note(format!("failed: {failure}"));
        }
        report.note("(to hold: 0 failed)");
        report.end()?;
        if let Some(error) = refused {
            return Err(error.context(format!("swap {} was refused", swapper.done() + 1)));
        }
        ensure!(failed == 0, "{failed} requests failed");
        Ok(())
    })
}

/// The size of the largest object, in bytes.
fn largest_object(stage: &Stage) -> Result<u64> {
    let mut largest = 0;
    for folder in &stage.builds {
        for module in &stage.generated.modules {
            largest = largest.max(segments(&folder.join(format!("{module}.so")))?.file);
        }
    }
    Ok(largest)
}
