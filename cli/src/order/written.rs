//! What a command draws or lists: to standard output, or to a file.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Arg, ArgMatches};

use crate::file::not_written;
use crate::output::Output;

/// `--out FILE`.
pub(super) fn argument() -> Arg {
    Arg::new("out")
        .long("out")
        .short('o')
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("Writes to a file [default: standard output]")
}

/// Writes it where the arguments say.
pub(super) fn write(matches: &ArgMatches, output: Output, text: &str) -> Result<()> {
    let Some(file) = matches.get_one::<PathBuf>("out") else {
        output.line(text.trim_end());
        return Ok(());
    };
    fs::write(file, text).map_err(|error| not_written(file, &error))?;
    output.line(format!("wrote {}", file.display()));
    Ok(())
}
