//! `check`: what is out of order between base, modules and contracts. What is known and recorded does not fail.

mod baseline;
mod clippy;
mod contracts;
mod packages;
mod sources;
#[cfg(test)]
mod tests;
mod violation;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use crate::order::check::baseline::Baseline;
use crate::order::check::packages::Packages;
use crate::order::check::violation::Violation;
use crate::order::composed::Composed;
use crate::output::Output;

/// The arguments of `check`, without those of every command.
pub(crate) fn command() -> Command {
    Command::new("check")
        .about("Looks for what is out of order: between modules, contracts and shared crates, and in the modules' code")
        .arg(
            Arg::new("record")
                .long("record")
                .action(ArgAction::SetTrue)
                .help("Writes what is there now to bedplate-check.toml, so that only what is new fails"),
        )
        .arg(
            Arg::new("no-clippy")
                .long("no-clippy")
                .action(ArgAction::SetTrue)
                .help("Leaves out what takes clippy: threads, exits, hooks, tasks without a context"),
        )
}

/// Runs `check`. The status is 1 where there is something that is not recorded.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<ExitCode> {
    let (composed, workspace) = Composed::ask(matches, output)?;
    let mut notes = Vec::new();
    let mut violations: Vec<Violation> = composed.problems.iter().map(Violation::of_composition).collect();
    let packages = Packages::of(&workspace);
    violations.extend(packages.check());
    violations.extend(contracts::check(&composed, &packages));
    violations.extend(sources::check(&packages)?);
    if matches.get_flag("no-clippy") {
        notes.push("clippy was left out: threads, exits, hooks and tasks were not looked for".to_owned());
    } else {
        match clippy::check(&workspace, &packages, output)? {
            clippy::Looked::At(found) => violations.extend(found),
            clippy::Looked::Not(why) => notes.push(why),
        }
    }
    violations.sort();
    violations.dedup();
    let file = Baseline::file(&workspace);
    if matches.get_flag("record") {
        Baseline::of(&violations).write(&file)?;
        output.line(format!("recorded {} in {}", violations.len(), file.display()));
        output.object(&json!({ "version": 1, "recorded": violations.len(), "file": file }));
        return Ok(ExitCode::SUCCESS);
    }
    let baseline = Baseline::read(&file)?;
    let (known, new): (Vec<_>, Vec<_>) = violations.into_iter().partition(|violation| baseline.knows(violation));
    let gone = baseline.without(&known);
    for violation in &new {
        output.line(violation);
    }
    for note in &notes {
        output.line(format!("note: {note}"));
    }
    if !gone.is_empty() {
        output.line(format!(
            "note: {} in {} are mended: `cargo bedplate check --record` takes them out",
            gone.len(),
            file.display()
        ));
    }
    let counted = |count: usize, what: &str| if count == 0 { String::new() } else { format!(", {count} {what}") };
    output.line(match new.len() {
        0 => format!("{} is in order{}", composed.base, counted(known.len(), "known and recorded")),
        found => format!("{found} out of order{}", counted(known.len(), "more are known and recorded")),
    });
    output.object(&json!({ "version": 1, "violations": new, "recorded": known, "mended": gone, "notes": notes }));
    Ok(if new.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
