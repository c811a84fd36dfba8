//! Which settings differ between two trees, as whoever reads them would see it.

use std::collections::{BTreeMap, BTreeSet};

use super::node::Table;
use super::section::descend;
use super::suggest::normal;
use super::{Key, KeyPath, Known, Schema, Tree};

/// The values of a section, each under its normal form: where it stands, and what is written there.
type Values = BTreeMap<Vec<String>, (KeyPath, String)>;

impl Tree {
    /// The keys whose values differ from those of `other` in the section under `paths`, where a later path goes
    /// over an earlier one. A key that is absent has the default that `known` gives it.
    ///
    /// The keys are named under the first path. No value is shown: it may be a secret.
    pub fn differences(&self, other: &Self, paths: &[KeyPath], known: &Known) -> Vec<KeyPath> {
        let Some(first) = paths.first() else { return Vec::new() };
        let (own, others) = (self.values(paths), other.values(paths));
        let keys: BTreeSet<_> = own.keys().chain(others.keys()).collect();
        let mut differ = Vec::new();
        for key in keys {
            let (here, there) = (own.get(key), others.get(key));
            let Some((path, _)) = here.or(there) else { continue };
            let path = path.segments().iter().fold(first.clone(), |path, segment| path.join(segment));
            let fallback = known.default_of(&path);
            let value = |found: Option<&(KeyPath, String)>| found.map(|(_, value)| value.clone()).or(fallback.clone());
            if value(here) != value(there) {
                differ.push(path);
            }
        }
        differ
    }

    fn values(&self, paths: &[KeyPath]) -> Values {
        let mut merged = Table::default();
        for path in paths {
            let tables = self.layers().iter().filter_map(|layer| descend(layer, path).ok().flatten());
            tables.for_each(|table| merged.overlay(table));
        }
        let mut values = Values::new();
        gather(&merged, &KeyPath::root(), &mut values);
        values
    }
}

fn gather(table: &Table, path: &KeyPath, to: &mut Values) {
    for (name, entry) in table.iter() {
        let here = path.join(name);
        match entry.node.as_table() {
            Some(below) => gather(below, &here, to),
            None => {
                let key = here.segments().iter().map(|segment| normal(segment)).collect();
                to.insert(key, (here, entry.node.to_string()));
            }
        }
    }
}

impl Known {
    /// The default of a key, as a file would hold it. That of a secret is never told.
    fn default_of(&self, path: &KeyPath) -> Option<String> {
        let key = self.key(path)?;
        if key.secret { None } else { key.default.clone() }
    }

    /// What is declared for a path.
    fn key(&self, path: &KeyPath) -> Option<&Key> {
        self.sections().find_map(|(section, schema)| {
            let below = path.segments().get(section.segments().len()..)?;
            let mut pairs = section.segments().iter().zip(path.segments());
            pairs.all(|(known, given)| known == "*" || normal(known) == normal(given)).then(|| find(schema, below))?
        })
    }
}

fn find<'s>(schema: &'s Schema, path: &[String]) -> Option<&'s Key> {
    let (first, rest) = path.split_first()?;
    let key = schema.keys.iter().find(|key| normal(&key.name) == normal(first))?;
    match (&key.nested, rest) {
        (None, []) => Some(key),
        (Some(nested), rest) => find(nested, rest),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Sources;

    fn tree(text: &str) -> Tree {
        Sources::new().text("test", text).load().unwrap()
    }

    fn known() -> Known {
        let schema = Schema::new("", "", 0)
            .key(Key::of::<u32>("size").default_text("5"))
            .key(Key::of::<String>("word").secret().default_text("\"x\""));
        Known::new().section(KeyPath::of(["modules", "a"]), schema)
    }

    fn differences(one: &str, other: &str) -> Vec<String> {
        let paths = [KeyPath::of(["modules", "a"]), KeyPath::of(["scenes", "main", "modules", "a"])];
        let differ = tree(one).differences(&tree(other), &paths, &known());
        differ.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_read_the_same_does_not_differ() {
        assert!(differences("[modules.a]\nsize = 5", "").is_empty(), "the default, written out");
        assert!(differences("[modules.a]\nsize = 7", "[scenes.main.modules.a]\nsize = 7").is_empty());
        assert!(differences("[modules.a.http]\n", "[modules.b]\nsize = 1").is_empty());
    }

    #[test]
    fn what_differs_is_named_without_its_value() {
        assert_eq!(differences("[modules.a]\nsize = 6", ""), ["modules.a.size"]);
        assert_eq!(
            differences("[modules.a]\nsize = 6\n[scenes.main.modules.a]\nsize = 7", "[modules.a]\nsize = 6"),
            ["modules.a.size"]
        );
        assert_eq!(differences("[modules.a]\nword = \"x\"", ""), ["modules.a.word"], "a default that nobody may see");
        assert_eq!(differences("[modules.a.http]\nprefix = \"/a\"", ""), ["modules.a.http.prefix"]);
    }

    #[test]
    fn the_environment_spells_as_it_can() {
        let set = |sources: Sources| sources.load().unwrap();
        let file = tree("[modules.a-b]\nmax_length = 3");
        let variables = [("BEDPLATE__MODULES__A_B__MAX_LENGTH".to_owned(), "3".to_owned())];
        let environment = set(Sources::new().environment(variables));
        let paths = [KeyPath::of(["modules", "a-b"])];
        assert!(file.differences(&environment, &paths, &Known::new()).is_empty());
        assert!(file.differences(&environment, &[KeyPath::root()], &Known::new()).is_empty());
    }
}
