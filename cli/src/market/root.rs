//! The project that the tool is called in.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::failure::Failure;

/// The folder of the workspace's `Cargo.toml`: that of the package or workspace whose `Cargo.toml` is named, else of
/// the one that the current folder lies in; none where it lies in none.
///
/// # Errors
///
/// Where the `Cargo.toml` that is named is not there, or cargo cannot read it.
pub(crate) fn workspace_root(manifest: Option<&Path>) -> Result<Option<PathBuf>> {
    let here = env::current_dir()?;
    let found = match manifest {
        Some(manifest) => Some(here.join(manifest)),
        None => here.ancestors().map(|folder| folder.join("Cargo.toml")).find(|manifest| manifest.is_file()),
    };
    let Some(manifest) = found else { return Ok(None) };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["locate-project", "--workspace", "--message-format", "plain", "--manifest-path"]).arg(&manifest);
    let located = cargo.stdin(Stdio::null()).output().map_err(|error| {
        Failure::error("no-cargo", format!("cargo cannot be run: {error}"), "install Rust: https://rustup.rs")
    })?;
    let text = String::from_utf8_lossy(&located.stdout).into_owned();
    match Path::new(text.trim_end()).parent() {
        Some(root) if located.status.success() => Ok(Some(root.to_owned())),
        _ => Err(Failure::error(
            "no-project",
            format!(
                "cargo finds no project by {}: {}",
                manifest.display(),
                String::from_utf8_lossy(&located.stderr).trim_end()
            ),
            "call it in the folder of a project, or name its Cargo.toml: --manifest-path",
        )),
    }
}
