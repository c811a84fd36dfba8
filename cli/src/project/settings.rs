//! The sections of starters and modules in a base's `bedplate.toml`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item};

use crate::failure::Failure;
use crate::market::Entry;

/// The settings of base-template: what a new base begins with.
pub(super) const TEMPLATE: &str = include_str!("../../../base-template/bedplate.toml");

/// The text of a settings file; nothing where there is none.
///
/// # Errors
///
/// Where there is one that cannot be read, or is no TOML: then it is not to be changed either.
pub(super) fn read(file: &Path) -> Result<String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    };
    let parsed: Result<DocumentMut, _> = text.parse();
    parsed.map(|_| text).map_err(|error| {
        Failure::error("invalid-settings", format!("{}: {error}", file.display()), "mend it, and try again")
    })
}

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

/// The settings without the sections of a starter, or of a module: `starters` or `modules`, and its name. The comments
/// in a section go with it, and those right above it.
pub(super) fn without(text: &str, of: &str, name: &str) -> String {
    let Ok(mut document) = text.parse::<DocumentMut>() else { return text.to_owned() };
    let Some(all) = document.get_mut(of).and_then(Item::as_table_like_mut) else { return text.to_owned() };
    if all.remove(name).is_none() {
        return text.to_owned();
    }
    let cut = without_sections(text, of, name);
    let says = |text: &str| text.parse::<toml::Table>().ok();
    // Other forms than sections (`starters.sql.url = …`) have no lines that are theirs alone.
    let is_all = says(&cut).is_some_and(|cut| Some(cut) == says(&document.to_string()));
    if is_all { cut } else { document.to_string() }
}

fn without_sections(text: &str, of: &str, name: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut kept = String::new();
    let mut from = 0;
    let mut is_kept = true;
    for (index, line) in lines.iter().enumerate() {
        let Some(path) = header(line) else { continue };
        let begin = begin_of(&lines, index);
        if is_kept {
            kept.extend(lines[from..begin.max(from)].iter().copied());
        }
        from = begin.max(from);
        is_kept = !(path.first().is_some_and(|first| first == of) && path.get(1).is_some_and(|second| second == name));
    }
    if is_kept {
        kept.extend(lines[from..].iter().copied());
    }
    // The empty line that stood before what was last.
    let end = kept.trim_end().len();
    if is_kept { kept } else { format!("{}\n", &kept[..end]) }
}

/// The names in `[a.b]` or `[[a.b]]`.
fn header(line: &str) -> Option<Vec<String>> {
    let inner = line.trim_start().strip_prefix('[')?.trim_start_matches('[').split(']').next()?;
    let path = toml_edit::Key::parse(inner).ok()?;
    Some(path.iter().map(|key| key.get().to_owned()).collect())
}

/// Where a section begins: with the comments right above its header, where they stand by themselves.
fn begin_of(lines: &[&str], header: usize) -> usize {
    let above = lines[..header].iter().rev().take_while(|line| line.trim_start().starts_with('#')).count();
    let begin = header - above;
    let is_alone = begin == 0 || lines[begin - 1].trim().is_empty();
    if is_alone { begin } else { header }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those with a section in the template.
    const ALL: [&str; 6] = ["http", "admin", "sql", "cache", "telemetry", "metrics"];

    #[test]
    fn only_the_sections_of_what_was_picked_are_kept() {
        let text = of_starters(&["http"]);
        assert!(text.contains("[starters.http]") && text.contains("[starters.http.cors]"), "{text}");
        assert!(!text.contains("[starters.sql]") && !text.contains("[starters.admin]"), "{text}");
        assert!(text.contains("[drain]") && text.starts_with("# The settings of the base."), "{text}");
        text.parse::<DocumentMut>().unwrap();
        assert_eq!(of_starters(&ALL), TEMPLATE);
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

    #[test]
    fn a_section_goes_with_its_comments_and_no_others() {
        let text = "# Ours.\n\n# The data.\n[starters.sql]\n# Where.\nfolder = \"x\"\n#connections = 8\n\n# The web.\n[starters.http]\naddress = \"a\"\n";
        assert_eq!(without(text, "starters", "sql"), "# Ours.\n\n# The web.\n[starters.http]\naddress = \"a\"\n");
        assert_eq!(
            without(text, "starters", "http"),
            "# Ours.\n\n# The data.\n[starters.sql]\n# Where.\nfolder = \"x\"\n#connections = 8\n"
        );
        let other = "starters.sql.folder = \"x\"\nstarters.http = { address = \"a\" } # the web\n";
        assert_eq!(without(other, "starters", "sql"), "starters.http = { address = \"a\" } # the web\n");
        let quoted = "[starters.\"sql\"]\nlist = [\n[1],\n]\n[[starters.sql.more]]\na = 1\n[drain]\nb = 1\n";
        assert_eq!(without(quoted, "starters", "sql"), "[drain]\nb = 1\n");
    }

    #[test]
    fn the_template_comes_back_without_a_trace() {
        for starter in ALL {
            let others: Vec<_> = ALL.into_iter().filter(|name| *name != starter).collect();
            let less = without(TEMPLATE, "starters", starter);
            assert_eq!(less, of_starters(&others), "{starter}");
        }
    }
}
