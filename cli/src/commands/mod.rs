//! The commands.

mod arguments;
mod build;
mod pass;
mod redeploy;
mod run;

use std::process::ExitCode;

use anyhow::Result;
use bedplate_admin_client::ClientError;

use crate::dev;
use crate::output::Output;

/// Reads the arguments and runs the command. The status is 0 where it worked, 1 where it did not, 2 where
/// the arguments make no sense, 3 where no base answers, and 4 where the base was lost sight of.
pub(crate) fn main() -> ExitCode {
    // As a subcommand of cargo, the first argument is the subcommand's own name.
    let arguments = std::env::args_os()
        .enumerate()
        .filter(|(index, argument)| !(*index == 1 && (argument == "bedplate" || argument == "bp")));
    let matches = arguments::command_line().get_matches_from(arguments.map(|(_, argument)| argument));
    let output = if matches.get_flag("json") { Output::Json } else { Output::Text };
    let done = match matches.subcommand() {
        Some(("build", matches)) => build::run(matches, output),
        Some(("run", matches)) => return finished(run::run(matches, output), output),
        Some(("dev", matches)) => {
            dev::run(arguments::selected(matches), |workspace| arguments::placed(matches, workspace), output)
        }
        Some(("redeploy", matches)) => redeploy::run(matches, output),
        Some((name, matches)) => return finished(pass::run(name, matches, output), output),
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
