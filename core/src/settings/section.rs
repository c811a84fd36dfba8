//! Reads one section of the tree key by key and records every problem on the way.

use std::borrow::Cow;

use super::deserialize::DURATION_FORM;
use super::node::{Node, Table, Value};
use super::problem::record;
use super::read_error::{ReadError, Reason};
use super::suggest::did_you_mean;
use super::{Key, KeyPath, Origin, Place, Schema, SettingProblem, SettingValue, Settings};

/// What stands in for a value that no source gives.
pub enum Fallback<T> {
    /// Nothing: the absence is a problem.
    Required,
    /// This value.
    Value(fn() -> T),
    /// This text, read as if it stood in the environment.
    Text(&'static str),
}

/// A part of the settings tree that is being read: one table per layer and path, the lowest first.
///
/// The code that `#[derive(Settings)]` writes calls it; a trait that is implemented by hand does the same.
pub struct Section<'a> {
    paths: Vec<KeyPath>,
    /// Each with the index of its path.
    tables: Vec<(usize, &'a Table)>,
    /// The file that advice names.
    main_file: &'a str,
    problems: &'a mut Vec<SettingProblem>,
}

impl<'a> Section<'a> {
    /// The section under `paths` in `layers`, where a later path goes over an earlier one.
    pub(super) fn open(
        layers: &'a [Table],
        paths: &[KeyPath],
        main_file: &'a str,
        problems: &'a mut Vec<SettingProblem>,
    ) -> Self {
        let mut tables = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            for layer in layers {
                match descend(layer, path) {
                    Ok(table) => tables.extend(table.map(|table| (index, table))),
                    Err(problem) => record(problems, *problem),
                }
            }
        }
        Self { paths: paths.to_vec(), tables, main_file, problems }
    }

    /// Reads a key; `accepts` says whether the value is in the key's range. `None`: a problem was recorded.
    pub fn value<T: SettingValue>(
        &mut self,
        key: &Key,
        fallback: Fallback<T>,
        accepts: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let found = self.find(key);
        let (place, value) = match (&found, fallback) {
            (Some((path, node)), _) => self.read(key, *path, node).map(|value| (Some((*path, &**node)), value)),
            (None, Fallback::Value(make)) => Some((None, make())),
            (None, Fallback::Text(text)) => {
                let node = Node::text(text, Origin::Default);
                return self.read(key, 0, &node).filter(|value| self.accept(key, 0, &node, accepts(value)));
            }
            (None, Fallback::Required) => {
                self.report_missing(key);
                None
            }
        }?;
        match place {
            Some((path, node)) => self.accept(key, path, node, accepts(&value)).then_some(value),
            None if accepts(&value) => Some(value),
            None => {
                let default = key.default.clone().unwrap_or_default();
                self.report_default(key, &format!("its default {default} is not in the range"));
                None
            }
        }
    }

    /// Reads a key that may be absent. The outer `None`: a problem was recorded.
    pub fn optional<T: SettingValue>(&mut self, key: &Key, accepts: impl Fn(&T) -> bool) -> Option<Option<T>> {
        let Some((path, node)) = self.find(key) else {
            return Some(None);
        };
        let value = self.read(key, path, &node)?;
        self.accept(key, path, &node, accepts(&value)).then_some(Some(value))
    }

    /// Reads a table of settings; an absent one has its own defaults. `None`: a problem was recorded.
    pub fn nested<S: Settings>(&mut self, key: &Key) -> Option<S> {
        let before = self.problems.len();
        let mut below = self.below(key);
        let value = S::read(&mut below);
        value.filter(|_| self.problems.len() == before)
    }

    /// Reads a table of settings that is `None` where no source has it. The outer `None`: a problem was recorded.
    pub fn optional_nested<S: Settings>(&mut self, key: &Key) -> Option<Option<S>> {
        if self.tables.iter().all(|(_, table)| table.get(&key.name).is_none()) {
            return Some(None);
        }
        self.nested(key).map(Some)
    }

    /// Lets a type's own check decide over what was read.
    pub fn checked<S>(&mut self, schema: &Schema, value: S, check: impl FnOnce(&S) -> Result<(), String>) -> Option<S> {
        match check(&value) {
            Ok(()) => Some(value),
            Err(reason) => {
                let path = self.nearest_path();
                let names: Vec<_> = self.paths.iter().map(|path| format!("[{path}]")).collect();
                let help = format!("change the settings in {}", names.join(" or "));
                self.push("setting-check", path.clone(), format!("`{path}`: {reason}"), None, &schema.place, help);
                None
            }
        }
    }

    /// The most specific path that has a table, for problems of the section as a whole.
    fn nearest_path(&self) -> KeyPath {
        let index = self.tables.last().map_or(0, |(index, _)| *index);
        self.paths.get(index).cloned().unwrap_or_default()
    }

    /// The value of a key, with the index of the path it was found under: the highest layer decides, and tables
    /// that lie over each other are one.
    pub(super) fn find(&self, key: &Key) -> Option<(usize, Cow<'a, Node>)> {
        let mut found =
            self.tables.iter().rev().filter_map(|(path, table)| table.get(&key.name).map(|entry| (*path, &entry.node)));
        let (path, highest) = found.next()?;
        let is_table = |node: &Node| matches!(node.value, Value::Table(_));
        let lower: Vec<_> = match is_table(highest) {
            true => found.map(|(_, node)| node).take_while(|node| is_table(node)).collect(),
            false => Vec::new(),
        };
        let Some((lowest, between)) = lower.split_last() else {
            return Some((path, Cow::Borrowed(highest)));
        };
        let mut merged = (*lowest).clone();
        for node in between.iter().rev() {
            merged.overlay(node);
        }
        merged.overlay(highest);
        Some((path, Cow::Owned(merged)))
    }

    fn below(&mut self, key: &Key) -> Section<'_> {
        let paths: Vec<_> = self.paths.iter().map(|path| path.join(&key.name)).collect();
        let mut tables = Vec::new();
        for (path, table) in &self.tables {
            let Some(entry) = table.get(&key.name) else {
                continue;
            };
            match entry.node.as_table() {
                Some(table) => tables.push((*path, table)),
                None => record(self.problems, not_a_table(&paths[*path], &entry.node)),
            }
        }
        Section { paths, tables, main_file: self.main_file, problems: self.problems }
    }

    fn read<T: SettingValue>(&mut self, key: &Key, path: usize, node: &Node) -> Option<T> {
        if !self.allows(key, path, node) {
            return None;
        }
        match T::deserialize(node) {
            Ok(value) => Some(value),
            Err(error) => {
                self.report_type(key, path, node, &error);
                None
            }
        }
    }

    /// Whether the value is one of the words that are allowed; a list may hold several.
    fn allows(&mut self, key: &Key, path: usize, node: &Node) -> bool {
        if key.allowed.is_empty() {
            return true;
        }
        let items = match &node.typed().value {
            Value::Array(items) => items.iter().collect(),
            _ => vec![node],
        };
        let mut all = true;
        for item in items {
            let Some(word) = item.scalar().filter(|word| !key.allowed.contains(word)) else {
                continue;
            };
            all = false;
            let shown = if key.secret { String::new() } else { format!(", not {word:?}") };
            let meant = did_you_mean(&word, key.allowed.iter().map(String::as_str))
                .filter(|_| !key.secret)
                .map(|word| format!("did you mean {word:?}? "))
                .unwrap_or_default();
            let allowed = key.allowed.join(", ");
            let at = self.path_of(key, path);
            let what = format!("`{at}` must be one of {allowed}{shown}");
            self.push(
                "setting-allowed",
                at,
                what,
                Some(&item.origin),
                &key.place,
                format!("{meant}write one of {allowed}"),
            );
        }
        all
    }

    fn accept(&mut self, key: &Key, path: usize, node: &Node, accepted: bool) -> bool {
        if !accepted {
            let range = key.range.clone().unwrap_or_default();
            let shown = if key.secret { "the value".to_owned() } else { node.to_string() };
            let at = self.path_of(key, path);
            let what = format!("`{at}` is out of range: {shown} is not in {range}");
            let help = format!("write a value in the range {range}");
            self.push("setting-range", at, what, Some(&node.origin), &key.place, help);
        }
        accepted
    }

    fn path_of(&self, key: &Key, path: usize) -> KeyPath {
        self.paths.get(path).cloned().unwrap_or_default().join(&key.name)
    }

    fn report_type(&mut self, key: &Key, path: usize, node: &Node, error: &ReadError) {
        if node.origin == Origin::Default {
            self.report_default(key, &format!("its default {}", error.sentence(None)));
            return;
        }
        let at = error.below.iter().fold(self.path_of(key, path), |at, segment| at.join(segment));
        let part = error.part.as_deref();
        let origin = part.map_or(&node.origin, |(origin, _)| origin);
        let found = part.map_or("something else", |(_, found)| found);
        let shown = (!key.secret).then_some(found);
        let what = format!("`{at}` {}", error.sentence(shown));
        let help = match error.help() {
            Some(help) => help,
            None => advice(&error.reason, shown.unwrap_or_default())
                .map_or_else(|| format!("write {}", key.type_name), str::to_owned),
        };
        self.push("setting-type", at, what, Some(origin), &key.place, help);
    }

    fn report_default(&mut self, key: &Key, why: &str) {
        let at = self.path_of(key, 0);
        let help = "change the default where the setting is declared".to_owned();
        self.push("setting-default", at.clone(), format!("`{at}`: {why}"), None, &key.place, help);
    }

    fn report_missing(&mut self, key: &Key) {
        let at = self.path_of(key, 0);
        let sections: Vec<_> = self.paths.iter().map(|path| format!("[{path}]")).collect();
        let sections = sections.join(" or ");
        let name = KeyPath::of([key.name.as_str()]);
        let variable =
            at.environment_name().map(|name| format!(", or the environment variable {name}")).unwrap_or_default();
        let what = format!("`{at}` is missing: it has no default and must be {}", key.type_name);
        let help = format!("set `{name}` in {sections} of {}{variable}, or --set '{at}=…'", self.main_file);
        self.push("setting-missing", at, what, None, &key.place, help);
    }

    fn push(
        &mut self,
        code: &'static str,
        key: KeyPath,
        what: String,
        origin: Option<&Origin>,
        declared: &Place,
        help: String,
    ) {
        let problem =
            SettingProblem { code, key, what, origin: origin.cloned(), declared: Some(declared.clone()), help };
        record(self.problems, problem);
    }
}

/// What to do about the commonest of mismatches.
fn advice(reason: &Reason, found: &str) -> Option<&'static str> {
    let Reason::Expected(wanted) = reason else {
        return None;
    };
    let quoted = found.starts_with("the text");
    let unquoted = found.starts_with("the whole number") || found.starts_with("the number");
    if wanted == DURATION_FORM {
        return Some("write a number with a unit, in quotes: \"500ms\", \"30s\", \"1h 5m\"");
    }
    if wanted.contains("socket address") {
        return Some("write an address with a port, such as \"127.0.0.1:8080\"");
    }
    if quoted && !wanted.contains("size") && (wanted.contains("number") || wanted == "true or false") {
        return Some("write it without quotes, as TOML writes numbers, true and false");
    }
    if unquoted && wanted == "text" {
        return Some("put it in quotes");
    }
    None
}

/// The table under a path in one layer.
pub(super) fn descend<'t>(layer: &'t Table, path: &KeyPath) -> Result<Option<&'t Table>, Box<SettingProblem>> {
    let mut table = layer;
    for (index, segment) in path.segments().iter().enumerate() {
        let Some(entry) = table.get(segment) else {
            return Ok(None);
        };
        table = entry.node.as_table().ok_or_else(|| {
            let here = KeyPath::of(path.segments()[..=index].iter().cloned());
            Box::new(not_a_table(&here, &entry.node))
        })?;
    }
    Ok(Some(table))
}

pub(super) fn not_a_table(path: &KeyPath, node: &Node) -> SettingProblem {
    // Without the value: it may be a secret that was put in the wrong place.
    SettingProblem {
        code: "setting-type",
        key: path.clone(),
        what: format!("`{path}` is a section of settings, but it is given a single value"),
        origin: Some(node.origin.clone()),
        declared: None,
        help: format!("write [{path}] on a line of its own, and its settings below"),
    }
}
