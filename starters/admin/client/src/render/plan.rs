//! What a deployment would change.

use serde_json::Value;

use super::lists::instance;
use super::{clean, list, text};

/// A plan: what would come and go, what the starters would show and do, and what would keep it from going live.
#[must_use]
pub fn plan(plan: &Value) -> String {
    let mut lines = Vec::new();
    for module in list(&plan["comes"]) {
        lines.push(comes(module));
        for (name, part) in [("publishes", "publishes"), ("requires", "requires"), ("setting", "settings")] {
            lines.extend(difference(&module[part]).map(|change| format!("  {name} {change}")));
        }
        lines.extend(list(&module["changed_settings"]).map(changed_setting));
        lines.extend(list(&module["crates"]).map(changed_crate));
    }
    lines.extend(list(&plan["goes"]).map(|id| format!("{} goes", instance(id))));
    for module in list(&plan["come_along"]) {
        lines.push(format!("{} must come along: {}", text(&module["module"]), text(&module["why"])));
    }
    if let Value::Object(shown) = &plan["shows"] {
        for (name, part) in shown {
            lines.extend(difference(part).map(|change| format!("{}: {change}", clean(name))));
        }
    }
    for work in list(&plan["work"]) {
        let planned = &work["planned"];
        let mut line = format!("{} of {}: {}", text(&work["starter"]), text(&work["module"]), text(&planned["what"]));
        if planned["breaking"] == true {
            line.push_str(" (breaking: wants `--breaking`)");
        }
        if let Some(detail) = planned["detail"].as_str() {
            line.push_str(&format!("; {}", clean(detail)));
        }
        lines.push(line);
    }
    lines.extend(list(&plan["unknown"]).map(|unknown| format!("unknown: {}", text(unknown))));
    for problem in list(&plan["refused"]) {
        lines.push(format!("would be refused: error[{}]: {}", text(&problem["code"]), text(&problem["what"])));
        lines.push(format!("  to do: {}", text(&problem["help"])));
    }
    if lines.is_empty() { "nothing would change".to_owned() } else { lines.join("\n") }
}

fn comes(module: &Value) -> String {
    let name = format!("{}@{}", text(&module["module"]), text(&module["scene"]));
    match (&module["revives"], &module["replaces"]) {
        (Value::Null, Value::Null) => format!("{name} comes"),
        (Value::Null, replaced) => format!("{name} comes, in the place of {}", instance(replaced)),
        (revived, _) => format!("{} serves again", instance(revived)),
    }
}

/// A setting with another value. A value that is masked is one that nobody may see.
fn changed_setting(setting: &Value) -> String {
    let value = |value: &Value| if value.is_null() { "nothing".to_owned() } else { text(value) };
    let (key, before, after) = (text(&setting["key"]), value(&setting["before"]), value(&setting["after"]));
    if before == after {
        format!("  setting {key}: another value")
    } else {
        format!("  setting {key}: {before} -> {after}")
    }
}

/// A crate that is another: a dependency, or a contract.
fn changed_crate(one: &Value) -> String {
    let kind = if one["kind"] == "contract" { "contract" } else { "crate" };
    let [name, before, after] = ["name", "before", "after"].map(|part| text(&one[part]));
    match one["change"].as_str() {
        Some("added") => format!("  {kind} + {name} {after}"),
        Some("removed") => format!("  {kind} - {name} {before}"),
        Some("version") => format!("  {kind} {name}: {before} -> {after}"),
        _ => format!("  {kind} {name} {after}: other {}", text(&one["change"])),
    }
}

/// What is more, and what is no longer there.
fn difference(difference: &Value) -> impl Iterator<Item = String> {
    let added = list(&difference["added"]).map(|entry| format!("+ {}", said(entry)));
    added.chain(list(&difference["removed"]).map(|entry| format!("- {}", said(entry))))
}

/// One entry on one line: of a contract, its name and crate; of other objects, the values.
fn said(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.contains_key("crate_name") => {
            format!("{} ({} {})", text(&value["name"]), text(&value["crate_name"]), text(&value["version"]))
        }
        Value::Object(fields) => {
            fields.values().filter(|value| !value.is_null()).map(said).collect::<Vec<_>>().join(" ")
        }
        other => text(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_part_says_what_would_change() {
        let id = json!({ "module": "comments", "scene": "main", "generation": 3 });
        let contract = json!({ "name": "Comments", "crate_name": "comments-contract", "version": "0.1.0" });
        let shown = plan(&json!({
            "comes": [{
                "module": "comments", "scene": "main", "replaces": id, "revives": null,
                "publishes": { "added": [contract], "removed": [] },
                "requires": { "added": [], "removed": [] },
                "settings": { "added": [], "removed": ["max_length"] },
                "changed_settings": [
                    { "key": "modules.comments.page", "before": "10", "after": "20" },
                    { "key": "modules.comments.start_deadline", "before": null, "after": "\"7s\"" },
                    { "key": "modules.comments.word", "before": "******", "after": "******" },
                ],
                "crates": [
                    { "name": "argon2", "kind": "private", "change": "added", "before": null, "after": "0.5.0" },
                    { "name": "bcrypt", "kind": "private", "change": "removed", "before": "0.1.0", "after": null },
                    { "name": "moka", "kind": "shared", "change": "version", "before": "0.12.0", "after": "0.13.0" },
                    { "name": "tower", "kind": "shared", "change": "features", "before": "0.5.0", "after": "0.5.0" },
                    { "name": "profiles", "kind": "contract", "change": "source", "before": "0.1.0", "after": "0.1.0" },
                ],
            }],
            "goes": [],
            "come_along": [{ "module": "tags", "why": "it shares the contract `Comments`" }],
            "shows": { "routes": { "added": [{ "path": "/a" }], "removed": [] } },
            "work": [{ "module": "comments", "scene": "main", "starter": "sql", "planned": { "kind": "migration", "what": "migration 2 `drop`", "breaking": true, "detail": "drops `a`" } }],
            "refused": [{ "code": "x", "what": "w", "places": [], "help": "h" }],
        }));
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "comments@main comes, in the place of comments@main#3",
                "  publishes + Comments (comments-contract 0.1.0)",
                "  setting - max_length",
                "  setting modules.comments.page: 10 -> 20",
                "  setting modules.comments.start_deadline: nothing -> \"7s\"",
                "  setting modules.comments.word: another value",
                "  crate + argon2 0.5.0",
                "  crate - bcrypt 0.1.0",
                "  crate moka: 0.12.0 -> 0.13.0",
                "  crate tower 0.5.0: other features",
                "  contract profiles 0.1.0: other source",
                "tags must come along: it shares the contract `Comments`",
                "routes: + /a",
                "sql of comments: migration 2 `drop` (breaking: wants `--breaking`); drops `a`",
                "would be refused: error[x]: w",
                "  to do: h",
            ]
        );
    }

    #[test]
    fn a_plan_that_changes_nothing_says_so() {
        assert_eq!(plan(&json!({})), "nothing would change");
        assert_eq!(plan(&Value::Null), "nothing would change");
    }
}
