//! The bare call of rustc that makes a module's object: what the tool has recorded of it, made by hand in another
//! copy of the sources. It is what the tool's own path is compared with.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::project::{Profile, Project};
use crate::tool::Tool;

/// One call of rustc, as the tool records it below `calls`.
#[derive(Debug, Clone, Deserialize)]
struct Recorded {
    rustc: PathBuf,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    folder: PathBuf,
}

/// A call that can be made again and again.
#[derive(Debug)]
pub struct BareCall {
    recorded: Recorded,
    /// The root of the workspace that it was recorded in, and that of the one where it is made.
    roots: (PathBuf, PathBuf),
    /// The tool's folder for the links of this base.
    link: PathBuf,
    module: String,
    library: String,
    /// Where its object and what it keeps between calls go.
    own: PathBuf,
}

impl BareCall {
    /// Finds what was recorded for a module of `project`, to make it in the copy at `root`.
    ///
    /// # Errors
    ///
    /// Where the tool has not built it.
    pub fn find(
        tool: &Tool,
        project: &Project,
        profile: Profile,
        module: &str,
        root: &Path,
        own: &Path,
    ) -> Result<Self> {
        let output = tool.output(project, profile);
        let prefix = format!("lib{}-", module.replace('-', "_"));
        let mut newest: Option<(std::time::SystemTime, PathBuf)> = None;
        for entry in fs::read_dir(output.join("calls")).context("the tool has recorded calls")? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let found = (entry.metadata()?.modified()?, entry.path());
                newest = newest.max(Some(found));
            }
        }
        let (_, file) = newest.with_context(|| format!("no call is recorded for `{module}`"))?;
        let recorded =
            serde_json::from_slice(&fs::read(&file)?).with_context(|| format!("{} is a call", file.display()))?;
        fs::create_dir_all(own).with_context(|| format!("the folder {} cannot be made", own.display()))?;
        Ok(Self {
            recorded,
            roots: (project.root.clone(), root.to_owned()),
            link: output.join("link"),
            module: module.to_owned(),
            library: format!("bedplate_base_{}", project.base.replace('-', "_")),
            own: own.to_owned(),
        })
    }

    /// Makes the call, and returns how long it took.
    ///
    /// # Errors
    ///
    /// Where it fails.
    pub fn run(&self) -> Result<Duration> {
        let mut command = self.command(&self.roots.1)?;
        let begin = Instant::now();
        let output = command.stdin(Stdio::null()).output().context("rustc cannot be run")?;
        let took = begin.elapsed();
        ensure!(output.status.success(), "the bare call fails: {}", String::from_utf8_lossy(&output.stderr));
        Ok(took)
    }

    /// Whether the call makes the very object that the tool has made of the same sources.
    ///
    /// # Errors
    ///
    /// Where it fails.
    pub fn makes_the_same(&self) -> Result<bool> {
        let mut command = self.command(&self.roots.0)?;
        let output = command.stdin(Stdio::null()).output().context("rustc cannot be run")?;
        ensure!(output.status.success(), "the bare call fails: {}", String::from_utf8_lossy(&output.stderr));
        let of_tool = self.link.join(&self.module).join(format!("{}.so", self.module));
        Ok(fs::read(self.object())? == fs::read(of_tool)?)
    }

    fn object(&self) -> PathBuf {
        self.own.join(format!("{}.so", self.module))
    }

    /// The recorded call with another output: a shared object that is linked to the base library, as the tool makes it.
    fn command(&self, root: &Path) -> Result<Command> {
        let there = |text: &str| text.replace(&*self.roots.0.to_string_lossy(), &root.to_string_lossy());
        let call = &self.recorded;
        let mut rustc = Command::new(&call.rustc);
        rustc.current_dir(there(&call.folder.to_string_lossy())).env_clear();
        rustc.envs(call.environment.iter().map(|(name, value)| (name, there(value))));
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                rustc.env(name, value);
            }
        }
        let own = |name: &str| self.own.join(name).display().to_string();
        rustc
            .env("BEDPLATE_BASE_LIBRARY", &self.library)
            .env("BEDPLATE_OBJECT_LABEL", self.link.join(&self.module).join("label.json"))
            .args(["--crate-type", "cdylib", "-C", "prefer-dynamic", "-o"])
            .arg(self.object())
            .arg(format!("--emit=link,dep-info={}", own("object.d")))
            .args(["--print=link-args", "--color", "never"])
            .args(["-C", &format!("incremental={}", own("incremental"))]);
        for argument in ["--build-id=sha1", "-z,defs", "-z,start-stop-visibility=hidden"] {
            rustc.args(["-C", &format!("link-arg=-Wl,{argument}")]);
        }
        for argument in kept(&call.arguments) {
            rustc.arg(there(&argument));
        }
        let library = self.link.join(format!("lib{}.so", self.library));
        rustc.args(["--extern", &format!("{}={}", self.library, library.display())]);
        Ok(rustc)
    }
}

/// What of a recorded call stays: all but its outputs, the form of its messages, and what a link of its own sets
/// anew. Of dependencies it needs the code, where cargo's check needed the metadata alone.
fn kept(arguments: &[String]) -> Vec<String> {
    const DROPPED: [&str; 8] =
        ["--crate-type", "--emit", "--out-dir", "-o", "--error-format", "--json", "--diagnostic-width", "--color"];
    let mut kept = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let (name, joined) =
            argument.split_once('=').map_or((argument.as_str(), None), |(name, value)| (name, Some(value)));
        if DROPPED.contains(&name) {
            if joined.is_none() {
                rest.next();
            }
        } else if name == "-C" {
            let option = rest.next().cloned().unwrap_or_default();
            let is_dropped = ["extra-filename", "incremental", "lto", "linker-plugin-lto", "strip"]
                .iter()
                .any(|dropped| option.split('=').next() == Some(*dropped));
            if !is_dropped {
                kept.extend(["-C".to_owned(), option]);
            }
        } else if name == "--extern" {
            let library = joined.map(str::to_owned).or_else(|| rest.next().cloned()).unwrap_or_default();
            let library = library.strip_suffix(".rmeta").map_or(library.clone(), |stem| format!("{stem}.rlib"));
            kept.extend(["--extern".to_owned(), library]);
        } else {
            kept.push(argument.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_go_and_dependencies_are_linked() {
        let arguments = [
            "--crate-name",
            "orders",
            "--edition=2024",
            "modules/orders/src/lib.rs",
            "--error-format=json",
            "--json=artifacts",
            "--crate-type",
            "lib",
            "--emit=dep-info,metadata,link",
            "-C",
            "opt-level=3",
            "-C",
            "metadata=77",
            "-C",
            "extra-filename=-12",
            "--out-dir",
            "/t/deps",
            "-C",
            "incremental=/t/i",
            "-L",
            "dependency=/t/deps",
            "--extern",
            "serde=/t/deps/libserde-1.rmeta",
        ]
        .map(str::to_owned);
        let expected = [
            "--crate-name",
            "orders",
            "--edition=2024",
            "modules/orders/src/lib.rs",
            "-C",
            "opt-level=3",
            "-C",
            "metadata=77",
            "-L",
            "dependency=/t/deps",
            "--extern",
            "serde=/t/deps/libserde-1.rlib",
        ];
        assert_eq!(kept(&arguments), expected);
    }
}
