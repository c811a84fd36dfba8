//! Which settings of a module would have another value.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::base::known_sections;
use crate::deploy::Member;
use crate::descriptors::StarterDescriptor;
use crate::module::ModuleSpec;
use crate::settings::{KeyPath, SettingRow, Tree};

/// A setting of a module that would have another value: somebody gives it another one, or its default is another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangedSetting {
    /// The full path of the key.
    pub key: String,
    /// The value that it has now, as a file would hold it; masked where it is secret, absent where it has none.
    pub before: Option<String>,
    /// The value that it would have.
    pub after: Option<String>,
}

/// The values of a module, with the settings that they come from.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) spec: &'a ModuleSpec,
    pub(super) tree: &'a Tree,
}

/// The settings of a member whose values differ, of those that both know.
pub(super) fn changed_settings(
    starters: &[&'static StarterDescriptor],
    (module, scene): &Member,
    before: Values<'_>,
    after: Values<'_>,
) -> Vec<ChangedSetting> {
    let own = KeyPath::of(["modules", module.as_str()]);
    let paths = [own.clone(), KeyPath::of(["scenes", scene.as_str(), "modules", module.as_str()])];
    let known = known_sections(starters, [after.spec]);
    // What a secret is does not show in its value.
    let differ: BTreeSet<_> = before.tree.differences(after.tree, &paths, &known).into_iter().collect();
    let (old, new) = (rows(starters, &paths, before), rows(starters, &paths, after));
    let both = new.iter().filter_map(|(below, row)| Some((below, old.get(below)?, row)));
    let changed = both.filter(|(below, old, new)| {
        let key = below.iter().fold(own.clone(), |path, segment| path.join(segment));
        old.value != new.value || (new.secret && differ.contains(&key))
    });
    let setting = |(_, old, new): (&Vec<String>, &SettingRow, &SettingRow)| ChangedSetting {
        key: new.key.to_string(),
        before: old.value.clone(),
        after: new.value.clone(),
    };
    changed.map(setting).collect()
}

/// The values of each key, by its path below the module. What is set for the scene goes over what is set for all.
fn rows(
    starters: &[&'static StarterDescriptor],
    paths: &[KeyPath],
    values: Values<'_>,
) -> BTreeMap<Vec<String>, SettingRow> {
    let known = known_sections(starters, [values.spec]);
    let rows = values.tree.explain(&known);
    let mut found = BTreeMap::new();
    for path in paths {
        for row in &rows {
            if let Some(below) = row.key.segments().strip_prefix(path.segments()) {
                found.insert(below.to_vec(), row.clone());
            }
        }
    }
    found
}
