//! The commands that act on a running base: the base's own binary carries them out.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::ArgMatches;

use crate::commands::arguments::{placed, selected};
use crate::commands::run::replace;
use crate::failure::Failure;
use crate::output::Output;
use crate::workspace::Workspace;

/// Runs a command of the base's binary in the bundle.
pub(crate) fn run(name: &str, matches: &ArgMatches, output: Output) -> Result<ExitCode> {
    let workspace = Workspace::read(&selected(matches))?;
    let place = placed(matches, &workspace);
    if !place.executable.exists() {
        return Err(Failure::error(
            "no-bundle",
            format!("there is no bundle of `{}`: {} is not there", workspace.base.name, place.executable.display()),
            "build it, `cargo bedplate build`, or use the binary of the base that runs: it has this command too",
        ));
    }
    let mut base = Command::new(&place.executable);
    base.arg(name).args(matches.get_many::<String>("rest").into_iter().flatten()).args(place.arguments());
    if output == Output::Json {
        base.arg("--json");
    }
    replace(base)
}
