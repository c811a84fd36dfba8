//! A starter's entry, from its `Cargo.toml` and from what it registers.

use std::path::{Path, PathBuf};

use anyhow::Result;
use semver::VersionReq;
use serde::Deserialize;

use super::package::{Resolved, one_line};
use crate::failure::Failure;
use crate::market::{Entry, SettingHelp, Source};

/// A starter as it is.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// What a list should say of it; where its code comes from is the list's to say.
    pub(crate) entry: Entry,
    /// The folder of its package.
    pub(crate) folder: PathBuf,
}

/// A starter as a base lists it: `starters --json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    name: String,
    site: Site,
    provides: Vec<String>,
    reads: Vec<String>,
    needs: Vec<Need>,
    settings: Schema,
    module_settings: Schema,
}

#[derive(Debug, Clone, Deserialize)]
struct Site {
    #[serde(rename = "crate")]
    package: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Need {
    #[serde(rename = "type")]
    type_name: String,
    starter: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Schema {
    keys: Vec<Key>,
}

#[derive(Debug, Clone, Deserialize)]
struct Key {
    name: String,
    help: String,
    type_name: String,
    default: Option<String>,
    required: bool,
    range: Option<String>,
    allowed: Vec<String>,
    nested: Option<Schema>,
}

/// The entries of the starters that a package registers.
///
/// # Errors
///
/// Where it registers none, needs one that nobody registers, or says of itself what is not so.
pub(super) fn describe(resolved: &Resolved, rows: &[Row]) -> Result<Vec<Described>> {
    let package = &resolved.package;
    let facts = resolved.facts()?;
    let own: Vec<_> = rows.iter().filter(|row| row.site.package == package.name.as_str()).collect();
    if own.is_empty() {
        return Err(Failure::error(
            "market-starter",
            format!("{}: the crate says that it is a starter, and registers none", package.manifest_path),
            "write `#[starter(name = \"…\")]` on a type of it",
        ));
    }
    own.into_iter()
        .map(|row| {
            let entry = Entry {
                name: row.name.clone(),
                package: package.name.to_string(),
                version: version(package),
                about: facts.about.clone(),
                group: facts.group.clone(),
                provides: row.provides.iter().map(|name| short(name)).collect(),
                reads: row.reads.iter().map(|name| short(name)).collect(),
                needs: row.needs.iter().map(|need| need.name(row)).collect::<Result<_>>()?,
                excludes: facts.excludes.clone(),
                settings: settings(&row.settings),
                module_settings: settings(&row.module_settings),
                features: facts.features.clone(),
                bedplate: facts.bedplate.clone(),
                links: facts.links.clone(),
                source: Source::Registry,
            };
            let folder = package.manifest_path.as_std_path().parent().map(Path::to_owned).unwrap_or_default();
            Ok(Described { entry, folder })
        })
        .collect()
}

impl Need {
    fn name(&self, of: &Row) -> Result<String> {
        self.starter.clone().ok_or_else(|| {
            Failure::error(
                "market-starter",
                format!("the starter `{}` needs `{}`, which no crate registers", of.name, short(&self.type_name)),
                "write `#[starter(name = \"…\")]` on that type",
            )
        })
    }
}

fn version(package: &cargo_metadata::Package) -> VersionReq {
    // Cargo takes `1.2.3` for `^1.2.3`; what follows a `+` does not order versions.
    let version = semver::Version { build: semver::BuildMetadata::EMPTY, ..package.version.clone() };
    version.to_string().parse().expect("a version is a range of versions")
}

/// The keys of a schema, those of nested tables with dots.
fn settings(schema: &Schema) -> Vec<SettingHelp> {
    let mut found = Vec::new();
    gather(schema, "", &mut found);
    found
}

fn gather(schema: &Schema, above: &str, found: &mut Vec<SettingHelp>) {
    for key in &schema.keys {
        let name = format!("{above}{}", key.name);
        match &key.nested {
            Some(nested) => gather(nested, &format!("{name}."), found),
            None => found.push(SettingHelp {
                key: name,
                kind: kind(key),
                default: key.default.clone(),
                // A nested table may be left out, and then its keys are too.
                required: key.required && above.is_empty(),
                help: one_line(&key.help),
            }),
        }
    }
}

fn kind(key: &Key) -> String {
    let mut kind = key.type_name.clone();
    if let Some(range) = &key.range {
        kind.push_str(&format!(", {range}"));
    }
    if !key.allowed.is_empty() {
        kind.push_str(&format!(", one of {}", key.allowed.join(", ")));
    }
    kind
}

/// A type's name without the modules that it lies in: `Sql<Postgres>`.
fn short(type_name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for letter in type_name.chars() {
        match letter {
            ':' => word.clear(),
            letter if letter.is_alphanumeric() || letter == '_' => word.push(letter),
            other => {
                short.push_str(&word);
                word.clear();
                short.push(other);
            }
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_shown_without_its_modules() {
        assert_eq!(short("starter_sql::handle::Sql<sqlx::postgres::database::Postgres>"), "Sql<Postgres>");
        assert_eq!(short("a::Both<b::One, dyn c::Other>"), "Both<One, dyn Other>");
        assert_eq!(short("Counter"), "Counter");
    }

    #[test]
    fn keys_of_nested_tables_have_dots_and_no_longer_must_be_there() {
        let key = |name: &str, nested: Option<Schema>| Key {
            name: name.to_owned(),
            help: "What\nit is.\n\nMore.".to_owned(),
            type_name: "text".to_owned(),
            default: None,
            required: true,
            range: None,
            allowed: vec!["red".to_owned(), "blue".to_owned()],
            nested,
        };
        let below = Schema { keys: vec![key("origins", None)] };
        let found = settings(&Schema { keys: vec![key("address", None), key("cors", Some(below))] });
        let keys: Vec<_> = found.iter().map(|setting| (setting.key.as_str(), setting.required)).collect();
        assert_eq!(keys, [("address", true), ("cors.origins", false)]);
        assert_eq!((found[0].kind.as_str(), found[0].help.as_str()), ("text, one of red, blue", "What it is."));
    }
}
