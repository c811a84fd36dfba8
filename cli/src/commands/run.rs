//! `run`: the bundle, built and run.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::ArgMatches;

use crate::build::{Lock, Workshop};
use crate::commands::arguments::{placed, selected};
use crate::output::Output;
use crate::workspace::Workspace;

/// Runs `run`; its status is the base's.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<ExitCode> {
    let selection = selected(matches);
    let workspace = Workspace::read(&selection)?;
    let lock = Lock::take(&workspace, output)?;
    let workshop = Workshop::open(workspace, &selection, &lock, output)?;
    let objects = workshop.link_all(&workshop.checkout(), &lock, output)?;
    workshop.write_bundle(&workshop.bundle_folder(), &objects, &lock)?;
    drop(lock);
    let place = placed(matches, &workshop.workspace);
    let mut base = Command::new(&place.executable);
    base.arg("run").args(place.arguments());
    replace(base)
}

/// Lets a program take the place of this one, so that its signals and its status are its own.
pub(crate) fn replace(mut program: Command) -> Result<ExitCode> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = program.exec();
        Err(error).with_context(|| format!("{} cannot be run", program.get_program().display()))
    }
    #[cfg(not(unix))]
    {
        let status = program.status().with_context(|| format!("{} cannot be run", program.get_program().display()))?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
