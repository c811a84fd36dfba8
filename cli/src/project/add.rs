//! `add` and `remove`: the starters of a base.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::Result;
use cargo_metadata::{Metadata, PackageId};
use clap::ArgMatches;
use semver::Version;
use serde_json::json;

use crate::failure::Failure;
use crate::market::{Market, Pick, Source, fits};
use crate::output::Output;
use crate::project::bedplate::{Bedplate, core};
use crate::project::edit::{Applied, Edit};
use crate::project::layout::{Project, folder, resolve};
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
    let picks = market.resolve(&names, &present, &core.version)?;
    let picks: Vec<_> = picks.into_iter().filter(|pick| !present.contains(&pick.entry.name)).collect();
    if picks.is_empty() {
        output.line(format!("`{}` has them already", project.workspace.base.name));
        output.object(&json!({ "version": 1, "added": [] }));
        return Ok(());
    }
    ask::confirm(&picks, matches.get_flag("yes"))?;

    let bedplate = Bedplate::of(&project)?;
    let mut of_base = settings::read(&project.settings())?;
    for pick in &picks {
        project.list(&pick.entry.package, bedplate.starter(pick.entry));
        of_base = settings::with_starter(&of_base, pick.entry);
    }
    let mut edit = Edit::default();
    project.write(&mut edit);
    edit.write(project.settings(), of_base);
    edit.must_be_clean(&project.workspace.root, matches.get_flag("allow-dirty"))?;
    let before = versions(&project.workspace);
    edit.carry_out(|applied| {
        let after = resolve(&project.workspace.root, applied)?;
        is_linked(&picks, &after, &project)?;
        agrees(&picks, &after)?;
        not_doubled(&before, &after, &picks, &project.workspace)?;
        if matches.get_flag("no-check") { Ok(()) } else { compiles(&project, &picks, applied, output) }
    })?;
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

/// What the lists say and what cargo resolved must agree.
pub(super) fn agrees(picks: &[Pick<'_>], after: &Metadata) -> Result<()> {
    let core = after.packages.iter().find(|package| package.name.as_str() == "bedplate");
    for pick in picks {
        let entry = pick.entry;
        if let Some(core) = core {
            fits(entry, &core.version)?;
        }
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

/// The base is built with them: one that its manifest has as optional is not, unless a feature says so.
fn is_linked(picks: &[Pick<'_>], after: &Metadata, project: &Project) -> Result<()> {
    let base = after.packages.iter().find(|package| folder(package) == project.workspace.base.folder);
    let nodes = after.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let linked: BTreeSet<_> =
        nodes.filter(|node| base.is_some_and(|base| base.id == node.id)).flat_map(|node| &node.dependencies).collect();
    let is_it = |package: &&cargo_metadata::Package, pick: &Pick<'_>| {
        package.name.as_str() == pick.entry.package && linked.contains(&package.id)
    };
    match picks.iter().find(|pick| !after.packages.iter().any(|package| is_it(&package, pick))) {
        None => Ok(()),
        Some(pick) => Err(Failure::error(
            "not-linked",
            format!(
                "the base `{}` lists {} for the starter `{}`, and is not built with it",
                project.workspace.base.name, pick.entry.package, pick.entry.name
            ),
            "take `optional = true` out of its manifest, or have a default feature bring it",
        )),
    }
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
            // What moved to a newer version as a whole is not there twice.
            let stays = |other: &&cargo_metadata::Package| {
                other.name.as_str() == name && known.contains(&other.version.to_string())
            };
            if !known.contains(&package.version.to_string()) && after.packages.iter().any(|other| stays(&other)) {
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
fn compiles(project: &Project, picks: &[Pick<'_>], applied: &Applied, output: Output) -> Result<()> {
    let progress = output.progress("compiling the base with them");
    let check = |arguments: &[&str]| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        applied.output(cargo.args(["check", "--quiet"]).args(arguments).current_dir(&project.workspace.root))
    };
    let base = &project.workspace.base;
    let checked = check(&["-p", &base.name, "--bin", &base.binary])?;
    // One of them is at fault where it does not compile by itself either.
    if !checked.status.success() {
        for pick in picks {
            let alone = check(&["-p", &pick.entry.package])?;
            if !alone.status.success() {
                return Err(broken(pick, &alone.stderr));
            }
        }
    }
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
    let mut names: Vec<String> = Vec::new();
    for name in matches.get_many::<String>("starter").into_iter().flatten() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let present: BTreeMap<String, String> =
        project.starters().into_iter().map(|(name, package)| (name, package.name.to_string())).collect();
    let before = settings::read(&project.settings())?;
    let mut text = before.clone();
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
        if !project.unlist(package) {
            return Err(not_listed(&project, package));
        }
        text = settings::without(&text, "starters", name);
    }
    let mut edit = Edit::default();
    project.write(&mut edit);
    if text != before {
        edit.write(project.settings(), text);
    }
    edit.must_be_clean(&project.workspace.root, matches.get_flag("allow-dirty"))?;
    edit.carry_out(|applied| resolve(&project.workspace.root, applied))?;
    output.line(format!("removed {}", quoted(names.iter().map(String::as_str))));
    output.object(&json!({ "version": 1, "removed": names }));
    Ok(())
}

/// It is there by a way that the tool does not know.
pub(super) fn not_listed(project: &Project, package: &str) -> anyhow::Error {
    let manifest = project.workspace.base.folder.join("Cargo.toml");
    Failure::error("not-listed", format!("{} does not list `{package}`", manifest.display()), "take it out by hand")
}

/// The modules and other starters of the base that are built from a starter's package.
fn users(workspace: &Workspace, package: &str, removed: &[String], present: &BTreeMap<String, String>) -> Vec<String> {
    let is_it = |id: &&PackageId| workspace.packages.get(*id).is_some_and(|found| found.name.as_str() == package);
    let removed: BTreeSet<&str> = removed.iter().filter_map(|name| present.get(name)).map(String::as_str).collect();
    let starters = workspace.packages.values().filter(|found| present.values().any(|name| found.name.as_str() == name));
    let starters = starters.filter(|found| found.name.as_str() != package).map(|found| &found.id);
    let mut users: Vec<_> = workspace
        .modules
        .values()
        .map(|module| &module.id)
        .chain(starters)
        .filter(|user| workspace.closure([*user]).iter().any(is_it))
        .filter_map(|user| workspace.packages.get(user))
        .map(|user| user.name.to_string())
        .filter(|user| !removed.contains(user.as_str()))
        .collect();
    users.sort();
    users
}
