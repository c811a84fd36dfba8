//! A base that is built for its starters to be asked, and for nothing else.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Message, Metadata, MetadataCommand, PackageId};
use serde::Deserialize;
use toml_edit::{DocumentMut, InlineTable, Item, Table, value};

use super::describe::Row;
use super::package::Resolved;
use crate::failure::Failure;
use crate::market::cache;

const NAME: &str = "bedplate-market-base";

/// How much of what cargo says about a build that failed is shown, in lines.
const SHOWN: usize = 60;

/// Where bases are built to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    /// The lock file of the starters' own workspace, which says what they are built with.
    lock: Option<PathBuf>,
    /// Where cargo runs: there the toolchain and cargo's settings are those of the starters.
    workspace: PathBuf,
}

/// A starter that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) package: String,
    pub(super) dependency: Dependency,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dependency {
    Path(PathBuf),
    Git { url: String, rev: String },
    Registry(String),
}

impl Dependency {
    /// As a `Cargo.toml` says it.
    fn describe(&self) -> InlineTable {
        let mut table = InlineTable::new();
        let mut say = |key: &str, text: String| table.insert(key, text.into());
        match self {
            Self::Path(path) => say("path", path.display().to_string()),
            Self::Git { url, rev } => {
                say("git", url.clone());
                say("rev", rev.clone())
            }
            Self::Registry(version) => say("version", version.clone()),
        };
        table
    }
}

impl Place {
    /// In the target folder of the workspace that the folder `of` is in; in the user's cache where it is in none.
    ///
    /// # Errors
    ///
    /// Where cargo cannot read the workspace, or there is no cache folder.
    pub(crate) fn of(of: &Path) -> Result<Self> {
        let manifest = of.ancestors().map(|folder| folder.join("Cargo.toml")).find(|manifest| manifest.is_file());
        let Some(manifest) = manifest else {
            return Ok(Self { folder: cache::folder("market")?, lock: None, workspace: of.to_owned() });
        };
        let metadata = MetadataCommand::new().manifest_path(&manifest).no_deps().exec().map_err(|error| {
            Failure::error("no-workspace", format!("cargo cannot read the workspace: {error}"), "correct it")
        })?;
        let workspace = metadata.workspace_root.as_std_path().to_owned();
        Ok(Self {
            folder: metadata.target_directory.as_std_path().join("bedplate").join("market"),
            lock: Some(workspace.join("Cargo.lock")).filter(|lock| lock.is_file()),
            workspace,
        })
    }
}

/// The base, as far as it is made.
pub(super) struct Throwaway<'a> {
    place: &'a Place,
    wanted: &'a [Wanted],
    /// Held as long as the base is worked on: another tool waits.
    _lock: File,
}

impl<'a> Throwaway<'a> {
    /// Writes a base with these starters; without bedplate, which is whichever they depend on.
    pub(super) fn write(place: &'a Place, wanted: &'a [Wanted]) -> Result<Self> {
        let source = place.folder.join("src");
        let written = fs::create_dir_all(&source).and_then(|()| {
            let lock = File::create(place.folder.join("lock"))?;
            lock.lock()?;
            fs::write(source.join("main.rs"), "//! Built for its starters to be asked.\n\nbedplate::base!();\n")?;
            if let Some(own) = &place.lock {
                fs::write(place.folder.join("Cargo.lock"), fs::read(own)?)?;
            }
            Ok(lock)
        });
        let lock = written.map_err(|error| not_written(&place.folder, &error))?;
        let throwaway = Self { place, wanted, _lock: lock };
        throwaway.write_manifest(None)?;
        Ok(throwaway)
    }

    /// Has cargo say what the starters are, and which bedplate they are built with, which the base then has too.
    pub(super) fn resolve(&self) -> Result<Vec<Resolved>> {
        let metadata = self.metadata()?;
        let bedplate = bedplate_of(&metadata)?;
        self.write_manifest(bedplate.as_ref())?;
        let metadata = self.metadata()?;
        let root = metadata.resolve.as_ref().and_then(|resolve| resolve.root.clone());
        let ids = root.map(|root| dependencies(&metadata, &root)).unwrap_or_default();
        self.wanted
            .iter()
            .map(|wanted| {
                let package = metadata
                    .packages
                    .iter()
                    .find(|package| ids.contains(&&package.id) && package.name.as_str() == wanted.package);
                let package = package.with_context(|| format!("cargo says nothing of `{}`", wanted.package))?;
                let bedplate = metadata.packages.iter().find(|package| package.name.as_str() == "bedplate");
                Ok(Resolved { package: package.clone(), bedplate: bedplate.map(|package| package.version.clone()) })
            })
            .collect()
    }

    /// Builds the base and asks it for its starters.
    pub(super) fn ask(&self) -> Result<Vec<Row>> {
        let built = self.cargo(&["build", "--message-format", "json-render-diagnostics", "--target-dir"], |cargo| {
            cargo.arg(self.place.folder.join("target"));
        })?;
        if !built.status.success() {
            return Err(self.broken(&built));
        }
        let is_base = |artifact: &cargo_metadata::Artifact| artifact.target.name == NAME;
        let program = Message::parse_stream(built.stdout.as_slice()).find_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) if is_base(&artifact) => artifact.executable,
            _ => None,
        });
        let program = program.context("cargo does not say where it put the base that it built")?;
        let mut base = Command::new(&program);
        base.args(["starters", "--json"]).current_dir(&self.place.folder).stdin(Stdio::null());
        // It is the starters that are asked, and not the settings of whoever asks.
        for (variable, _) in env::vars_os() {
            if variable.to_string_lossy().starts_with("BEDPLATE") || variable == "CARGO_MANIFEST_DIR" {
                base.env_remove(variable);
            }
        }
        let told = base.output().with_context(|| format!("{program} cannot be run"))?;
        if !told.status.success() {
            let said = [told.stderr.as_slice(), &told.stdout].concat();
            return Err(Failure::error(
                "market-ask",
                format!("the base with the starters does not say what they are\n{}", last_lines(&said)),
                "correct what it names",
            ));
        }
        let answer: Answer = serde_json::from_slice(&told.stdout).map_err(|error| {
            Failure::error(
                "market-ask",
                format!("what the base says of the starters cannot be read: {error}"),
                "the starters are of a bedplate that this tool does not know: take a tool of the same version",
            )
        })?;
        Ok(answer.starters)
    }

    fn write_manifest(&self, bedplate: Option<&Dependency>) -> Result<()> {
        let mut document = DocumentMut::new();
        let mut package = Table::new();
        package.insert("name", value(NAME));
        package.insert("version", value("0.0.0"));
        package.insert("edition", value("2024"));
        package.insert("publish", value(false));
        document.insert("package", Item::Table(package));
        // It lies in the folder of a workspace that it is no part of.
        document.insert("workspace", Item::Table(Table::new()));
        let mut dependencies = Table::new();
        for wanted in self.wanted {
            dependencies.insert(&wanted.package, value(wanted.dependency.describe()));
        }
        if let Some(bedplate) = bedplate {
            dependencies.insert("bedplate", value(bedplate.describe()));
        }
        document.insert("dependencies", Item::Table(dependencies));
        let mut dev = Table::new();
        dev.insert("debug", value(false));
        dev.insert("incremental", value(false));
        let mut profile = Table::new();
        profile.set_implicit(true);
        profile.insert("dev", Item::Table(dev));
        document.insert("profile", Item::Table(profile));
        let file = self.place.folder.join("Cargo.toml");
        fs::write(&file, document.to_string()).map_err(|error| not_written(&file, &error))
    }

    fn metadata(&self) -> Result<Metadata> {
        let asked = self.cargo(&["metadata", "--format-version", "1"], |_| {})?;
        if !asked.status.success() {
            return Err(Failure::error(
                "market-resolve",
                format!("cargo cannot bring the starters together\n{}", tail(&asked)),
                "correct what it names, or take that starter out of the list",
            ));
        }
        let text = std::str::from_utf8(&asked.stdout).context("what cargo says of the starters is no text")?;
        MetadataCommand::parse(text).context("what cargo says of the starters cannot be read")
    }

    fn cargo(&self, arguments: &[&str], more: impl FnOnce(&mut Command)) -> Result<Output> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments);
        more(&mut cargo);
        cargo.arg("--manifest-path").arg(self.place.folder.join("Cargo.toml"));
        cargo.current_dir(&self.place.workspace).stdin(Stdio::null());
        cargo.output().map_err(|error| {
            Failure::error("no-cargo", format!("cargo cannot be run: {error}"), "install Rust: https://rustup.rs")
        })
    }

    /// The failure of a build, with the starter that broke it, where it was one of them.
    fn broken(&self, built: &Output) -> anyhow::Error {
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        let broken = said.lines().find_map(|line| line.split_once("could not compile `")?.1.split('`').next());
        let what = match broken {
            Some(package) if self.wanted.iter().any(|wanted| wanted.package == package) => {
                format!("the starter in the crate `{package}` does not compile")
            }
            Some(package) => format!("the crate `{package}`, which the starters need, does not compile"),
            None => "the starters do not build".to_owned(),
        };
        Failure::error("market-build", format!("{what}\n{}", tail(built)), "correct it, or leave that starter out")
    }
}

#[derive(Deserialize)]
struct Answer {
    starters: Vec<Row>,
}

/// Where the one bedplate comes from that the starters are built with; nothing where none of them has any.
fn bedplate_of(metadata: &Metadata) -> Result<Option<Dependency>> {
    let all: Vec<_> = metadata.packages.iter().filter(|package| package.name.as_str() == "bedplate").collect();
    match all.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(match only.source.as_ref().map(ToString::to_string) {
            None => Dependency::Path(only.manifest_path.as_std_path().parent().map(Path::to_owned).unwrap_or_default()),
            Some(source) => match source.strip_prefix("git+").and_then(|source| source.rsplit_once('#')) {
                Some((url, rev)) => {
                    Dependency::Git { url: url.split('?').next().unwrap_or(url).to_owned(), rev: rev.to_owned() }
                }
                None => Dependency::Registry(format!("={}", only.version)),
            },
        })),
        several => {
            let of: BTreeMap<_, _> =
                several.iter().map(|package| (&package.id, users(metadata, &package.id))).collect();
            let lines: Vec<_> = of.iter().map(|(id, users)| format!("\n  {id}: {}", users.join(", "))).collect();
            Err(Failure::error(
                "bedplate-twice",
                format!("the starters are built with {} kinds of bedplate:{}", several.len(), lines.concat()),
                "starters of one list have one bedplate: take them from one place, and in versions that fit",
            ))
        }
    }
}

fn users(metadata: &Metadata, of: &PackageId) -> Vec<String> {
    let depend = |package: &&cargo_metadata::Package| dependencies(metadata, &package.id).contains(&of);
    metadata.packages.iter().filter(depend).map(|package| package.name.to_string()).collect()
}

fn dependencies<'m>(metadata: &'m Metadata, of: &PackageId) -> Vec<&'m PackageId> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let is_normal =
        |node: &&cargo_metadata::NodeDep| node.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
    nodes.filter(|node| node.id == *of).flat_map(|node| &node.deps).filter(is_normal).map(|node| &node.pkg).collect()
}

fn not_written(path: &Path, error: &std::io::Error) -> anyhow::Error {
    Failure::error(
        "read-only",
        format!("{} cannot be written: {error}", path.display()),
        "make the folder writable, or name another target folder in CARGO_TARGET_DIR",
    )
}

fn tail(output: &Output) -> String {
    last_lines(&output.stderr)
}

/// The end of what a program said, without what cargo says of each crate that it begins with.
fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said).into_owned();
    let lines: Vec<_> = said.lines().filter(|line| !line.trim_start().starts_with("Compiling ")).collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}
