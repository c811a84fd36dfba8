//! `build`: the bundle, or the one static binary.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ArgMatches;
use serde_json::json;

use crate::build::{Lock, Workshop};
use crate::commands::arguments::selected;
use crate::failure::Failure;
use crate::output::{Output, duration};
use crate::workspace::Workspace;

/// Runs `build`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let selection = selected(matches);
    let since = Instant::now();
    if matches.get_flag("static") {
        return build_static(&selection, output);
    }
    let workspace = Workspace::read(&selection)?;
    let lock = Lock::take(&workspace, output)?;
    let workshop = Workshop::open(workspace, &selection, &lock, output)?;
    let objects = workshop.link_all(&workshop.checkout(), &lock, output)?;
    let to = matches.get_one::<PathBuf>("out").cloned().unwrap_or_else(|| workshop.bundle_folder());
    let bundle = workshop.write_bundle(&to, &objects, &lock)?;
    output.object(&json!({
        "version": 1, "bundle": to, "base": bundle.base, "fingerprint": bundle.label.base_fingerprint,
        "modules": bundle.modules, "took_ms": u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
    }));
    output.line(format!(
        "built {} with {} modules in {}\n  run it: {}",
        to.display(),
        bundle.modules.len(),
        duration(since.elapsed()),
        to.join(&bundle.executable).display(),
    ));
    Ok(())
}

/// The same sources as one static binary, by cargo alone.
fn build_static(selection: &crate::workspace::Selection, output: Output) -> Result<()> {
    let workspace = Workspace::read(selection)?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--package", &workspace.base.name, "--bin", &workspace.base.binary])
        .args(selection.arguments());
    if !cargo.status().context("cargo cannot be run")?.success() {
        return Err(Failure::error(
            "does-not-compile",
            "cargo could not build the base",
            "mend what the compiler names above",
        ));
    }
    output.object(&json!({ "version": 1, "base": workspace.base.name, "static": true }));
    Ok(())
}
