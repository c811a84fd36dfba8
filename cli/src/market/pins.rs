//! The lists that a project has of its own, in its `Cargo.toml`: `[workspace.metadata.bedplate.markets]`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;
use toml::Spanned;
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::parse::{is_name, line_of};
use super::snapshot::{absolute, relative};
use super::{BUILT_IN, Origin};
use crate::failure::Failure;
use crate::file::{not_written, replace, with_ends_of};

/// The table that the lists stand in, from the root of the file.
const TABLE: [&str; 4] = ["workspace", "metadata", "bedplate", "markets"];

/// A list that a project names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pinned {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// What it is held to; none where the project does not say.
    pub(crate) pin: Option<String>,
    /// Where the project says it: file and line.
    pub(crate) place: String,
}

#[derive(Default, Deserialize)]
struct Manifest {
    workspace: Option<Workspace>,
}

#[derive(Deserialize)]
struct Workspace {
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    bedplate: Option<Bedplate>,
}

#[derive(Deserialize)]
struct Bedplate {
    #[serde(default)]
    markets: BTreeMap<Spanned<String>, Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    git: Option<String>,
    rev: Option<String>,
    path: Option<String>,
    file: Option<PathBuf>,
    folder: Option<PathBuf>,
    digest: Option<String>,
}

/// The lists that the `Cargo.toml` in the folder `project` names, by name.
///
/// # Errors
///
/// Where it cannot be read, or a list in it says too little, too much, or what cannot be.
pub(crate) fn read(project: &Path) -> Result<Vec<Pinned>> {
    let (file, text) = manifest(project)?;
    let shown = file.display().to_string();
    let read: Manifest = toml::from_str(&text).map_err(|error| {
        let line = line_of(&text, &error.span().unwrap_or(0..0));
        Failure::error(
            "market-manifest",
            format!("{shown}:{line}: {}", error.message()),
            "a list is `NAME = { git = \"…\", rev = \"…\" }`, `{ file = \"…\", digest = \"sha256:…\" }` or \
             `{ folder = \"…\", digest = \"sha256:…\" }`",
        )
    })?;
    let bedplate = read.workspace.and_then(|workspace| workspace.metadata?.bedplate);
    let markets = bedplate.map(|bedplate| bedplate.markets).unwrap_or_default();
    markets
        .into_iter()
        .map(|(name, named)| {
            let place = format!("{shown}:{}", line_of(&text, &name.span()));
            let name = name.into_inner();
            check_name(&name)?;
            let (origin, pin) = named.origin(&name, project, &place)?;
            Ok(Pinned { name, origin, pin, place })
        })
        .collect()
}

impl Named {
    fn origin(self, name: &str, project: &Path, place: &str) -> Result<(Origin, Option<String>)> {
        let wrong = |what: &str| {
            Failure::error(
                "market-manifest",
                format!("{place}: the list `{name}` {what}"),
                "a list has `git` and `rev` (and `path`, where it is not at the root), `file` and `digest`, or \
                 `folder` and `digest`",
            )
        };
        match self {
            Self { git: Some(url), rev, path, file: None, folder: None, digest: None } => {
                Ok((Origin::Git { url, path: path.unwrap_or_default() }, rev))
            }
            Self { file: Some(file), digest, git: None, rev: None, path: None, folder: None } => {
                Ok((Origin::File { path: absolute(&file, project)? }, digest))
            }
            Self { folder: Some(folder), digest, git: None, rev: None, path: None, file: None } => {
                Ok((Origin::Folder { path: absolute(&folder, project)? }, digest))
            }
            Self { git: None, file: None, folder: None, .. } => Err(wrong("comes from nowhere")),
            _ => Err(wrong("says too much of where it comes from")),
        }
    }
}

/// Refuses a name that no list of a project can have.
///
/// # Errors
///
/// Where it is no name, or that of the list which comes with the tool.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name == BUILT_IN {
        return Err(Failure::error(
            "market-name",
            format!("`{BUILT_IN}` is the list that comes with the tool"),
            "give the list another name",
        ));
    }
    if !is_name(name) {
        return Err(Failure::error(
            "market-name",
            format!("`{}` is no name for a list", name.escape_debug()),
            "a name starts with a letter and has letters, digits, `-` and `_`",
        ));
    }
    Ok(())
}

/// Has the project name a list, or pin one anew that it names already. Comments and order stay.
///
/// # Errors
///
/// Where the project's `Cargo.toml` cannot be read or written: then it is as it was.
pub(crate) fn write(project: &Path, name: &str, origin: &Origin, pin: &str) -> Result<()> {
    edit(project, |document| {
        let markets = markets(document)?;
        if let Some(there) = markets.get_mut(name).and_then(Item::as_table_like_mut) {
            let key = if matches!(origin, Origin::Git { .. }) { "rev" } else { "digest" };
            match there.get_mut(key).and_then(Item::as_value_mut) {
                // What stands around the value stays.
                Some(value) => {
                    let decor = value.decor().clone();
                    *value = pin.into();
                    *value.decor_mut() = decor;
                }
                None => {
                    there.insert(key, toml_edit::value(pin));
                }
            }
            return Some(());
        }
        markets.insert(name, Item::Value(Value::InlineTable(described(project, origin, pin))));
        Some(())
    })
}

/// Has the project name a list no more.
///
/// # Errors
///
/// Where the project's `Cargo.toml` cannot be read or written: then it is as it was.
pub(crate) fn remove(project: &Path, name: &str) -> Result<()> {
    edit(project, |document| {
        markets(document)?.remove(name);
        // What is left empty was made for the lists.
        for depth in (2..TABLE.len()).rev() {
            let parent = TABLE[..depth].iter().try_fold(document.as_item_mut(), |item, key| item.get_mut(key))?;
            let parent = parent.as_table_like_mut()?;
            if parent.get(TABLE[depth]).and_then(Item::as_table_like).is_some_and(toml_edit::TableLike::is_empty) {
                parent.remove(TABLE[depth]);
            }
        }
        Some(())
    })
}

fn described(project: &Path, origin: &Origin, pin: &str) -> InlineTable {
    let mut table = InlineTable::new();
    // What lies in the project, or beside it, does so in every clone of it.
    let is_near = |path: &Path| project.parent().is_some_and(|parent| path.starts_with(parent));
    let named = |path: &Path| if is_near(path) { relative(path, project) } else { path.display().to_string() };
    match origin {
        Origin::Git { url, path } => {
            table.insert("git", url.as_str().into());
            if !path.is_empty() {
                table.insert("path", path.as_str().into());
            }
            table.insert("rev", pin.into());
        }
        Origin::File { path } => {
            table.insert("file", named(path).into());
            table.insert("digest", pin.into());
        }
        Origin::Folder { path } => {
            table.insert("folder", named(path).into());
            table.insert("digest", pin.into());
        }
        Origin::BuiltIn => {}
    }
    table
}

/// The table of the lists, which is made where it is not there.
fn markets(document: &mut DocumentMut) -> Option<&mut dyn toml_edit::TableLike> {
    let mut item = document.as_item_mut();
    for (depth, key) in TABLE.iter().enumerate() {
        item = item.as_table_like_mut()?.entry(key).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(depth + 1 < TABLE.len());
            Item::Table(table)
        });
    }
    item.as_table_like_mut()
}

/// Edits the project's `Cargo.toml`: the new text is written beside it and takes its place at once.
fn edit(project: &Path, change: impl FnOnce(&mut DocumentMut) -> Option<()>) -> Result<()> {
    let (file, text) = manifest(project)?;
    let shown = file.display();
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let line = line_of(&text, &error.span().unwrap_or(0..0));
        Failure::error("market-manifest", format!("{shown}:{line}: {}", error.message()), "correct the file")
    })?;
    change(&mut document).ok_or_else(|| {
        Failure::error(
            "market-manifest",
            format!("{shown}: `{}` is no table", TABLE.join(".")),
            "lists stand in a table of that name",
        )
    })?;
    let text = with_ends_of(text.as_bytes(), &document.to_string());
    replace(&file, &text).map_err(|error| not_written(&file, &error))
}

fn manifest(project: &Path) -> Result<(PathBuf, String)> {
    let file = project.join("Cargo.toml");
    let text = fs::read_to_string(&file).map_err(|error| {
        Failure::error(
            "no-project",
            format!("{} cannot be read: {error}", file.display()),
            "call it in the folder of a project",
        )
    })?;
    Ok((file, text))
}
