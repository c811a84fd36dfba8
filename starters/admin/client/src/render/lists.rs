//! The lists that a base answers with, as tables.

use std::time::Duration;

use serde_json::Value;

use super::{clean, duration, list, table, text, time};

/// Which module serves which route.
#[must_use]
pub fn routes(answer: &Value) -> String {
    table(
        ["METHODS", "PATH", "MODULE", "SCENE"],
        list(&answer["routes"]).map(|route| ["methods", "path", "module", "scene"].map(|key| text(&route[key]))),
    )
}

/// What is inside the modules.
#[must_use]
pub fn in_flight(answer: &Value) -> String {
    table(
        ["MODULE", "KIND", "WHAT", "AGE (MS)", "PLACE"],
        list(&answer["entries"]).map(|entry| {
            let [kind, label, age, place] = ["kind", "label", "age_ms", "place"].map(|key| text(&entry[key]));
            [instance(&entry["instance"]), kind, label, age, place]
        }),
    )
}

/// The last transitions of the instances.
#[must_use]
pub fn transitions(answer: &Value) -> String {
    table(
        ["AT", "MODULE", "FROM", "TO", "CAUSE"],
        list(&answer["events"]).map(|event| {
            let [from, to, cause] = ["from", "to", "cause"].map(|key| text(&event[key]));
            [time(event["at_ms"].as_u64()), instance(&event["instance"]), from, to, cause]
        }),
    )
}

/// The deployments, the newest first.
#[must_use]
pub fn history(answer: &Value) -> String {
    table(
        ["AT", "NO", "OPERATION", "MODULES", "WHO", "COMMIT", "TOOK", "OUTCOME"],
        list(&answer["deployments"]).map(|past| {
            let asked = &past["asked"];
            let members = list(&past["members"]).map(of_history).chain(list(&past["removed"]).map(gone));
            let modules = members.collect::<Vec<_>>().join(", ");
            let modules = if modules.is_empty() { text(&asked["modules"]) } else { modules };
            let mut commits: Vec<_> = list(&past["members"]).map(|member| commit(&member["source"])).collect();
            commits.dedup();
            let took = list(&past["steps"]).filter_map(|step| step["took_us"].as_u64()).sum();
            let outcome = match past["problems"][0]["code"].as_str() {
                Some(code) => format!("{}: {}", text(&past["outcome"]), clean(code)),
                None => text(&past["outcome"]),
            };
            let [number, operation] = [&past["number"], &asked["operation"]].map(text);
            let who = text(&asked["who"]);
            let took = duration(Duration::from_micros(took));
            [time(past["at_ms"].as_u64()), number, operation, modules, who, dash(commits.join(", ")), took, outcome]
        }),
    )
}

fn of_history(member: &Value) -> String {
    match member["digest"].as_str() {
        Some(digest) => format!("{} {}", text(&member["module"]), short(digest)),
        None => text(&member["module"]),
    }
}

fn gone(module: &Value) -> String {
    format!("-{}", text(module))
}

/// Whether the base, and each module, can serve.
#[must_use]
pub fn ready(answer: &Value) -> String {
    let base = ["(the base)".to_owned(), text(&answer["ready"]), format!("it is {}", text(&answer["phase"]))];
    let modules = list(&answer["modules"]).map(|module| ["module", "ready", "reason"].map(|key| text(&module[key])));
    table(["MODULE", "READY", "REASON"], std::iter::once(base).chain(modules))
}

/// What serves now: each module's generation, and the code that it runs; and what is on its way out.
#[must_use]
pub fn status(answer: &Value) -> String {
    let warm = |id: &Value| list(&answer["warm"]).find(|warm| warm["instance"]["module"] == id["module"]);
    let rows = list(&answer["modules"]).map(|module| {
        let note = warm(&module["instance"]).map(|warm| {
            let left = duration(Duration::from_millis(warm["left_ms"].as_u64().unwrap_or_default()));
            format!("#{} is warm for {left}", text(&warm["instance"]["generation"]))
        });
        let [version, state] = ["version", "state"].map(|key| text(&module[key]));
        let code = module["digest"].as_str().map_or_else(|| "linked".to_owned(), |digest| short(digest).to_owned());
        [instance(&module["instance"]), version, state, code, commit(&module["source"]), note.unwrap_or_default()]
    });
    let base = answer["base"].as_str().map_or_else(|| "a static binary".to_owned(), clean);
    let mut parts = vec![format!(
        "{base}: {}, composition {}, {} in the line of deployments",
        text(&answer["phase"]),
        text(&answer["composition"]),
        text(&answer["queue"]),
    )];
    parts.push(table(["MODULE", "VERSION", "STATE", "CODE", "COMMIT", "NOTE"], rows));
    let draining: Vec<_> = list(&answer["draining"]).flat_map(drains).collect();
    if !draining.is_empty() {
        parts.push(draining.join("\n"));
    }
    let undrained: Vec<_> = list(&answer["undrained"]).map(undrains).collect();
    if !undrained.is_empty() {
        parts.push(undrained.join("\n"));
    }
    let budgets = list(&answer["retired"]["budgets"]).filter(|budget| budget["state"] != "ample");
    let tight = budgets.map(|budget| {
        let [name, used, limit] = ["name", "used", "limit"].map(|key| text(&budget[key]));
        format!(
            "warning: of the budget `{name}` for retired generations {used} of {limit} are used: restart the base soon"
        )
    });
    let told = list(&answer["notes"]).map(|note| match note["level"] == "warning" {
        true => format!("warning: {}", text(&note["text"])),
        false => text(&note["text"]),
    });
    let notes: Vec<_> = tight.chain(told).collect();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

/// A retired instance that something still refers to.
fn undrains(left: &Value) -> String {
    let held = list(&left["holding"]).map(|entry| format!("{} {}", text(&entry["kind"]), text(&entry["label"])));
    let held: Vec<_> = held.collect();
    let held = if held.is_empty() { "a thread of its own, or a leak".to_owned() } else { held.join(", ") };
    let [id, references] = [instance(&left["instance"]), text(&left["references"])];
    format!("warning: {id} is retired, and {references} references hold it: {held}")
}

/// What an instance that is on its way out waits for.
fn drains(draining: &Value) -> Vec<String> {
    let head = format!(
        "{} drains: {} streams, {} tasks, and",
        instance(&draining["instance"]),
        text(&draining["streams"]),
        text(&draining["tasks"])
    );
    let held = list(&draining["holding"]).map(|entry| {
        let [kind, label, age, place] = ["kind", "label", "age_ms", "place"].map(|key| text(&entry[key]));
        format!("  {kind} {label}, for {age} ms ({place})")
    });
    let held: Vec<_> = held.collect();
    match held.is_empty() {
        true => vec![format!("{head} no entries")],
        false => std::iter::once(head).chain(held).collect(),
    }
}

/// Where a snapshot was written.
#[must_use]
pub fn snapshot(answer: &Value) -> String {
    format!("the composition is in {}", text(&answer["folder"]))
}

/// Log lines, the oldest first.
#[must_use]
pub fn logs(answer: &Value) -> Vec<String> {
    list(&answer["lines"]).map(|line| line["text"].as_str().map(clean).unwrap_or_default()).collect()
}

/// An instance as `module@scene#generation`.
pub(super) fn instance(id: &Value) -> String {
    format!("{}@{}#{}", text(&id["module"]), text(&id["scene"]), text(&id["generation"]))
}

fn commit(source: &Value) -> String {
    let Some(commit) = source["commit"].as_str() else { return "-".to_owned() };
    let dirty = if source["dirty"] == true { "+" } else { "" };
    match source["branch"].as_str() {
        Some(branch) => format!("{}{dirty} ({})", short(commit), clean(branch)),
        None => format!("{}{dirty}", short(commit)),
    }
}

/// The first characters of a hash.
fn short(hash: &str) -> &str {
    hash.char_indices().nth(12).map_or(hash, |(end, _)| &hash[..end])
}

fn dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn routes_are_a_table() {
        let answer =
            json!({ "routes": [{ "methods": ["GET", "POST"], "path": "/a", "module": "m", "scene": "main" }] });
        assert_eq!(routes(&answer), "METHODS   PATH  MODULE  SCENE\nGET,POST  /a    m       main");
    }

    #[test]
    fn an_answer_without_its_fields_is_an_empty_table_and_no_panic() {
        for render in [routes, in_flight, transitions, history, ready, status, snapshot] {
            assert!(!render(&json!({})).is_empty());
            assert!(!render(&json!([1])).is_empty());
        }
        assert!(logs(&json!({})).is_empty());
    }

    #[test]
    fn the_history_says_who_and_what_and_of_which_commit() {
        let source = json!({ "commit": "0123456789abcdef", "branch": null, "dirty": false });
        let answer = json!({ "deployments": [{
            "number": 3, "at_ms": 0, "asked": { "who": "anna (uid 1000)", "operation": "install", "modules": ["comments"] },
            "outcome": "served", "problems": [], "removed": ["tags"],
            "members": [{ "module": "comments", "digest": "ba7816bf8f01cfea", "source": source }],
            "steps": [{ "name": "load", "took_us": 1500 }, { "name": "swap", "took_us": 500 }],
        }] });
        let shown = history(&answer);
        let row = shown.lines().nth(1).unwrap();
        for part in [
            "1970",
            "3",
            "install",
            "comments ba7816bf8f01, -tags",
            "anna (uid 1000)",
            "0123456789ab",
            "2.0 ms",
            "served",
        ] {
            assert!(row.contains(part), "{part} is not in {row}");
        }
    }

    #[test]
    fn the_status_names_what_is_warm_and_what_drains() {
        let id = |generation: u64| json!({ "module": "comments", "scene": "main", "generation": generation });
        let answer = json!({
            "base": "conduit", "phase": "serving", "composition": 4, "queue": 0,
            "modules": [{ "instance": id(3), "state": "active", "version": "0.1.0", "digest": "ba7816bf8f01cfea" }],
            "warm": [{ "instance": id(2), "left_ms": 12_000 }],
            "draining": [{ "instance": id(1), "streams": 1, "tasks": 0, "holding": [
                { "kind": "request", "label": "GET /a", "age_ms": 900, "place": "/a" }
            ] }],
            "undrained": [{ "instance": id(0), "holding": [], "references": 2 }],
            "retired": { "budgets": [{ "name": "count", "used": 10, "limit": 12, "state": "low" }] },
            "notes": [{ "level": "warning", "text": "tags did not come back" }],
        });
        let shown = status(&answer);
        for part in [
            "conduit: serving, composition 4",
            "comments@main#3  0.1.0    active  ba7816bf8f01",
            "#2 is warm for 12.00 s",
            "comments@main#1 drains: 1 streams, 0 tasks, and",
            "  request GET /a, for 900 ms (/a)",
            "warning: comments@main#0 is retired, and 2 references hold it: a thread of its own",
            "`count` for retired generations 10 of 12",
            "warning: tags did not come back",
        ] {
            assert!(shown.contains(part), "{part} is not in:\n{shown}");
        }
    }

    #[test]
    fn a_dirty_commit_says_so() {
        let source = json!({ "commit": "0123456789abcdef", "branch": "main", "dirty": true });
        assert_eq!(commit(&source), "0123456789ab+ (main)");
    }
}
