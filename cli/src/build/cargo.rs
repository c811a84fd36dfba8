//! The one call of cargo: everything that modules and base share, once, with the features unified.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use cargo_metadata::{Message, PackageId};

use crate::failure::Failure;
use crate::record::Recording;
use crate::workspace::{Selection, Workspace};

/// One library that cargo built.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// Its package.
    pub(crate) package: PackageId,
    /// The features that it was built with, sorted.
    pub(crate) features: Vec<String>,
    /// The library; for a module that only the base uses a placeholder.
    pub(crate) library: PathBuf,
    /// Its metadata.
    pub(crate) metadata: PathBuf,
}

/// All that cargo built, by the stem of the library's file.
#[derive(Debug)]
pub(crate) struct Units {
    pub(crate) by_stem: BTreeMap<String, Unit>,
    /// The folder of the recorded calls.
    pub(crate) calls: PathBuf,
}

/// The prefixes that no built file shows, so that two clones give the same ones.
pub(crate) fn remap(workspace: &Workspace) -> Vec<(PathBuf, String)> {
    let mut remap = vec![(workspace.root.clone(), "/bedplate/workspace".to_owned())];
    remap.push((workspace.output.join("cargo"), "/bedplate/target".to_owned()));
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    remap.extend(home.map(|home| (home, "/bedplate/cargo".to_owned())));
    remap
}

/// Builds what modules and base share, and records how.
pub(crate) fn build(workspace: &Workspace, selection: &Selection) -> Result<Units> {
    let calls = workspace.output.join("calls");
    fs::create_dir_all(&calls).with_context(|| format!("the folder {} cannot be made", calls.display()))?;
    let recording = Recording {
        calls: calls.clone(),
        leaves: workspace
            .modules
            .values()
            .filter(|module| module.is_leaf)
            .map(|module| module.folder.clone())
            .collect(),
        base: workspace.base.folder.clone(),
        binary: workspace.base.binary.clone(),
        remap: remap(workspace),
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--package", &workspace.base.name, "--bin", &workspace.base.binary])
        .args(["--message-format", "json-render-diagnostics", "--target-dir"])
        .arg(workspace.output.join("cargo"))
        .args(selection.arguments())
        // The base digests every object that it loads.
        .args(["--config", "profile.dev.package.sha2.opt-level=3"])
        // What an incremental compiler writes depends on what it compiled before: two clones of one commit would differ.
        .env("CARGO_INCREMENTAL", "0")
        // Objects that are linked one by one cannot be optimized as one.
        .env(format!("CARGO_PROFILE_{}_LTO", selection.profile().to_uppercase().replace('-', "_")), "off")
        .stdout(Stdio::piped());
    recording.apply(&mut cargo)?;
    let mut running = cargo.spawn().context("cargo cannot be run")?;
    let output = running.stdout.take().context("cargo's output is piped")?;
    let mut by_stem = BTreeMap::new();
    for message in Message::parse_stream(BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) = message.context("cargo's output cannot be read")?
            && let Some((stem, unit)) = unit(artifact)
        {
            by_stem.insert(stem, unit);
        }
    }
    let status = running.wait().context("cargo cannot be waited for")?;
    if !status.success() {
        return Err(Failure::error(
            "does-not-compile",
            "cargo could not build the base",
            "mend what the compiler names above",
        ));
    }
    Ok(Units { by_stem, calls })
}

fn unit(artifact: cargo_metadata::Artifact) -> Option<(String, Unit)> {
    let find = |extension: &str| {
        let file = artifact.filenames.iter().find(|file| file.extension() == Some(extension))?;
        Some(file.as_std_path().to_owned())
    };
    let metadata = find("rmeta")?;
    let stem = metadata.file_stem()?.to_str()?.to_owned();
    // The file beside the metadata has the unit's own name; what a root package shows does not.
    let library = metadata.with_extension("rlib");
    let mut features = artifact.features;
    features.sort();
    Some((stem, Unit { package: artifact.package_id, features, library, metadata }))
}

impl Units {
    /// The unit that a library's file belongs to.
    pub(crate) fn of(&self, library: &Path) -> Option<(&str, &Unit)> {
        let stem = library.file_stem()?.to_str()?;
        self.by_stem.get_key_value(stem).map(|(stem, unit)| (stem.as_str(), unit))
    }
}
