//! `cargo bedplate`: builds a base as a bundle, and relinks and swaps its modules while it runs.

#![forbid(unsafe_code)]

mod build;
mod commands;
mod deployment;
mod dev;
mod failure;
mod output;
mod record;
mod running;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    // cargo runs this program in place of rustc, while it builds for it.
    if let Some(status) = record::run_wrapper() {
        return status;
    }
    commands::main()
}
