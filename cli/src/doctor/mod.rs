//! `doctor`: what a machine and a project need, what is there of it, and the remedy for what is not.

mod finding;
mod machine;
mod project;
mod toolchain;

use std::process::ExitCode;

use anyhow::Result;
use clap::ArgMatches;
use serde_json::json;

use crate::commands::arguments::{placed, selected};
use crate::doctor::finding::{Finding, State};
use crate::output::Output;
use crate::workspace::Workspace;

/// Runs `doctor`. The status is 1 where something is bad; what is only worth knowing is no failure.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<ExitCode> {
    let mut findings = toolchain::look();
    findings.extend(machine::look());
    match Workspace::read(&selected(matches)) {
        Ok(workspace) => findings.extend(project::look(&workspace, &placed(matches, &workspace))),
        // A machine can be looked at without a project.
        Err(error) => findings.push(Finding::unknown("project", format!("{error:#}").replace('\n', "; "))),
    }
    for finding in &findings {
        output.line(finding);
    }
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let (bad, warnings) = (count(State::Bad), count(State::Warning));
    output.line(match (bad, warnings) {
        (0, 0) => "all is well".to_owned(),
        (0, warnings) => format!("it works; {warnings} to look at"),
        (bad, _) => format!("{bad} of {} have to be mended", findings.len()),
    });
    output.object(&json!({ "version": 1, "healthy": bad == 0, "findings": findings }));
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
