//! `cargo bedplate`: makes bases from starters of the market, keeps their modules in order, and builds, runs and swaps them.

#![forbid(unsafe_code)]

mod build;
mod commands;
mod deployment;
mod dev;
mod doctor;
mod failure;
mod file;
mod market;
mod order;
mod output;
mod project;
mod record;
mod running;
mod sources;
mod suggest;
#[cfg(test)]
mod testing;
mod workspace;

use std::process::ExitCode;

/// The tool, under both of its names: does what the arguments of the process say, and returns the status to
/// end with.
#[must_use]
pub fn main() -> ExitCode {
    // cargo runs this program in place of rustc, while it builds for it.
    if let Some(status) = record::run_wrapper() {
        return status;
    }
    commands::main()
}
