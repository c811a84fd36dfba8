//! In which crates two objects of one module differ.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fit::is_same;
use super::label::{CrateKind, CrateLabel, ObjectLabel};

/// A crate of a module's object that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangedCrate {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: CrateKind,
    /// What would change.
    pub change: CrateChange,
    /// The version that the object has now, where it has the crate.
    pub before: Option<String>,
    /// The version that the object would have, where it would have the crate.
    pub after: Option<String>,
}

/// What of a crate would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CrateChange {
    /// It would be used for the first time.
    Added,
    /// It would be used no longer.
    Removed,
    /// Its version.
    Version,
    /// Its features.
    Features,
    /// Its source, or that of a crate that it uses: what others see of it is another, in the same version.
    Source,
}

/// The crates in which two objects of a module differ, by name. Of a module that is new these are the ones that it would
/// carry itself.
pub(crate) fn changed_crates(before: Option<&ObjectLabel>, after: &ObjectLabel) -> Vec<ChangedCrate> {
    // What is there twice, in two versions, is two crates; each list is sorted by version.
    let mut differ: BTreeMap<&str, [Vec<&CrateLabel>; 2]> = BTreeMap::new();
    let old: Vec<_> = before.iter().flat_map(|label| &label.crates).collect();
    let new: Vec<_> = after.crates.iter().filter(|one| before.is_some() || !one.in_base).collect();
    for (side, own, others) in [(0, &old, &new), (1, &new, &old)] {
        for one in own.iter().filter(|one| !others.iter().any(|other| is_same(one, other))) {
            differ.entry(&one.name).or_default()[side].push(one);
        }
    }
    // Its own crate is what is deployed.
    differ.remove(after.crate_name.as_str());
    let mut changed = Vec::new();
    for [mut old, mut new] in differ.into_values() {
        old.sort();
        new.sort();
        let both = old.len().min(new.len());
        let pairs = old.iter().zip(&new).map(|(old, new)| (Some(*old), Some(*new)));
        let gone = old[both..].iter().map(|old| (Some(*old), None));
        let came = new[both..].iter().map(|new| (None, Some(*new)));
        changed.extend(pairs.chain(gone).chain(came).filter_map(|(old, new)| ChangedCrate::of(old, new)));
    }
    changed
}

impl ChangedCrate {
    fn of(before: Option<&CrateLabel>, after: Option<&CrateLabel>) -> Option<Self> {
        let change = match (before, after) {
            (None, _) => CrateChange::Added,
            (_, None) => CrateChange::Removed,
            (Some(before), Some(after)) if before.version != after.version => CrateChange::Version,
            (Some(before), Some(after)) if before.features != after.features => CrateChange::Features,
            (Some(_), Some(_)) => CrateChange::Source,
        };
        let one = after.or(before)?;
        let version = |of: Option<&CrateLabel>| of.map(|one| one.version.clone());
        Some(Self { name: one.name.clone(), kind: one.kind, change, before: version(before), after: version(after) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::label::tests::{a_crate, a_module_label};
    use super::*;

    fn label(crates: &[(&str, &str, &str)]) -> ObjectLabel {
        let mut label = a_module_label("comments");
        label.crates.extend(crates.iter().map(|(name, version, metadata)| a_crate(name, version, metadata, false)));
        label
    }

    fn told(before: Option<&ObjectLabel>, after: &ObjectLabel) -> Vec<(String, CrateChange, String)> {
        let versions = |one: &ChangedCrate| format!("{:?} {:?}", one.before.as_deref(), one.after.as_deref());
        let changed = changed_crates(before, after);
        changed.iter().map(|one| (one.name.clone(), one.change, versions(one))).collect()
    }

    #[test]
    fn each_crate_that_differs_is_named_with_what_does() {
        let before = label(&[
            ("comments", "0.1.0", "0"),
            ("gone", "1.0.0", "1"),
            ("moved", "1.0.0", "2"),
            ("same", "1.0.0", "3"),
            ("twice", "0.1.0", "4"),
            ("twice", "0.2.0", "5"),
        ]);
        let mut after = label(&[
            ("comments", "0.2.0", "9"),
            ("came", "1.0.0", "1"),
            ("moved", "1.1.0", "6"),
            ("same", "1.0.0", "3"),
            ("twice", "0.2.0", "5"),
            ("twice", "0.1.1", "7"),
        ]);
        after.crates.iter_mut().find(|one| one.name == "profiles").unwrap().metadata = "8".repeat(64);
        after.crates.iter_mut().find(|one| one.name == "tokio").unwrap().features.push("rt".to_owned());
        let expected = [
            ("came", CrateChange::Added, "None Some(\"1.0.0\")"),
            ("gone", CrateChange::Removed, "Some(\"1.0.0\") None"),
            ("moved", CrateChange::Version, "Some(\"1.0.0\") Some(\"1.1.0\")"),
            ("profiles", CrateChange::Source, "Some(\"0.1.0\") Some(\"0.1.0\")"),
            ("tokio", CrateChange::Features, "Some(\"1.54.0\") Some(\"1.54.0\")"),
            ("twice", CrateChange::Version, "Some(\"0.1.0\") Some(\"0.1.1\")"),
        ];
        let expected = expected.map(|(name, change, versions)| (name.to_owned(), change, versions.to_owned()));
        assert_eq!(told(Some(&before), &after), expected);
        assert_eq!(told(Some(&before), &before), []);
    }

    #[test]
    fn of_a_new_module_it_is_what_it_carries() {
        let found = told(None, &label(&[("argon2", "0.5.0", "1")]));
        let names: Vec<_> = found.iter().map(|(name, change, _)| (name.as_str(), *change)).collect();
        assert_eq!(names, [("argon2", CrateChange::Added), ("profiles", CrateChange::Added)]);
    }
}
