//! The sections that exist, and what in the tree belongs to none of them.

use std::collections::BTreeMap;

use super::node::{Entry, Table};
use super::problem::record;
use super::section::not_a_table;
use super::suggest::{did_you_mean, listed};
use super::{KeyPath, Schema, SettingProblem, Tree};

/// The sections that exist in a base, each with the keys that it takes.
#[derive(Clone, Debug, Default)]
pub struct Known {
    sections: Vec<(KeyPath, Schema)>,
}

impl Known {
    /// No sections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a section. A segment `*` of its path stands for any one name: `scenes.*.modules.comments`.
    ///
    /// A section may lie within another, and one path may be added several times: the keys add up.
    #[must_use]
    pub fn section(mut self, path: KeyPath, schema: Schema) -> Self {
        self.add(path, schema);
        self
    }

    /// Adds a section, as [`section`](Self::section) does.
    pub fn add(&mut self, path: KeyPath, schema: Schema) {
        self.sections.push((path, schema));
    }

    /// The sections in the order they were added.
    pub fn sections(&self) -> impl Iterator<Item = (&KeyPath, &Schema)> {
        self.sections.iter().map(|(path, schema)| (path, schema))
    }
}

impl Tree {
    /// What the sources hold that no section knows: misspelled keys and sections, all of them, in every layer.
    pub fn unknown(&self, known: &Known) -> Vec<SettingProblem> {
        let mut root = Branch::default();
        for (path, schema) in &known.sections {
            root.insert(path.segments(), schema);
        }
        let mut problems = Vec::new();
        for layer in self.layers() {
            walk(&[Level::Section(&root)], layer, &KeyPath::root(), &mut problems);
        }
        SettingProblem::arrange(&mut problems);
        problems
    }
}

/// The sections as a tree of their segments.
#[derive(Default)]
struct Branch<'k> {
    schemas: Vec<&'k Schema>,
    below: BTreeMap<&'k str, Self>,
}

impl<'k> Branch<'k> {
    fn insert(&mut self, path: &'k [String], schema: &'k Schema) {
        match path.split_first() {
            None => self.schemas.push(schema),
            Some((first, rest)) => self.below.entry(first).or_default().insert(rest, schema),
        }
    }
}

/// What is known of one place in the tree.
#[derive(Clone, Copy)]
enum Level<'k> {
    Section(&'k Branch<'k>),
    Nested(&'k Schema),
}

impl<'k> Level<'k> {
    fn schemas(self) -> Vec<&'k Schema> {
        match self {
            Self::Section(branch) => branch.schemas.clone(),
            Self::Nested(schema) => vec![schema],
        }
    }

    fn branches(self) -> impl Iterator<Item = (&'k str, &'k Branch<'k>)> {
        let branch = match self {
            Self::Section(branch) => Some(branch),
            Self::Nested(_) => None,
        };
        branch.into_iter().flat_map(|branch| branch.below.iter().map(|(name, below)| (*name, below)))
    }
}

fn walk(levels: &[Level<'_>], table: &Table, path: &KeyPath, problems: &mut Vec<SettingProblem>) {
    for (name, entry) in table.iter() {
        let here = path.join(name);
        let mut next = Vec::new();
        let mut is_value = false;
        for level in levels {
            let matching = level.branches().filter(|(known, _)| *known == "*" || entry.is_named(name, known));
            next.extend(matching.map(|(_, branch)| Level::Section(branch)));
            for key in level.schemas().into_iter().flat_map(|schema| &schema.keys) {
                if entry.is_named(name, &key.name) {
                    match &key.nested {
                        Some(schema) => next.push(Level::Nested(schema)),
                        None => is_value = true,
                    }
                }
            }
        }
        match entry.node.as_table() {
            Some(below) if !next.is_empty() => walk(&next, below, &here, problems),
            _ if is_value => {}
            None if next.iter().any(|level| matches!(level, Level::Section(_))) => {
                record(problems, not_a_table(&here, &entry.node));
            }
            // A nested table that is a single value: whoever reads the section reports it.
            None if !next.is_empty() => {}
            _ => problems.push(unknown(levels, name, entry, path)),
        }
    }
}

fn unknown(levels: &[Level<'_>], name: &str, entry: &Entry, path: &KeyPath) -> SettingProblem {
    let mut names: Vec<&str> = Vec::new();
    for level in levels {
        names.extend(level.schemas().iter().flat_map(|schema| &schema.keys).map(|key| key.name.as_str()));
        names.extend(level.branches().map(|(name, _)| name).filter(|name| *name != "*"));
    }
    names.sort_unstable();
    names.dedup();
    let here = path.join(name);
    let kind = if entry.node.as_table().is_some() { "section" } else { "setting" };
    let meant =
        did_you_mean(name, names.iter().copied()).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    let place = if path.segments().is_empty() { "the top level".to_owned() } else { format!("[{path}]") };
    let allowed = match names.as_slice() {
        [] => format!("{place} takes no settings: remove it"),
        names => format!("{place} takes: {}", listed(names)),
    };
    SettingProblem {
        code: "setting-unknown",
        what: format!("unknown {kind} `{here}`"),
        key: here,
        origin: Some(entry.key_origin.clone()),
        declared: None,
        help: format!("{meant}{allowed}"),
    }
}
