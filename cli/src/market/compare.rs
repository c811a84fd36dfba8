//! Where two descriptions of starters differ, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::render::version;
use super::{Entry, SettingHelp};

/// One field of a starter that two descriptions say differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// The starter.
    pub(crate) starter: String,
    /// The field: `about`, `settings.address.default`; `starter` where one has it and the other does not.
    pub(crate) field: String,
    /// What one says; none where it says nothing.
    pub(crate) one: Option<String>,
    /// What the other says; none where it says nothing.
    pub(crate) other: Option<String>,
}

/// Where two lists of starters differ. Where a starter's code comes from is not compared.
pub(crate) fn compare<'e>(
    one: impl IntoIterator<Item = &'e Entry>,
    other: impl IntoIterator<Item = &'e Entry>,
) -> Vec<Difference> {
    let by_name = |entry: &'e Entry| (entry.name.as_str(), entry);
    let one: BTreeMap<_, _> = one.into_iter().map(by_name).collect();
    let other: BTreeMap<_, _> = other.into_iter().map(by_name).collect();
    let names: BTreeSet<_> = one.keys().chain(other.keys()).copied().collect();
    names.into_iter().flat_map(|starter| of_starter(starter, one.get(starter), other.get(starter))).collect()
}

fn of_starter(starter: &str, one: Option<&&Entry>, other: Option<&&Entry>) -> Vec<Difference> {
    let difference = |field: &str, one: Option<String>, other: Option<String>| Difference {
        starter: starter.to_owned(),
        field: field.to_owned(),
        one,
        other,
    };
    let (Some(one), Some(other)) = (one, other) else {
        let named = |entry: Option<&&Entry>| entry.map(|entry| entry.package.clone());
        return vec![difference("starter", named(one), named(other))];
    };
    let (one, other) = (fields(one), fields(other));
    let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    names
        .into_iter()
        .filter(|field| one.get(*field) != other.get(*field))
        .map(|field| difference(field, one.get(field).cloned(), other.get(field).cloned()))
        .collect()
}

/// All that an entry says, flat.
fn fields(entry: &Entry) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut say = |field: &str, text: String| {
        fields.insert(field.to_owned(), text);
    };
    say("crate", entry.package.clone());
    say("version", version(&entry.version.to_string()));
    say("about", entry.about.clone());
    say("group", entry.group.clone());
    say("bedplate", version(&entry.bedplate.to_string()));
    let lists = [
        ("provides", &entry.provides),
        ("reads", &entry.reads),
        ("needs", &entry.needs),
        ("excludes", &entry.excludes),
    ];
    for (field, list) in lists {
        if !list.is_empty() {
            say(field, list.join(", "));
        }
    }
    for (field, table) in [("features", &entry.features), ("links", &entry.links)] {
        for (name, text) in table {
            say(&format!("{field}.{name}"), text.clone());
        }
    }
    for (field, settings) in [("settings", &entry.settings), ("module_settings", &entry.module_settings)] {
        for SettingHelp { key, kind, default, required, help } in settings {
            let mut say = |part: &str, text: String| say(&format!("{field}.{key}.{part}"), text);
            say("kind", kind.clone());
            if let Some(default) = default {
                say("default", default.clone());
            }
            if *required {
                say("required", "true".to_owned());
            }
            if !help.is_empty() {
                say("help", help.clone());
            }
        }
    }
    fields
}
