//! Writes a base of many modules, compiled against this repository.
//!
//! `cargo run -p bedplate-benches --bin generate -- FOLDER --modules 20 --lines 5000`

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use bedplate_benches::generate::{Plan, generate};
use bedplate_benches::options;
use clap::{Arg, Command, value_parser};

fn main() -> Result<()> {
    let matches = Command::new("generate")
        .about("Writes a base of many modules, compiled against this repository")
        .arg(
            Arg::new("folder")
                .required(true)
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .help("Where to"),
        )
        .args(options::size("20", "5000"))
        .get_matches();
    let folder = matches.get_one::<PathBuf>("folder").context("clap requires it")?;
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let folder = folder.canonicalize()?;
    let plan = Plan::of(&matches)?;
    let generated = generate(&folder, &plan)?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{}: {} modules, {} lines in all\n  cargo run --manifest-path {0}/Cargo.toml -p {}",
        folder.display(),
        generated.modules.len(),
        generated.lines,
        generated.project.base,
    )?;
    Ok(())
}
