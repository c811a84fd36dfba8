//! `add` and `remove`: the starters of a base.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::Metadata;
use clap::ArgMatches;
use semver::Version;
use serde_json::json;

use crate::failure::Failure;
use crate::market::{Market, Pick, Source};
use crate::output::Output;
use crate::project::bedplate::{Bedplate, core};
use crate::project::edit::{Applied, Edit};
use crate::project::layout::{Project, folder, resolve};
use crate::project::manifest::inherited;
use crate::project::{ask, settings};
use crate::suggest::{did_you_mean, quoted};
use crate::workspace::{Kind, Workspace};

/// Runs `add`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let mut project = Project::open(matches)?;
    let names: Vec<_> = matches.get_many::<String>("starter").into_iter().flatten().cloned().collect();
    let lists: Vec<_> = matches.get_many::<String>("list").into_iter().flatten().cloned().collect();
    let market = Market::open(Some(&project.workspace.root), &lists)?;
    let present: Vec<_> = project.starters().into_keys().collect();
    let core = core(&project.workspace)?;
    let version = Version::new(core.version.major, core.version.minor, core.version.patch);
    let picks = market.resolve(&names, &present, &version)?;
    let picks: Vec<_> = picks.into_iter().filter(|pick| !present.contains(&pick.entry.name)).collect();
    if picks.is_empty() {
        output.line(format!("`{}` has them already", project.workspace.base.name));
        output.object(&json!({ "version": 1, "added": [] }));
        return Ok(());
    }
    ask::confirm(&picks, matches.get_flag("yes"))?;

    let bedplate = Bedplate::of(&project.workspace)?;
    let text = fs::read_to_string(project.settings()).unwrap_or_default();
    let mut of_base = text.clone();
    for pick in &picks {
        let source = bedplate.starter(pick.entry);
        if project.root.has_workspace() {
            project.root.share(&pick.entry.package, source);
            project.base().add(&pick.entry.package, inherited());
        } else {
            project.base().add(&pick.entry.package, source);
        }
        of_base = settings::with_starter(&of_base, pick.entry);
    }
    let mut edit = Edit::default();
    project.write(&mut edit);
    edit.write(project.settings(), of_base);
    edit.must_be_clean(&project.workspace.root, matches.get_flag("allow-dirty"))?;
    let before = versions(&project.workspace);
    let lock = Lock::read(&project)?;
    let applied = edit.apply()?;
    let checked = resolve(&project.workspace.root, &applied).and_then(|after| {
        agrees(&picks, &after)?;
        not_doubled(&before, &after, &picks, &project.workspace)?;
        if matches.get_flag("no-check") { Ok(()) } else { compiles(&project, &picks, &applied, output) }
    });
    if let Err(error) = checked {
        drop(applied);
        lock.put_back();
        return Err(error);
    }
    applied.keep()?;
    let added: Vec<_> = picks.iter().map(|pick| pick.entry.name.as_str()).collect();
    for pick in &picks {
        let why = pick.needed_by.map(|by| format!(", which `{by}` needs")).unwrap_or_default();
        output.line(format!("added `{}`{why}: {}", pick.entry.name, pick.entry.about));
        for setting in pick.entry.settings.iter().filter(|setting| setting.required) {
            let (name, key) = (&pick.entry.name, &setting.key);
            output.line(format!(
                "  it wants a setting: `{key}` in [starters.{name}] of {}",
                project.settings().display()
            ));
        }
    }
    output.object(&json!({ "version": 1, "added": added }));
    Ok(())
}

/// The lock file as it was: cargo writes it where it resolves.
struct Lock {
    file: std::path::PathBuf,
    text: Option<Vec<u8>>,
}

impl Lock {
    fn read(project: &Project) -> Result<Self> {
        let file = project.workspace.root.join("Cargo.lock");
        let text = match fs::read(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        Ok(Self { file, text })
    }

    fn put_back(&self) {
        let done = match &self.text {
            Some(text) => fs::write(&self.file, text),
            None => fs::remove_file(&self.file).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        };
        if let Err(error) = done {
            eprintln!("warning: {} is not as it was: {error}", self.file.display());
        }
    }
}

/// What the lists say and what cargo resolved must agree.
fn agrees(picks: &[Pick<'_>], after: &Metadata) -> Result<()> {
    for pick in picks {
        let entry = pick.entry;
        let disagrees = |found: &str, wanted: &str| {
            Failure::error(
                "list-disagrees",
                format!(
                    "the list `{}` says that the starter `{}` is {} {wanted}, and cargo found {found}",
                    pick.list.name, entry.name, entry.package
                ),
                "the list, the lock file or a [patch] is wrong: `cargo bedplate market check`, `cargo tree`",
            )
        };
        let found = after.packages.iter().find(|package| package.name.as_str() == entry.package);
        let Some(found) = found else { return Err(disagrees("no such package", "")) };
        let version = Version::new(found.version.major, found.version.minor, found.version.patch);
        if !entry.version.matches(&version) {
            return Err(disagrees(&format!("version {version}"), &entry.version.to_string()));
        }
        let is_from_there = match &entry.source {
            Source::Bedplate { .. } => true,
            Source::Registry => found
                .source
                .as_ref()
                .is_some_and(|source| source.repr.starts_with("registry+") || source.repr.starts_with("sparse+")),
            Source::Path { path } => found.source.is_none() && folder(found) == *path,
            Source::Git { rev, .. } => found
                .source
                .as_ref()
                .is_some_and(|source| source.repr.starts_with("git+") && source.repr.ends_with(rev.as_str())),
        };
        if !is_from_there {
            let from =
                found.source.as_ref().map_or_else(|| folder(found).display().to_string(), |source| source.repr.clone());
            return Err(disagrees(&format!("it in {from}"), &entry.source.to_string()));
        }
        let is_starter =
            found.metadata.get("bedplate").and_then(|about| about.get("kind")).and_then(|kind| kind.as_str())
                == Some("starter");
        if !is_starter {
            return Err(Failure::error(
                "no-starter",
                format!(
                    "the crate {} of the list `{}` does not say that it is a starter",
                    entry.package, pick.list.name
                ),
                "its Cargo.toml needs kind = \"starter\" in [package.metadata.bedplate]",
            ));
        }
    }
    Ok(())
}

/// The versions of every crate.
fn versions(workspace: &Workspace) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in workspace.packages.values() {
        all.entry(package.name.to_string()).or_default().insert(package.version.to_string());
    }
    all
}

/// Refuses a starter that brings a second version of a crate that bedplate and the starters share by their types.
fn not_doubled(
    before: &BTreeMap<String, BTreeSet<String>>,
    after: &Metadata,
    picks: &[Pick<'_>],
    workspace: &Workspace,
) -> Result<()> {
    // What the starters of before and the core ask for by themselves.
    let shared: BTreeSet<&str> = workspace
        .packages
        .values()
        .filter(|package| package.name.as_str() == "bedplate" || workspace.kind_of(&package.id) == Some(Kind::Starter))
        .flat_map(|package| package.dependencies.iter())
        .filter(|dependency| dependency.kind == cargo_metadata::DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
        .collect();
    let nodes = after.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let links: BTreeMap<_, Vec<_>> = nodes
        .map(|node| {
            let normal = node
                .deps
                .iter()
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == cargo_metadata::DependencyKind::Normal));
            (&node.id, normal.map(|dep| &dep.pkg).collect())
        })
        .collect();
    for pick in picks {
        let Some(starter) = after.packages.iter().find(|package| package.name.as_str() == pick.entry.package) else {
            continue;
        };
        // Only what it asks for by itself can show in its types.
        for id in links.get(&starter.id).into_iter().flatten() {
            let Some(package) = after.packages.iter().find(|package| package.id == **id) else { continue };
            let name = package.name.as_str();
            let Some(known) = before.get(name).filter(|_| shared.contains(name)) else { continue };
            if !known.contains(&package.version.to_string()) {
                return Err(Failure::error(
                    "crate-twice",
                    format!(
                        "the starter `{}` brings `{name}` {}, and the base has `{name}` {}",
                        pick.entry.name,
                        package.version,
                        known.iter().cloned().collect::<Vec<_>>().join(", ")
                    ),
                    format!(
                        "a value of one version is of another type in the other: take a version of the starter for the base's `{name}`, or `cargo update` the base to its"
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// The base compiles with them, or the one that breaks it is named.
fn compiles(project: &Project, picks: &[Pick<'_>], _: &Applied, output: Output) -> Result<()> {
    let progress = output.progress("compiling the base with them");
    let cargo = || {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.arg("check").arg("--quiet").current_dir(&project.workspace.root);
        cargo
    };
    for pick in picks {
        let checked = cargo().args(["-p", &pick.entry.package]).output().context("cargo cannot be run")?;
        if !checked.status.success() {
            progress.finish_and_clear();
            return Err(broken(pick, &checked.stderr));
        }
    }
    let base = &project.workspace.base;
    let checked = cargo().args(["-p", &base.name, "--bin", &base.binary]).output().context("cargo cannot be run")?;
    progress.finish_and_clear();
    if checked.status.success() {
        return Ok(());
    }
    let names = quoted(picks.iter().map(|pick| pick.entry.name.as_str()));
    Err(Failure::error(
        "does-not-compile",
        format!("the base `{}` does not compile with {names}:\n{}", base.name, errors(&checked.stderr)),
        "all files are as they were",
    ))
}

fn broken(pick: &Pick<'_>, stderr: &[u8]) -> anyhow::Error {
    Failure::error(
        "starter-does-not-compile",
        format!(
            "the starter `{}` (the crate {}) does not compile here:\n{}",
            pick.entry.name,
            pick.entry.package,
            errors(stderr)
        ),
        "all files are as they were; tell its authors, or take another version of its list",
    )
}

/// The end of what the compiler said, which is where its errors are.
fn errors(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("error")).unwrap_or(0);
    lines[first..].iter().take(30).copied().collect::<Vec<_>>().join("\n")
}

/// Runs `remove`.
pub(crate) fn remove(matches: &ArgMatches, output: Output) -> Result<()> {
    let mut project = Project::open(matches)?;
    let names: Vec<_> = matches.get_many::<String>("starter").into_iter().flatten().cloned().collect();
    let present: BTreeMap<String, String> =
        project.starters().into_iter().map(|(name, package)| (name, package.name.to_string())).collect();
    let mut text = fs::read_to_string(project.settings()).unwrap_or_default();
    for name in &names {
        let Some(package) = present.get(name) else {
            let meant = did_you_mean(name, present.keys().map(String::as_str));
            let meant = meant.map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
            return Err(Failure::error(
                "unknown-starter",
                format!("the base `{}` has no starter `{name}`", project.workspace.base.name),
                format!("{meant}it has {}", quoted(present.keys().map(String::as_str))),
            ));
        };
        let users = users(&project.workspace, package, &names, &present);
        if !users.is_empty() {
            return Err(Failure::error(
                "starter-in-use",
                format!("the starter `{name}` is used by {}", quoted(users.iter().map(String::as_str))),
                "take it out of them first",
            ));
        }
        project.base().remove(package);
        if !is_listed_elsewhere(&project.workspace, package) {
            project.root.unshare(package);
        }
        text = settings::without(&text, "starters", name);
    }
    let mut edit = Edit::default();
    project.write(&mut edit);
    edit.write(project.settings(), text);
    edit.must_be_clean(&project.workspace.root, matches.get_flag("allow-dirty"))?;
    let lock = Lock::read(&project)?;
    let applied = edit.apply()?;
    if let Err(error) = resolve(&project.workspace.root, &applied) {
        drop(applied);
        lock.put_back();
        return Err(error);
    }
    applied.keep()?;
    output.line(format!("removed {}", quoted(names.iter().map(String::as_str))));
    output.object(&json!({ "version": 1, "removed": names }));
    Ok(())
}

/// The modules and other starters of the workspace's base that depend on a starter's package.
fn users(workspace: &Workspace, package: &str, removed: &[String], present: &BTreeMap<String, String>) -> Vec<String> {
    let removed: BTreeSet<&str> = removed.iter().filter_map(|name| present.get(name)).map(String::as_str).collect();
    let mut users: Vec<_> = workspace
        .links
        .iter()
        .filter(|(id, links)| {
            matches!(workspace.kind_of(id), Some(Kind::Module | Kind::Starter))
                && links.iter().filter_map(|id| workspace.packages.get(id)).any(|link| link.name.as_str() == package)
        })
        .filter_map(|(id, _)| workspace.packages.get(id))
        .map(|user| user.name.to_string())
        .filter(|user| !removed.contains(user.as_str()))
        .collect();
    users.sort();
    users
}

/// Whether a package of the workspace beside the base lists a package, for its tests as well.
fn is_listed_elsewhere(workspace: &Workspace, package: &str) -> bool {
    let is_here = |other: &&cargo_metadata::Package| {
        other.source.is_none() && folder(other).starts_with(&workspace.root) && folder(other) != workspace.base.folder
    };
    let others = workspace.packages.values().filter(is_here);
    others.flat_map(|other| &other.dependencies).any(|dependency| dependency.name == package)
}
