//! Every key with its value, the value's origin, and its help.

use serde::Serialize;

use super::secret::MASK;
use super::{Key, KeyPath, Known, Origin, Schema, Tree};

/// One line of what the `settings` command shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingRow {
    /// The full path of the key.
    pub key: KeyPath,
    /// The value as a file would hold it; masked where it is secret, absent where there is none.
    pub value: Option<String>,
    /// The layer that the value came from.
    pub origin: Origin,
    /// The documentation of the setting.
    pub help: String,
    /// What a value is, in words.
    pub type_name: String,
    /// The default as a file would hold it.
    pub default: Option<String>,
    /// The values that are allowed, as a Rust range.
    pub range: Option<String>,
    /// The words that are allowed; empty where all are.
    pub allowed: Vec<String>,
    /// Whether a source must give a value.
    pub required: bool,
    /// Whether the value is never printed.
    pub secret: bool,
}

/// Which keys of a section are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    /// Those that a source gives: a section that overrides another has no defaults of its own.
    Given,
}

impl Tree {
    /// All keys of the sections that are known. Of a section whose path has a `*`, those that a source gives.
    pub fn explain(&self, known: &Known) -> Vec<SettingRow> {
        let mut rows = Vec::new();
        for (path, schema) in known.sections() {
            let is_pattern = path.segments().iter().any(|segment| segment == "*");
            let shown = if is_pattern { Shown::Given } else { Shown::All };
            for path in self.expand(path) {
                self.explain_section(&path, schema, shown, &mut rows);
            }
        }
        rows
    }

    /// The paths that a pattern stands for.
    fn expand(&self, pattern: &KeyPath) -> Vec<KeyPath> {
        let mut paths = vec![KeyPath::root()];
        for segment in pattern.segments() {
            paths = match segment.as_str() {
                "*" => {
                    let below =
                        |path: &KeyPath| self.keys_under(path).into_iter().map(|name| path.join(name)).collect();
                    paths.iter().flat_map(|path| -> Vec<KeyPath> { below(path) }).collect()
                }
                _ => paths.iter().map(|path| path.join(segment)).collect(),
            };
        }
        paths
    }

    fn explain_section(&self, path: &KeyPath, schema: &Schema, shown: Shown, rows: &mut Vec<SettingRow>) {
        // Problems are for `read` and `unknown` to report.
        let mut passed_over = Vec::new();
        let section = self.section(std::slice::from_ref(path), &mut passed_over);
        for key in &schema.keys {
            if let Some(nested) = &key.nested {
                self.explain_section(&path.join(&key.name), nested, shown, rows);
                continue;
            }
            let found = section.find(key);
            if found.is_none() && shown == Shown::Given {
                continue;
            }
            let (value, origin) = match found {
                Some((_, node)) => (Some(node.to_string()), node.origin.clone()),
                None => match &key.default {
                    Some(default) => (Some(default.clone()), Origin::Default),
                    None => (None, Origin::Unset),
                },
            };
            rows.push(row(path, key, value, origin));
        }
    }
}

fn row(path: &KeyPath, key: &Key, value: Option<String>, origin: Origin) -> SettingRow {
    let masked = |value: String| if key.secret { MASK.to_owned() } else { value };
    SettingRow {
        key: path.join(&key.name),
        value: value.map(masked),
        origin,
        help: key.help.clone(),
        type_name: key.type_name.clone(),
        default: key.default.clone(),
        range: key.range.clone(),
        allowed: key.allowed.clone(),
        required: key.required,
        secret: key.secret,
    }
}
