//! One call of rustc, as cargo made it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Variables that belong to the moment of the call and not to what it compiles: cargo's jobserver,
/// whose pipes are gone, and what the tool itself sets.
const PASSING: [&str; 6] =
    ["CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "TERM"];

/// Prefixes of the variables that a compilation may read.
const COMPILED: [&str; 7] = ["CARGO", "RUST", "OUT_DIR", "LD_LIBRARY_PATH", "DYLD_", "PATH", "HOME"];

/// Variables that a replayed call gets from who replays it.
const OF_CALLER: [&str; 5] = ["PATH", "TMPDIR", "HOME", "LANG", "TERM"];

/// One call of rustc.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    /// The compiler.
    pub(crate) rustc: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// The variables that the crate may read.
    pub(crate) environment: BTreeMap<String, String>,
    /// The folder that it ran in.
    pub(crate) folder: PathBuf,
}

/// One `--extern name=path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extern {
    /// What stands before the name, such as `priv,noprelude:`.
    pub(crate) options: String,
    /// The name in code.
    pub(crate) name: String,
    /// The library; none for what comes with the compiler.
    pub(crate) path: Option<PathBuf>,
}

impl Call {
    /// The call that this process was asked to make.
    pub(crate) fn of_process(rustc: PathBuf, arguments: Vec<String>) -> Result<Self> {
        let folder = std::env::current_dir().context("the current folder cannot be read")?;
        // What is no text no crate can have been told by `env!`.
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let environment = variables
            .filter(|(name, _)| !PASSING.contains(&name.as_str()) && is_read_by_a_crate(name))
            .filter_map(|(name, value)| Some((name, value.into_string().ok()?)))
            .collect();
        Ok(Self { rustc, arguments, environment, folder })
    }

    /// Reads a recorded call.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read(file).with_context(|| format!("the recorded call {} cannot be read", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no recorded call", file.display()))
    }

    /// Writes it; a reader finds the old call or the new one.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).context("a call is texts")?;
        let new = file.with_extension(format!("new{}", std::process::id()));
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, file))
            .with_context(|| format!("{} cannot be written", file.display()))
    }

    /// The name of the crate, as rustc is told.
    pub(crate) fn crate_name(&self) -> &str {
        self.value("--crate-name").unwrap_or_default()
    }

    /// What cargo adds to the names of the files, to tell builds of one crate apart.
    pub(crate) fn extra_filename(&self) -> &str {
        self.codegen().find_map(|option| option.strip_prefix("extra-filename=")).unwrap_or_default()
    }

    /// `-C metadata`, which tells versions of one crate apart.
    pub(crate) fn metadata(&self) -> Option<&str> {
        self.codegen().find_map(|option| option.strip_prefix("metadata="))
    }

    /// The crate types.
    pub(crate) fn crate_types(&self) -> impl Iterator<Item = &str> {
        self.values("--crate-type")
    }

    /// The folder that its files go to.
    pub(crate) fn out_dir(&self) -> Option<PathBuf> {
        self.value("--out-dir").map(|folder| self.folder.join(folder))
    }

    /// The file with the crate's root.
    pub(crate) fn root(&self) -> Option<&str> {
        let mut previous = "";
        self.arguments.iter().map(String::as_str).find(|argument| {
            let is_value = previous.starts_with('-') && !previous.contains('=') && takes_value(previous);
            previous = argument;
            !is_value && !argument.starts_with('-') && argument.ends_with(".rs")
        })
    }

    /// The `--extern`s.
    pub(crate) fn externs(&self) -> impl Iterator<Item = Extern> {
        self.values("--extern").map(|text| Extern::parse(text, &self.folder))
    }

    /// The options after `-C`.
    pub(crate) fn codegen(&self) -> impl Iterator<Item = &str> {
        let short = self.values("-C");
        let long = self.values("--codegen");
        // `-Copt-level=3` in one word.
        let joined =
            self.arguments.iter().filter_map(|argument| argument.strip_prefix("-C").filter(|rest| !rest.is_empty()));
        short.chain(long).chain(joined)
    }

    /// The values of an option, as `--name value` and as `--name=value`.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let after = self.arguments.iter().zip(self.arguments.iter().skip(1));
        let separate = after.filter(move |(option, _)| *option == name).map(|(_, value)| value.as_str());
        let joined = self
            .arguments
            .iter()
            .filter(|_| name.starts_with("--"))
            .filter_map(move |argument| argument.strip_prefix(name)?.strip_prefix('='));
        separate.chain(joined)
    }

    /// The first value of an option.
    pub(crate) fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// What the crate would read from a variable now.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let of_caller = OF_CALLER.contains(&name).then(|| std::env::var(name).ok()).flatten();
        of_caller.or_else(|| self.environment.get(name).cloned())
    }

    /// A command that runs the compiler where and how the call did, without its arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.rustc);
        command.current_dir(&self.folder).env_clear().envs(&self.environment);
        // The linker is found, and writes, as for the caller.
        for name in OF_CALLER {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }
}

impl Extern {
    fn parse(text: &str, folder: &Path) -> Self {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(folder.join(path))));
        let (options, name) = name.rsplit_once(':').unwrap_or(("", name));
        Self { options: options.to_owned(), name: name.to_owned(), path }
    }

    /// The stem of the library's file, `libserde-0123`: what tells one build of a crate from all others.
    pub(crate) fn stem(&self) -> Option<String> {
        Some(self.path.as_ref()?.file_stem()?.to_str()?.to_owned())
    }

    /// The argument, with the library at `path`.
    pub(crate) fn argument(&self, path: &Path) -> String {
        let options = if self.options.is_empty() { String::new() } else { format!("{}:", self.options) };
        format!("{options}{}={}", self.name, path.display())
    }
}

/// What a crate can read at compile time, and what the compiler needs.
fn is_read_by_a_crate(name: &str) -> bool {
    !name.starts_with("CARGO_REGISTRIES_")
        && !name.starts_with("CARGO_REGISTRY_")
        && (COMPILED.iter().any(|prefix| name.starts_with(prefix)) || !is_secret(name))
}

/// A recorded call lies on disk: what looks like a secret does not go there.
fn is_secret(name: &str) -> bool {
    ["TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "KEY"].iter().any(|word| name.contains(word))
}

fn takes_value(option: &str) -> bool {
    matches!(
        option,
        "--crate-name"
            | "--crate-type"
            | "--edition"
            | "--emit"
            | "-C"
            | "-L"
            | "--extern"
            | "--out-dir"
            | "-o"
            | "--cfg"
            | "--check-cfg"
            | "--cap-lints"
            | "--target"
            | "--remap-path-prefix"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &[&str]) -> Call {
        Call {
            rustc: "rustc".into(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: BTreeMap::new(),
            folder: "/ws".into(),
        }
    }

    #[test]
    fn reads_the_arguments_that_cargo_gives() {
        let call = call(&[
            "--crate-name",
            "comments",
            "--edition=2024",
            "modules/comments/src/lib.rs",
            "--crate-type",
            "lib",
            "--emit=dep-info,metadata,link",
            "-C",
            "opt-level=3",
            "-Cpanic=unwind",
            "-C",
            "metadata=77",
            "-C",
            "extra-filename=-12",
            "--out-dir",
            "/t/deps",
            "-L",
            "dependency=/t/deps",
            "--extern",
            "serde=/t/deps/libserde-1.rmeta",
            "--extern",
            "priv,noprelude:hidden=/t/deps/libhidden-2.rlib",
            "--extern",
            "proc_macro",
        ]);
        assert_eq!(call.crate_name(), "comments");
        assert_eq!(call.root(), Some("modules/comments/src/lib.rs"));
        assert_eq!(call.extra_filename(), "-12");
        assert_eq!(call.metadata(), Some("77"));
        assert_eq!(call.crate_types().collect::<Vec<_>>(), ["lib"]);
        assert_eq!(call.value("--edition"), Some("2024"));
        assert!(call.codegen().any(|option| option == "panic=unwind"));
        let externs: Vec<_> = call.externs().collect();
        assert_eq!(externs[0].stem().as_deref(), Some("libserde-1"));
        assert_eq!(externs[1].argument(Path::new("/x.rlib")), "priv,noprelude:hidden=/x.rlib");
        assert_eq!(externs[2].path, None);
    }

    #[test]
    fn secrets_are_not_recorded() {
        assert!(is_read_by_a_crate("CARGO_PKG_NAME") && is_read_by_a_crate("DATABASE_URL"));
        assert!(!is_read_by_a_crate("CARGO_REGISTRY_TOKEN") && !is_read_by_a_crate("GITHUB_TOKEN"));
        assert!(!is_read_by_a_crate("CARGO_REGISTRIES_PRIVATE_TOKEN"));
    }
}
