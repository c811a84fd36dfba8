//! `market use`, `update` and `forget`: the lists that a project has of its own.

use std::env;
use std::path::PathBuf;

use anyhow::Result;
use clap::ArgMatches;
use serde_json::json;

use super::{counted, project, text};
use crate::failure::Failure;
use crate::market::{
    Difference, Entry, Origin, Pinned, Repository, Snapshot, absolute, check_name, compare, read, remove, write,
};
use crate::output::Output;
use crate::suggest::{did_you_mean, quoted};

/// `market use`
pub(super) fn use_list(matches: &ArgMatches, output: Output) -> Result<()> {
    let project = own_project(matches)?;
    let name = text(matches, "name").expect("clap asks for the name");
    check_name(name)?;
    if let Some(there) = read(&project)?.iter().find(|pinned| pinned.name == name) {
        return Err(Failure::error(
            "market-twice",
            format!("the project has a list `{name}` already: {} ({})", there.origin, there.place),
            format!("give this one another name, or take that one out first: cargo bedplate market forget {name}"),
        ));
    }
    let origin = origin(matches)?;
    let snapshot = now(name, &origin, text(matches, "rev"))?;
    // What cannot be read is not pinned.
    let entries = snapshot.entries(&origin)?;
    write(&project, name, &origin, &snapshot.pin)?;
    keep(&snapshot, &origin);
    output.line(format!("list `{name}`: {origin}, held to {}", snapshot.pin));
    for entry in &entries {
        output.line(format!("  {}: {} (the crate {}, {})", entry.name, entry.about, entry.package, entry.source));
    }
    output.object(&json!({
        "version": 1, "list": name, "origin": origin, "pin": snapshot.pin, "starters": entries,
    }));
    Ok(())
}

/// `market update`
pub(super) fn update(matches: &ArgMatches, output: Output) -> Result<()> {
    let project = own_project(matches)?;
    let all = read(&project)?;
    let wanted = match text(matches, "name") {
        Some(name) => vec![of_name(&all, name)?],
        None => all.iter().collect(),
    };
    // All are read before any is written: where one does not answer, nothing has changed.
    let mut updates = Vec::new();
    for pinned in wanted {
        let snapshot = now(&pinned.name, &pinned.origin, text(matches, "rev"))?;
        let entries = snapshot.entries(&pinned.origin)?;
        updates.push((pinned, snapshot, entries));
    }
    let mut told = Vec::new();
    for (pinned, snapshot, entries) in &updates {
        let is_same = pinned.pin.as_deref() == Some(snapshot.pin.as_str());
        let before = if is_same { None } else { before(pinned) };
        let differences = before.as_ref().map(|before| compare(before, entries)).unwrap_or_default();
        if !is_same {
            write(&project, &pinned.name, &pinned.origin, &snapshot.pin)?;
        }
        keep(snapshot, &pinned.origin);
        let name = &pinned.name;
        match (&pinned.pin, &before) {
            _ if is_same => output.line(format!("list `{name}`: as it was, {}", snapshot.pin)),
            (Some(pin), Some(_)) => output.line(format!(
                "list `{name}`: {pin} → {}, {}",
                snapshot.pin,
                counted(differences.len(), "difference")
            )),
            (pin, _) => output.line(format!(
                "list `{name}`: {} → {}, {}; what it was before is not known here",
                pin.as_deref().unwrap_or("not pinned"),
                snapshot.pin,
                counted(entries.len(), "starter")
            )),
        }
        for difference in &differences {
            output.line(changed(difference));
        }
        let changes: Vec<_> = differences
            .iter()
            .map(|Difference { starter, field, one, other }| {
                json!({ "starter": starter, "field": field, "before": one, "after": other })
            })
            .collect();
        told.push(json!({
            "name": name, "before": pinned.pin, "pin": snapshot.pin,
            "changes": (is_same || before.is_some()).then_some(changes),
        }));
    }
    if updates.is_empty() {
        output.line("the project has no lists of its own; `cargo bedplate market use` adds one");
    }
    output.object(&json!({ "version": 1, "lists": told }));
    Ok(())
}

/// `market forget`
pub(super) fn forget(matches: &ArgMatches, output: Output) -> Result<()> {
    let project = own_project(matches)?;
    let name = text(matches, "name").expect("clap asks for the name");
    let all = read(&project)?;
    let Pinned { name, origin, .. } = of_name(&all, name)?;
    remove(&project, name)?;
    output.line(format!("the project has the list `{name}` no more ({origin}); starters that are in the base stay"));
    output.object(&json!({ "version": 1, "forgotten": name }));
    Ok(())
}

fn own_project(matches: &ArgMatches) -> Result<PathBuf> {
    project(matches)?.ok_or_else(|| {
        Failure::error(
            "no-project",
            "there is no Cargo.toml here, or in a folder above",
            "call it in the folder of a project, or name its Cargo.toml: --manifest-path",
        )
    })
}

fn origin(matches: &ArgMatches) -> Result<Origin> {
    let here = env::current_dir()?;
    let path = |name: &str| matches.get_one::<PathBuf>(name).map(|path| absolute(path, &here)).transpose();
    if let Some(path) = path("file")? {
        return Ok(Origin::File { path });
    }
    if let Some(path) = path("folder")? {
        return Ok(Origin::Folder { path });
    }
    Ok(Origin::Git {
        url: text(matches, "git").expect("clap asks for one of the three").to_owned(),
        path: text(matches, "path").map(|path| path.trim_matches('/')).unwrap_or_default().to_owned(),
    })
}

/// The list as it is now; in a repository, at what `rev` names.
fn now(name: &str, origin: &Origin, rev: Option<&str>) -> Result<Snapshot> {
    match origin {
        Origin::Git { url, .. } => {
            let commit = Repository::open(name, url)?.resolve(rev)?;
            Snapshot::read(name, origin, Some(&commit))
        }
        _ if rev.is_some() => Err(Failure::error(
            "market-revision",
            format!("the list `{name}` is {origin}, which has no revisions"),
            "leave --rev out",
        )),
        _ => Snapshot::read(name, origin, None),
    }
}

/// The starters of the list as it was pinned, where that is still to be had.
fn before(pinned: &Pinned) -> Option<Vec<Entry>> {
    let pin = pinned.pin.as_deref()?;
    let snapshot = match &pinned.origin {
        origin @ Origin::Git { .. } => Snapshot::read(&pinned.name, origin, Some(pin)).ok()?,
        _ => Snapshot::kept(pin)?,
    };
    snapshot.entries(&pinned.origin).ok()
}

/// Commits are kept by the cache of their repository.
fn keep(snapshot: &Snapshot, origin: &Origin) {
    if !matches!(origin, Origin::Git { .. }) {
        snapshot.keep();
    }
}

fn of_name<'p>(all: &'p [Pinned], name: &str) -> Result<&'p Pinned> {
    all.iter().find(|pinned| pinned.name == name).ok_or_else(|| {
        let names = || all.iter().map(|pinned| pinned.name.as_str());
        let help = match did_you_mean(name, names()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if all.is_empty() => "it has none; `cargo bedplate market use` adds one".to_owned(),
            None => format!("its lists are {}", quoted(names())),
        };
        Failure::error("unknown-list", format!("the project names no list `{}`", name.escape_debug()), help)
    })
}

fn changed(difference: &Difference) -> String {
    let Difference { starter, field, one, other } = difference;
    let said = |text: &Option<String>| text.as_ref().map_or("nothing".to_owned(), |text| format!("`{text}`"));
    match (field.as_str(), one, other) {
        ("starter", None, Some(package)) => format!("  {starter}: new (the crate {package})"),
        ("starter", Some(package), None) => format!("  {starter}: gone (the crate {package})"),
        _ => format!("  {starter}, {field}: {} → {}", said(one), said(other)),
    }
}
