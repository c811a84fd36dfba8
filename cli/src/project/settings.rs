//! The sections of starters and modules in a base's `bedplate.toml`.

use toml_edit::{DocumentMut, Item};

use crate::market::Entry;

/// The settings of base-template: what a new base begins with.
pub(super) const TEMPLATE: &str = include_str!("../../../base-template/bedplate.toml");

/// The template, without the sections of starters that were not picked.
pub(super) fn of_starters(picked: &[&str]) -> String {
    let mut kept = String::new();
    for section in sections(TEMPLATE) {
        let is_kept = match starter_of(section) {
            Some(starter) => picked.contains(&starter),
            None => true,
        };
        if is_kept {
            kept.push_str(section);
        }
    }
    kept
}

/// The part of the template for one starter; nothing where it has none.
fn of_template(starter: &str) -> String {
    sections(TEMPLATE).into_iter().filter(|section| starter_of(section) == Some(starter)).collect()
}

/// A text, cut before each header of a table and the comments that stand directly above it.
fn sections(text: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') {
            starts.push(offset);
        }
        offset += line.len();
    }
    starts.push(text.len());
    starts.windows(2).map(|ends| &text[ends[0]..ends[1]]).filter(|section| !section.is_empty()).collect()
}

/// The starter that a section is for.
fn starter_of(section: &str) -> Option<&str> {
    let name = section.strip_prefix("[starters.")?;
    Some(name.split(['.', ']']).next().unwrap_or(name))
}

/// The settings with a section for a starter at their end, unless they have one.
pub(super) fn with_starter(text: &str, entry: &Entry) -> String {
    let document: Option<DocumentMut> = text.parse().ok();
    let has = document
        .is_some_and(|document| document.get("starters").and_then(|starters| starters.get(&entry.name)).is_some());
    if has {
        return text.to_owned();
    }
    let own = if entry.source.is_third_party() { String::new() } else { of_template(&entry.name) };
    let section = if own.is_empty() { described(entry) } else { own };
    format!("{}\n\n{}\n", text.trim_end(), section.trim_end())
}

/// A section that shows every setting, as a comment where it has a default.
fn described(entry: &Entry) -> String {
    let mut section = format!("[starters.{}]\n", entry.name);
    let plain = entry.settings.iter().filter(|setting| !setting.key.contains('.'));
    for setting in plain {
        for line in setting.help.lines() {
            section.push_str(&format!("# {line}\n"));
        }
        section.push_str(&match &setting.default {
            Some(default) => format!("#{} = {default}\n", setting.key),
            None if setting.required => format!("# It has no default: {}.\n#{} =\n", setting.kind, setting.key),
            None => format!("#{} =\n", setting.key),
        });
    }
    section
}

/// The settings without the sections of a starter, or of a module: `starters` or `modules`, and its name.
pub(super) fn without(text: &str, of: &str, name: &str) -> String {
    let Ok(mut document) = text.parse::<DocumentMut>() else { return text.to_owned() };
    let Some(all) = document.get_mut(of).and_then(Item::as_table_like_mut) else { return text.to_owned() };
    if all.remove(name).is_none() {
        return text.to_owned();
    }
    document.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sections_of_what_was_picked_are_kept() {
        let text = of_starters(&["http"]);
        assert!(text.contains("[starters.http]") && text.contains("[starters.http.cors]"), "{text}");
        assert!(!text.contains("[starters.sql]") && !text.contains("[starters.admin]"), "{text}");
        assert!(text.contains("[drain]") && text.starts_with("# The settings of the base."), "{text}");
        text.parse::<DocumentMut>().unwrap();
        assert_eq!(of_starters(&["http", "admin", "sql", "telemetry", "metrics"]), TEMPLATE);
    }

    #[test]
    fn a_section_goes_with_all_that_is_below_it() {
        let text = "# kept\n[starters.http]\naddress = \"a\"\n\n[starters.http.cors]\norigins = []\n\n[modules.orders]\nlimit = 1\n[modules.orders.sql]\nfile = \"x\"\n\n[drain]\n# kept too\n";
        let without_http = without(text, "starters", "http");
        assert!(!without_http.contains("http") && !without_http.contains("origins"), "{without_http}");
        let without_orders = without(text, "modules", "orders");
        assert!(!without_orders.contains("orders") && without_orders.contains("# kept too"), "{without_orders}");
        assert_eq!(without(text, "starters", "sql"), text);
    }
}
