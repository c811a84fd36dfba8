//! `cargo bedplate`: the whole of it is in the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    cargo_bedplate::main()
}
