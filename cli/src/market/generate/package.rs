//! What a starter's `Cargo.toml` says of it.

use std::collections::BTreeMap;

use anyhow::Result;
use cargo_metadata::{DependencyKind, Package};
use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::failure::Failure;

/// The group of a starter that names none.
const OTHER: &str = "other";

/// What begins the descriptions of many starters, and says nothing in a list of starters.
const OPENINGS: [&str; 2] = ["Bedplate starter: ", "Starter: "];

/// A package as cargo resolved it.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) package: Package,
    /// The version of bedplate that it is built with.
    pub(super) bedplate: Option<Version>,
}

/// `[package.metadata.bedplate]` of a starter.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Own {
    kind: String,
    group: Option<String>,
    excludes: Vec<String>,
    bedplate: Option<VersionReq>,
    features: BTreeMap<String, String>,
    links: BTreeMap<String, String>,
}

/// What a list has from it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) about: String,
    pub(super) group: String,
    pub(super) excludes: Vec<String>,
    pub(super) bedplate: VersionReq,
    pub(super) features: BTreeMap<String, String>,
    pub(super) links: BTreeMap<String, String>,
}

impl Resolved {
    /// What the `Cargo.toml` says.
    ///
    /// # Errors
    ///
    /// Where it is of no starter, has no description, or says what is not so.
    pub(super) fn facts(&self) -> Result<Facts> {
        let package = &self.package;
        let own: Own = match package.metadata.get("bedplate") {
            Some(own) => serde_json::from_value(own.clone())
                .map_err(|error| self.wrong(&format!("{error} in [package.metadata.bedplate]"), "correct it"))?,
            None => Own::default(),
        };
        if own.kind != "starter" {
            return Err(self.wrong(
                "the crate does not say that it is a starter",
                "write `kind = \"starter\"` below [package.metadata.bedplate]",
            ));
        }
        if let Some(unknown) = own.features.keys().find(|feature| !package.features.contains_key(*feature)) {
            return Err(self.wrong(
                &format!(
                    "[package.metadata.bedplate.features] speaks of `{unknown}`, and the crate has no such feature"
                ),
                "correct its name, or take it out",
            ));
        }
        let about = package.description.as_deref().map(one_line).filter(|about| !about.is_empty());
        let about = about
            .ok_or_else(|| self.wrong("the crate has no description", "write `description = \"…\"` below [package]"))?;
        let mut links = own.links;
        let told = [
            ("documentation", &package.documentation),
            ("homepage", &package.homepage),
            ("repository", &package.repository),
        ];
        for (name, link) in told {
            if let Some(link) = link {
                links.entry(name.to_owned()).or_insert_with(|| link.clone());
            }
        }
        Ok(Facts {
            about: OPENINGS
                .iter()
                .find_map(|opening| about.strip_prefix(opening))
                .map_or_else(|| about.clone(), capitalized),
            group: own.group.unwrap_or_else(|| OTHER.to_owned()),
            excludes: own.excludes,
            bedplate: self.range(own.bedplate)?,
            features: own.features,
            links,
        })
    }

    /// The versions of bedplate that it works with: as it says, else as it depends on it.
    fn range(&self, said: Option<VersionReq>) -> Result<VersionReq> {
        let Some(built_with) = &self.bedplate else {
            return Err(self.wrong("the crate does not depend on bedplate", "a starter does: cargo add bedplate"));
        };
        let is_bedplate = |dependency: &&cargo_metadata::Dependency| {
            dependency.name == "bedplate" && dependency.kind == DependencyKind::Normal
        };
        let depends = self.package.dependencies.iter().find(is_bedplate).map(|dependency| dependency.req.clone());
        let range = said.or_else(|| depends.filter(|range| *range != VersionReq::STAR));
        // A path without a version says nothing: what it was built with is all that is known.
        let range = range.unwrap_or_else(|| caret(built_with));
        match range.matches(built_with) {
            true => Ok(range),
            false => Err(self.wrong(
                &format!("the crate works with bedplate {range}, as it says, and is built with {built_with}"),
                "correct `bedplate` below [package.metadata.bedplate]",
            )),
        }
    }

    fn wrong(&self, what: &str, help: &str) -> anyhow::Error {
        Failure::error("market-starter", format!("{}: {what}", self.package.manifest_path), help)
    }
}

fn caret(version: &Version) -> VersionReq {
    VersionReq {
        comparators: vec![semver::Comparator {
            op: semver::Op::Caret,
            major: version.major,
            minor: Some(version.minor),
            patch: Some(version.patch),
            pre: version.pre.clone(),
        }],
    }
}

/// The first paragraph of a text, in one line.
pub(super) fn one_line(text: &str) -> String {
    text.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_several_paragraphs_is_its_first_in_one_line() {
        assert_eq!(one_line("Holds\n  what it holds.\n\nAnd more."), "Holds what it holds.");
        assert_eq!(capitalized("élan"), "Élan");
    }

    #[test]
    fn a_version_is_worked_with_as_cargo_takes_it() {
        assert_eq!(caret(&Version::new(0, 3, 1)).to_string(), "^0.3.1");
    }
}
