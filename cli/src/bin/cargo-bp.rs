//! `cargo bp`: `cargo bedplate` by its short name.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    cargo_bedplate::main()
}
