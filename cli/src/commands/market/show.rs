//! `market list`, `search` and `show`: what is in the lists.

use std::collections::BTreeSet;

use anyhow::Result;
use bedplate_admin_client::render::table;
use clap::ArgMatches;
use serde_json::json;

use super::{open, text};
use crate::failure::Failure;
use crate::market::{Entry, List, Market, SettingHelp};
use crate::output::Output;
use crate::suggest::{did_you_mean, quoted};

/// `market list`
pub(super) fn list(matches: &ArgMatches, output: Output) -> Result<()> {
    let mut market = open(matches)?;
    if let Some(group) = text(matches, "group") {
        check_group(&market, group)?;
        for list in &mut market.lists {
            list.entries.retain(|entry| entry.group == group);
        }
    }
    let rows: Vec<_> = all(&market).collect();
    output.line(listed(&rows, market.lists.len() > 1));
    output.object(&json!({ "version": 1, "lists": market.lists }));
    Ok(())
}

/// `market search`
pub(super) fn search(matches: &ArgMatches, output: Output) -> Result<()> {
    let market = open(matches)?;
    let words: Vec<String> =
        matches.get_many::<String>("word").into_iter().flatten().map(|word| word.to_lowercase()).collect();
    let is_said = |entry: &Entry| {
        let said = [&entry.name, &entry.package, &entry.about, &entry.group];
        let said: Vec<String> = said
            .into_iter()
            .chain(&entry.provides)
            .chain(&entry.reads)
            .chain(&entry.needs)
            .map(|text| text.to_lowercase())
            .collect();
        words.iter().all(|word| said.iter().any(|text| text.contains(word)))
    };
    let found: Vec<_> = all(&market).filter(|(_, entry)| is_said(entry)).collect();
    match found.is_empty() {
        true => output.line("no starter is described with these words; `cargo bedplate market list` shows all"),
        false => output.line(listed(&found, market.lists.len() > 1)),
    }
    let starters: Vec<_> = found.iter().map(|(list, entry)| json!({ "list": list.name, "starter": entry })).collect();
    output.object(&json!({ "version": 1, "starters": starters }));
    Ok(())
}

/// `market show`
pub(super) fn show(matches: &ArgMatches, output: Output) -> Result<()> {
    let market = open(matches)?;
    let (list, entry) = market.find(text(matches, "name").expect("clap asks for the name"))?;
    output.line(described(list, entry));
    output.object(&json!({ "version": 1, "list": list.name, "starter": entry }));
    Ok(())
}

fn all(market: &Market) -> impl Iterator<Item = (&List, &Entry)> {
    market.lists.iter().flat_map(|list| list.entries.iter().map(move |entry| (list, entry)))
}

fn check_group(market: &Market, group: &str) -> Result<()> {
    let groups: BTreeSet<&str> = all(market).map(|(_, entry)| entry.group.as_str()).collect();
    if groups.contains(group) {
        return Ok(());
    }
    let meant =
        did_you_mean(group, groups.iter().copied()).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    Err(Failure::error(
        "unknown-group",
        format!("no starter is of the group `{}`", group.escape_debug()),
        format!("{meant}The groups are {}", quoted(groups)),
    ))
}

/// The starters as a table, those of one group together.
fn listed(rows: &[(&List, &Entry)], with_list: bool) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|(_, entry)| entry.group.clone());
    match with_list {
        true => table(
            ["STARTER", "GROUP", "LIST", "ABOUT"],
            rows.iter()
                .map(|(list, entry)| [entry.name.clone(), entry.group.clone(), list.name.clone(), entry.about.clone()]),
        ),
        false => table(
            ["STARTER", "GROUP", "ABOUT"],
            rows.iter().map(|(_, entry)| [entry.name.clone(), entry.group.clone(), entry.about.clone()]),
        ),
    }
}

fn described(list: &List, entry: &Entry) -> String {
    let mut lines = vec![format!("{}: {}", entry.name, entry.about), String::new()];
    let mut say = |what: &str, text: String| lines.push(format!("{what:<10}{text}"));
    say("crate", format!("{} {}, {}", entry.package, entry.version, entry.source));
    say("list", format!("{} ({})", list.name, list.origin));
    say("group", entry.group.clone());
    say("bedplate", entry.bedplate.to_string());
    let lists = [
        ("provides", &entry.provides),
        ("reads", &entry.reads),
        ("needs", &entry.needs),
        ("excludes", &entry.excludes),
    ];
    for (what, names) in lists {
        if !names.is_empty() {
            say(what, names.join(", "));
        }
    }
    for (name, about) in &entry.features {
        say("feature", format!("{name}: {about}"));
    }
    for (name, link) in &entry.links {
        say("link", format!("{name}: {link}"));
    }
    for (place, settings) in [
        (format!("[starters.{}]", entry.name), &entry.settings),
        (format!("[modules.<module>.{}]", entry.name), &entry.module_settings),
    ] {
        if !settings.is_empty() {
            lines.extend([String::new(), format!("settings below {place}"), String::new()]);
            lines.extend(settings.iter().map(setting));
        }
    }
    lines.push(format!("\nadd it: cargo bedplate add {}", entry.name));
    lines.join("\n")
}

fn setting(setting: &SettingHelp) -> String {
    let value = match (&setting.default, setting.required) {
        (Some(default), _) => format!(" = {default}"),
        (None, true) => " (required)".to_owned(),
        (None, false) => String::new(),
    };
    let help = if setting.help.is_empty() { String::new() } else { format!("\n      {}", setting.help) };
    format!("  {}{value}\n      {}{help}", setting.key, setting.kind)
}
