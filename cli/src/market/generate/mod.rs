//! What starters say of themselves: their `Cargo.toml`, and what they register, which a base is asked for that is
//! built for nothing else.

mod describe;
mod package;
mod throwaway;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

pub(crate) use self::describe::Described;
pub(crate) use self::throwaway::Place;
use self::throwaway::{Dependency, Throwaway, Wanted};
use super::{Entry, Source, checkout, own_version};
use crate::failure::Failure;
use crate::output::Output;

/// What the starters in these folders say of themselves, by name.
///
/// # Errors
///
/// Where a folder holds no starter, the starters do not build together, or one says what is not so.
pub(crate) fn of_folders(folders: &[PathBuf], place: &Place, output: Output) -> Result<Vec<Described>> {
    let mut wanted = Vec::new();
    for folder in folders {
        for folder in starters_in(folder)? {
            let package = package_name(&folder)?;
            wanted.push(Wanted { package, dependency: Dependency::Path(folder) });
        }
    }
    describe(wanted, place, output)
}

/// What the starters of a list say of themselves, by name.
///
/// # Errors
///
/// As [`of_folders`].
pub(crate) fn of_entries(entries: &[Entry], place: &Place, output: Output) -> Result<Vec<Described>> {
    let wanted = entries.iter().map(|entry| Wanted { package: entry.package.clone(), dependency: dependency(entry) });
    describe(wanted.collect(), place, output)
}

fn describe(mut wanted: Vec<Wanted>, place: &Place, output: Output) -> Result<Vec<Described>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    wanted.sort_by(|one, other| one.package.cmp(&other.package));
    wanted.dedup();
    if let Some([one, _]) = wanted.array_windows().find(|[one, other]| one.package == other.package) {
        return Err(Failure::error(
            "market-twice",
            format!("the crate `{}` is there from two places", one.package),
            "a list has one starter of a name: take one of them out",
        ));
    }
    let progress = output.progress(format!("asking {} starters", wanted.len()));
    let throwaway = Throwaway::write(place, &wanted)?;
    let packages = throwaway.resolve()?;
    let rows = throwaway.ask()?;
    progress.finish_and_clear();
    let mut described = Vec::new();
    for package in &packages {
        described.extend(describe::describe(package, &rows)?);
    }
    described.sort_by(|one, other| one.entry.name.cmp(&other.entry.name));
    if let Some([one, other]) = described.array_windows().find(|[one, other]| one.entry.name == other.entry.name) {
        return Err(Failure::error(
            "market-twice",
            format!(
                "the crates `{}` and `{}` both register a starter `{}`",
                one.entry.package, other.entry.package, one.entry.name
            ),
            "a list has one starter of a name: rename one of them",
        ));
    }
    Ok(described)
}

fn dependency(entry: &Entry) -> Dependency {
    match &entry.source {
        Source::Path { path } => Dependency::Path(path.clone()),
        Source::Git { url, rev } => Dependency::Git { url: url.clone(), rev: rev.clone() },
        Source::Registry => Dependency::Registry(entry.version.to_string()),
        Source::Bedplate { folder } => match checkout() {
            Some(checkout) => Dependency::Path(checkout.join(folder)),
            None => Dependency::Registry(format!("={}", own_version())),
        },
    }
}

/// The folder itself, where it is a package; else the packages right below it that say they are starters.
fn starters_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let no_starter = |what: String| {
        Failure::error(
            "no-starter",
            format!("{}: {what}", folder.display()),
            "name the folder of a starter, or one that holds the folders of starters",
        )
    };
    let folder = fs::canonicalize(folder).map_err(|error| no_starter(error.to_string()))?;
    if folder.join("Cargo.toml").is_file() {
        return Ok(vec![folder]);
    }
    let entries = fs::read_dir(&folder).map_err(|error| no_starter(error.to_string()))?;
    let mut folders: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| manifest(folder).is_ok_and(|manifest| manifest.is_starter()))
        .collect();
    folders.sort();
    match folders.is_empty() {
        true => Err(no_starter("there is no Cargo.toml, and no folder of a starter below it".to_owned())),
        false => Ok(folders),
    }
}

fn package_name(folder: &Path) -> Result<String> {
    let manifest = manifest(folder)?;
    match manifest.package {
        Some(package) => Ok(package.name),
        None => Err(Failure::error(
            "no-starter",
            format!("{}: the Cargo.toml is of no package", folder.display()),
            "name the folder of a starter",
        )),
    }
}

/// The little of a `Cargo.toml` that is needed before cargo is asked.
#[derive(Deserialize)]
struct Manifest {
    package: Option<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    metadata: Option<toml::Table>,
}

impl Manifest {
    fn is_starter(&self) -> bool {
        let kind = self.package.as_ref().and_then(|package| package.metadata.as_ref()?.get("bedplate")?.get("kind"));
        kind.and_then(toml::Value::as_str) == Some("starter")
    }
}

fn manifest(folder: &Path) -> Result<Manifest> {
    let file = folder.join("Cargo.toml");
    let wrong = |what: String| Failure::error("no-starter", format!("{}: {what}", file.display()), "correct the file");
    let text = fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
    toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))
}
