//! Starters as the file of a list: the same starters always give the same text.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::parse::VERSION;
use super::{Entry, SettingHelp};

const HEAD: &str = "\
# A list of starters, made from their Cargo.toml and from what they register: not to be edited.
#   cargo bedplate market generate FOLDER… --out FILE   makes it
#   cargo bedplate market check --list FILE             says where it is not true any more
";

/// A starter of a list that is made, and where the list says that it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// What it says of itself.
    pub(crate) entry: Entry,
    /// Its folder, relative to that of the list; none where it comes from the registry.
    pub(crate) path: Option<String>,
}

/// The text of a list with these starters, in this order.
pub(crate) fn render(starters: &[Made]) -> String {
    let mut text = format!("{HEAD}version = {VERSION}\n");
    for made in starters {
        text.push_str(&starter(made));
    }
    text
}

fn starter(Made { entry, path }: &Made) -> String {
    let mut text = String::from("\n[[starter]]\n");
    let mut line = |key: &str, value: String| {
        writeln!(text, "{key} = {value}").expect("a string takes all that is written to it");
    };
    line("name", string(&entry.name));
    line("crate", string(&entry.package));
    line("version", string(&version(&entry.version.to_string())));
    if let Some(path) = path {
        line("path", string(path));
    }
    line("about", string(&entry.about));
    line("group", string(&entry.group));
    line("bedplate", string(&version(&entry.bedplate.to_string())));
    let lists = [
        ("provides", &entry.provides),
        ("reads", &entry.reads),
        ("needs", &entry.needs),
        ("excludes", &entry.excludes),
    ];
    for (key, list) in lists {
        if !list.is_empty() {
            let items: Vec<_> = list.iter().map(|item| string(item)).collect();
            line(key, format!("[{}]", items.join(", ")));
        }
    }
    for (key, settings) in [("settings", &entry.settings), ("module_settings", &entry.module_settings)] {
        if !settings.is_empty() {
            let items: Vec<_> = settings.iter().map(|one| format!("    {},\n", setting(one))).collect();
            line(key, format!("[\n{}]", items.concat()));
        }
    }
    for (key, table) in [("features", &entry.features), ("links", &entry.links)] {
        if !table.is_empty() {
            line(key, pairs(table));
        }
    }
    text
}

fn setting(setting: &SettingHelp) -> String {
    let mut parts = vec![format!("key = {}", string(&setting.key)), format!("kind = {}", string(&setting.kind))];
    parts.extend(setting.default.as_ref().map(|default| format!("default = {}", string(default))));
    parts.extend(setting.required.then(|| "required = true".to_owned()));
    if !setting.help.is_empty() {
        parts.push(format!("help = {}", string(&setting.help)));
    }
    format!("{{ {} }}", parts.join(", "))
}

fn pairs(table: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = table
        .iter()
        .map(|(name, value)| format!("{} = {}", toml_edit::Key::new(name).display_repr(), string(value)))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// A range of versions as people write it: cargo takes `0.1` for `^0.1`.
pub(crate) fn version(text: &str) -> String {
    text.strip_prefix('^').unwrap_or(text).to_owned()
}

fn string(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}
