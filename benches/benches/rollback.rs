//! How long a rollback takes while what served before is still warm, against the deployment that it undoes.
//!
//! `cargo bench -p bedplate-benches --bench rollback`; shorter: `-- --rounds 5`; longer: `-- --rounds 500`.

#![allow(missing_docs, reason = "nothing here is an interface")]

use bedplate_admin_client::protocol::StepTime;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bedplate_benches::edit::Edit;
use bedplate_benches::load::Connection;
use bedplate_benches::options;
use bedplate_benches::report::{Cell, Report, Table, median};
use bedplate_benches::stage::{self, Stage};
use clap::Command;

/// Longer than a round takes.
const BAKE: Duration = Duration::from_secs(600);

fn main() -> Result<()> {
    let command = Command::new("rollback")
        .about("How long a rollback takes within the bake time")
        .args(stage::arguments())
        .arg(options::number("rounds", "50", "How often"));
    let Some(matches) = options::read(command) else { return Ok(()) };
    let mut report = Report::begin("rollback", &matches);
    let stage = Stage::build(&matches, &report)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (place, running) = stage.start(&[]).await?;
        // One module, so that its state is known: it serves its first build before each round.
        let module = &stage.generated.modules[0];
        let edit = Edit::generated(module);
        let mut swapper = stage.swapper(&place, 1).await?;
        let mut connection = Connection::open(place.http).await?;
        let (mut deployed, mut rolled, mut answered, mut swaps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let rounds = options::number_of(&matches, "rounds").max(1);
        report.progress(&format!("{rounds} deployments of `{module}`, each rolled back"));
        // The first one is not measured.
        for round in 0..=rounds {
            let (_, forward) = swapper.swap(BAKE).await?;
            ensure!(edit.is_answer(&connection.get(&edit.route).await?.text, 2), "the new code serves");
            let begin = Instant::now();
            let (deployment, back) = swapper.back().await?;
            let text = connection.get(&edit.route).await?.text;
            let whole = begin.elapsed();
            ensure!(edit.is_answer(&text, 1), "the old code serves again: {text}");
            if round > 0 {
                deployed.push(forward);
                rolled.push(back);
                answered.push(whole);
                swaps.push(deployment.steps.iter().map(StepTime::took).sum());
            }
        }
        running.stop().await?;
        let mut table = Table::new(
            "rollback within the bake time",
            &[
                ("what", ""),
                ("median_ms", "median"),
                ("most_ms", "longest"),
                ("ratio", "against a deployment"),
                ("to_hold", "to hold"),
            ],
        );
        let mut row = |what: &str, times: &[Duration], to_hold: &str| {
            let ratio = median(times).as_secs_f64() / median(&deployed).as_secs_f64().max(f64::EPSILON);
            let most = times.iter().max().copied().unwrap_or_default();
            table.row([
                Cell::text(what),
                Cell::time(median(times)),
                Cell::time(most),
                Cell::ratio(ratio),
                Cell::text(to_hold),
            ]);
        };
        row("deployment of a built object", &deployed, "");
        row("rollback, until the base says it is done", &rolled, "10 ms");
        row("rollback, until the old code has answered", &answered, "");
        row("  of that, the base's own steps", &swaps, "");
        report.table(table);
        report.note(format!("{rounds} rounds"));
        report.end()
    })
}
