//! A workspace that is measured: built against this repository by path, with its versions and its profiles.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::{Table, Value};

/// A workspace with a base in it.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// The package of the base, and its binary.
    pub base: String,
    /// The folder of the base's package, from the root.
    pub base_folder: PathBuf,
}

/// With which of cargo's profiles something is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// `dev`.
    Dev,
    /// `release`.
    Release,
}

impl Profile {
    /// cargo's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// The folder in the target folder that cargo uses for it.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// This repository.
#[must_use]
pub fn repository() -> PathBuf {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    benches.parent().unwrap_or(benches).to_owned()
}

/// The folder that benchmarks build in, where nobody names another.
#[must_use]
pub fn default_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    target.join("tmp/bedplate-benches")
}

impl Project {
    /// The base's settings file.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.root.join(&self.base_folder).join("bedplate.toml")
    }

    /// Writes what every workspace has: the manifest, with what this repository's own says of versions, lints and
    /// profiles, its lock file, and the toolchain.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or written.
    pub fn write_workspace(root: &Path, members: &[String]) -> Result<()> {
        let repository = repository();
        let text = fs::read_to_string(repository.join("Cargo.toml")).context("this repository has a manifest")?;
        write_if_changed(&root.join("Cargo.toml"), &manifest(&text, &repository, members)?)?;
        // cargo drops from it what this workspace does not use: it is only put there once.
        if !root.join("Cargo.lock").exists() {
            fs::copy(repository.join("Cargo.lock"), root.join("Cargo.lock"))
                .context("the lock file cannot be copied")?;
        }
        let toolchain = fs::read_to_string(repository.join("rust-toolchain.toml")).unwrap_or_default();
        write_if_changed(&root.join("rust-toolchain.toml"), &toolchain)
    }

    /// Copies Conduit out of this repository, as a workspace of its own.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or written.
    pub fn conduit(root: &Path) -> Result<Self> {
        copy_folder(&repository().join("examples/conduit"), &root.join("conduit"))?;
        let members = ["conduit", "conduit/contracts/*", "conduit/modules/*", "conduit/types", "conduit/web"];
        Self::write_workspace(root, &members.map(str::to_owned))?;
        Ok(Self { root: root.to_owned(), base: "conduit".to_owned(), base_folder: "conduit".into() })
    }
}

/// The manifest of a workspace that inherits from the repository's.
fn manifest(of_repository: &str, repository: &Path, members: &[String]) -> Result<String> {
    let mut manifest: Table = of_repository.parse().context("the repository's manifest cannot be read")?;
    let workspace = manifest.get_mut("workspace").and_then(Value::as_table_mut).context("it is a workspace")?;
    workspace.insert("members".to_owned(), Value::from(members.to_vec()));
    workspace.remove("exclude");
    let dependencies = workspace.get_mut("dependencies").and_then(Value::as_table_mut);
    for (_, dependency) in dependencies.context("it lists its dependencies")? {
        if let Some(path) = dependency.get_mut("path") {
            let full = repository.join(path.as_str().context("a path is a text")?);
            *path = Value::from(full.to_str().context("the repository's path is no text")?);
        }
    }
    // As it is in a project of `cargo bedplate new`: this repository's own keeps debug information.
    if let Some(profiles) = manifest.get_mut("profile").and_then(Value::as_table_mut) {
        profiles.remove("release");
    }
    Ok(manifest.to_string())
}

/// Writes a file, and leaves one alone that says the same: what has not changed is not built anew.
///
/// # Errors
///
/// Where it cannot be written.
pub fn write_if_changed(file: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(file).is_ok_and(|now| now == text) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

/// Copies the sources in a folder. What a run or a build has left there stays where it is.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "state" && entry.file_name() != "target" {
                copy_folder(&from, &to)?;
            }
        } else {
            let text = fs::read_to_string(&from).with_context(|| format!("{} cannot be read", from.display()))?;
            write_if_changed(&to, &text)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_inherits_from_the_repository_and_finds_its_crates() {
        let text = "[workspace]\nmembers = [\"core\"]\nexclude = [\"fuzz\"]\n\
                    [workspace.dependencies]\nbedplate = { path = \"core\", version = \"1\" }\nserde = \"1\"\n\
                    [profile.dev]\ndebug = 1\n";
        let manifest: Table = manifest(text, Path::new("/repo"), &["base".to_owned()]).unwrap().parse().unwrap();
        let expected: Table = "[workspace]\nmembers = [\"base\"]\n\
                               [workspace.dependencies]\nbedplate = { path = \"/repo/core\", version = \"1\" }\nserde = \"1\"\n\
                               [profile.dev]\ndebug = 1\n"
            .parse()
            .unwrap();
        assert_eq!(manifest, expected);
    }
}
