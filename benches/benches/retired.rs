//! Anonymous memory of a retired generation, against its object's own writable segments.
//!
//! `cargo bench -p bedplate-benches --bench retired`; shorter: `-- --swaps 40`; longer: `-- --swaps 1000`.

#![allow(missing_docs, reason = "nothing here is an interface")]

use std::time::Duration;

use anyhow::{Result, ensure};
use bedplate_benches::memory::{Cost, mapped_below, mappings, status};
use bedplate_benches::options;
use bedplate_benches::report::{Cell, Report, Table};
use bedplate_benches::segments::segments;
use bedplate_benches::stage::{self, Stage};
use clap::Command;

/// What is allowed above the writable segments, in bytes.
const ALLOWED: u64 = 32 * 1024;

fn main() -> Result<()> {
    let command = Command::new("retired")
        .about("Anonymous memory of a retired generation, against its writable segments")
        .args(stage::arguments())
        .arg(options::number("swaps", "200", "How many swaps are measured"))
        .arg(options::number("warmups", "40", "How many are made before"));
    let Some(matches) = options::read(command) else { return Ok(()) };
    let mut report = Report::begin("retired", &matches);
    let stage = Stage::build(&matches, &report)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (place, running) = stage.start(&[]).await?;
        let mut swapper = stage.swapper(&place, 1).await?;
        // Each module as often as any other.
        let modules = stage.generated.modules.len() as u64;
        let [warmups, swaps] =
            ["warmups", "swaps"].map(|name| options::number_of(&matches, name).max(1).next_multiple_of(modules));
        report.progress(&format!("{warmups} swaps that are not measured"));
        for _ in 0..warmups {
            swapper.swap(Duration::ZERO).await?;
        }
        let folder = place.state().join("generations");
        let before = Memory::of(running.id())?;
        let mapped_before = mapped_below(running.id(), &folder)?;
        report.progress(&format!("{swaps} swaps"));
        for _ in 0..swaps {
            swapper.swap(Duration::ZERO).await?;
        }
        let after = Memory::of(running.id())?;
        let mapped = mapped_below(running.id(), &folder)?;
        running.stop().await?;

        let new: Vec<Cost> =
            mapped.iter().filter(|(file, _)| !mapped_before.contains_key(*file)).map(|(_, cost)| *cost).collect();
        ensure!(new.len() as u64 == swaps, "{} generations are mapped after {swaps} swaps", new.len());
        let mut writable = 0;
        let mut disk = 0;
        for folder in &stage.builds {
            for module in &stage.generated.modules {
                let own = segments(&folder.join(format!("{module}.so")))?;
                writable += own.writable;
                disk += own.file;
            }
        }
        let objects = 2 * modules;
        let each = |sum: u64| sum / swaps;
        let (writable, disk) = (writable / objects, disk / objects);
        let mut table = Table::new(
            "for each retired generation",
            &[("what", ""), ("bytes", "each"), ("above_segments", "above its segments"), ("to_hold", "to hold")],
        );
        let mut row = |what: &str, bytes: u64, to_hold: Option<u64>| {
            let above = to_hold.map_or_else(Cell::none, |_| Cell::bytes(bytes.saturating_sub(writable)));
            let to_hold = to_hold.map_or_else(Cell::none, Cell::bytes);
            table.row([Cell::text(what), Cell::bytes(bytes), above, to_hold]);
        };
        row("writable segments of the object", writable, None);
        row(
            "anonymous memory of its file's mappings (smaps)",
            each(new.iter().map(|cost| cost.anonymous).sum()),
            Some(ALLOWED),
        );
        row(
            "growth of the process's anonymous memory",
            each(after.anonymous.saturating_sub(before.anonymous)),
            Some(ALLOWED),
        );
        row("its clean pages, which the kernel takes back", each(new.iter().map(|cost| cost.clean).sum()), None);
        row("its file", disk, None);
        report.table(table);
        let mut counts = Table::new("mappings", &[("what", ""), ("count", "count")]);
        let of_generations: u64 = new.iter().map(|cost| cost.mappings).sum();
        counts.row([Cell::text("of each generation"), Cell::ratio(of_generations as f64 / swaps as f64)]);
        counts.row([Cell::text("of the process, before"), Cell::count(before.mappings)]);
        counts.row([Cell::text("of the process, after"), Cell::count(after.mappings)]);
        report.table(counts);
        report.note(format!("{swaps} swaps after {warmups}, one module each, without load"));
        report.end()
    })
}

/// What the whole process holds.
struct Memory {
    anonymous: u64,
    mappings: u64,
}

impl Memory {
    fn of(id: u32) -> Result<Self> {
        Ok(Self { anonymous: status(id, "RssAnon")?, mappings: mappings(id)? })
    }
}
