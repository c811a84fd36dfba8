//! The tool `cargo-bedplate`, built from this repository, and programs that run free of what cargo tells benchmarks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::project::{Profile, Project, repository};

/// The tool, and the target folder that it works in.
#[derive(Debug, Clone)]
pub struct Tool {
    program: PathBuf,
    target: PathBuf,
}

impl Tool {
    /// Builds the tool as a user would install it, and lets it work in `target`.
    ///
    /// # Errors
    ///
    /// Where it does not compile.
    pub fn build(target: &Path) -> Result<Self> {
        let mut cargo = Command::new(cargo());
        cargo
            .args(["build", "--release", "--package", "cargo-bedplate", "--message-format", "json-render-diagnostics"])
            .arg("--manifest-path")
            .arg(repository().join("Cargo.toml"))
            .stderr(Stdio::inherit());
        let output = free(&mut cargo, true).output().context("cargo cannot be run")?;
        ensure!(output.status.success(), "the tool does not compile");
        let messages = String::from_utf8_lossy(&output.stdout);
        let mut programs = messages.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let is_tool = message["target"]["name"] == "cargo-bedplate";
            message["executable"].as_str().filter(|_| is_tool).map(PathBuf::from)
        });
        let program = programs.next_back().context("cargo names what it has built")?;
        Ok(Self { program, target: target.to_owned() })
    }

    /// A command of the tool on a project.
    #[must_use]
    pub fn command(&self, name: &str, project: &Project, profile: Profile) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args([name, "--package", &project.base, "--build-profile", profile.name()])
            .arg("--manifest-path")
            .arg(project.root.join("Cargo.toml"))
            .current_dir(&project.root);
        free(&mut command, false).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// The folder that the tool keeps what it has built of a base in.
    #[must_use]
    pub fn output(&self, project: &Project, profile: Profile) -> PathBuf {
        self.target.join("bedplate").join(format!("{}-{}", project.base, profile.name()))
    }

    /// Builds the bundle.
    ///
    /// # Errors
    ///
    /// Where it cannot be built, with what the tool says.
    pub fn bundle(&self, project: &Project, profile: Profile) -> Result<PathBuf> {
        let mut command = self.command("build", project, profile);
        succeed(command.arg("--json"), "the bundle cannot be built")?;
        Ok(self.output(project, profile).join("bundle"))
    }
}

/// The cargo that runs this benchmark.
#[must_use]
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Takes away the variables that cargo sets for a benchmark: they are about this package, and would be taken down in
/// recorded calls. A target folder of the caller's is kept where asked.
pub fn free(command: &mut Command, keeps_target: bool) -> &mut Command {
    const SETS: [&str; 8] = [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "CARGO_INCREMENTAL",
        "LD_LIBRARY_PATH",
        "OUT_DIR",
    ];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_about_this = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_BIN_") || SETS.contains(&&*text);
        if is_about_this || text.starts_with("BEDPLATE") || (text == "CARGO_TARGET_DIR" && !keeps_target) {
            command.env_remove(&name);
        }
    }
    command.env("CARGO", cargo())
}

/// Runs a command to its end. Where it fails, what it said is the error.
///
/// # Errors
///
/// Where it fails.
pub fn succeed(command: &mut Command, what: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{what}: it cannot be run"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    bail!("{what} ({})\n{}", output.status, said.join("\n").trim())
}
