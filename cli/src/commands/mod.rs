//! The commands.

pub(crate) mod arguments;
mod build;
mod market;
mod pass;
mod redeploy;
mod run;
mod sign;

use std::process::ExitCode;

use anyhow::Result;
use bedplate_admin_client::ClientError;

use crate::output::Output;
use crate::{dev, doctor, order};

/// Reads the arguments and runs the command. The status is 0 where it worked, 1 where it did not, 2 where
/// the arguments make no sense, 3 where no base answers, and 4 where the base was lost sight of.
pub(crate) fn main() -> ExitCode {
    // As a subcommand of cargo, the first argument is the subcommand's own name.
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let mut name = "cargo bedplate";
    if let Some(short) = arguments.get(1).filter(|first| *first == "bedplate" || *first == "bp") {
        name = if short == "bp" { "cargo bp" } else { name };
        arguments.remove(1);
    }
    let matches = arguments::command_line().bin_name(name).get_matches_from(arguments);
    let output = if matches.get_flag("json") { Output::Json } else { Output::Text };
    let done = match matches.subcommand() {
        Some(("build", matches)) => build::run(matches, output),
        Some(("run", matches)) => return finished(run::run(matches, output), output),
        Some(("dev", matches)) => {
            dev::run(arguments::selected(matches), |workspace| arguments::placed(matches, workspace), output)
        }
        Some(("doctor", matches)) => return finished(doctor::run(matches, output), output),
        Some(("check", matches)) => return finished(order::check(matches, output), output),
        Some(("graph", matches)) => order::graph(matches, output),
        Some(("catalog", matches)) => order::catalog(matches, output),
        Some(("market", matches)) => return finished(market::run(matches, output), output),
        Some(("redeploy", matches)) => redeploy::run(matches, output),
        Some(("sign", matches)) => sign::run(matches, output),
        Some((name, matches)) => match crate::project::run(name, matches, output) {
            Some(done) => done,
            None => return finished(pass::run(name, matches, output), output),
        },
        None => Ok(()),
    };
    finished(done.map(|()| ExitCode::SUCCESS), output)
}

fn finished(done: Result<ExitCode>, output: Output) -> ExitCode {
    done.unwrap_or_else(|error| {
        output.failure(&error);
        match error.downcast_ref::<ClientError>() {
            Some(error) => ExitCode::from(error.exit_status()),
            None => ExitCode::FAILURE,
        }
    })
}
