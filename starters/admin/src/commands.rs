//! The commands that ask a running base: `routes`, `ready`, `inflight`, `history`.

use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use bedplate::base::{Command, CommandContext, Output};
use serde_json::Value;

use crate::client::ask;

/// `routes`: which module serves which route.
pub const ROUTES_COMMAND: Command = Command {
    name: "routes",
    about: "Lists the routes of the running base, with the module that serves each",
    run: routes,
};

/// `ready`: whether the base can serve. The exit status says so too.
pub const READY_COMMAND: Command =
    Command { name: "ready", about: "Says whether the running base and each of its modules can serve", run: ready };

/// `inflight`: what is inside the modules now.
pub const INFLIGHT_COMMAND: Command =
    Command { name: "inflight", about: "Lists what is at work in the modules of the running base", run: in_flight };

/// `history`: the last transitions of all modules.
pub const HISTORY_COMMAND: Command =
    Command { name: "history", about: "Lists the last transitions of the running base's modules", run: history };

fn routes(ctx: &CommandContext<'_>) -> ExitCode {
    show(ctx, "/routes", "routes", ["METHODS", "PATH", "MODULE", "SCENE"], |route| {
        [text(&route["methods"]), text(&route["path"]), text(&route["module"]), text(&route["scene"])]
    })
}

fn in_flight(ctx: &CommandContext<'_>) -> ExitCode {
    show(ctx, "/inflight", "entries", ["MODULE", "KIND", "WHAT", "AGE (MS)", "PLACE"], |entry| {
        [
            instance(&entry["instance"]),
            text(&entry["kind"]),
            text(&entry["label"]),
            text(&entry["age_ms"]),
            text(&entry["place"]),
        ]
    })
}

fn history(ctx: &CommandContext<'_>) -> ExitCode {
    show(ctx, "/history", "events", ["AT", "MODULE", "FROM", "TO", "CAUSE"], |event| {
        [
            time(&event["at_ms"]),
            instance(&event["instance"]),
            text(&event["from"]),
            text(&event["to"]),
            text(&event["cause"]),
        ]
    })
}

fn ready(ctx: &CommandContext<'_>) -> ExitCode {
    let answer = match ask(ctx, "/readyz") {
        Ok(answer) => answer,
        Err(error) => return ctx.fail(&format!("{error:#}")),
    };
    let is_ready = answer["ready"] == true;
    match ctx.output {
        Output::Json => ctx.json(&answer),
        Output::Text => {
            let yes_no = |ready: &Value| if *ready == true { "yes" } else { "no" }.to_owned();
            let base = ["(the base)".to_owned(), yes_no(&answer["ready"]), format!("it is {}", text(&answer["phase"]))];
            let modules = list(&answer["modules"])
                .map(|module| [text(&module["module"]), yes_no(&module["ready"]), text(&module["reason"])]);
            ctx.table(["MODULE", "READY", "REASON"], std::iter::once(base).chain(modules));
        }
    }
    if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shows a list of the running base: as it came, or as a table.
fn show<const N: usize>(
    ctx: &CommandContext<'_>,
    path: &str,
    field: &str,
    head: [&str; N],
    row: impl Fn(&Value) -> [String; N],
) -> ExitCode {
    let answer = match ask(ctx, path) {
        Ok(answer) => answer,
        Err(error) => return ctx.fail(&format!("{error:#}")),
    };
    if let Some(message) = answer["error"]["message"].as_str() {
        return ctx.fail(&format!("the running base has no `{path}`: {message}"));
    }
    match ctx.output {
        Output::Json => ctx.json(&answer),
        Output::Text => ctx.table(head, list(&answer[field]).map(row)),
    }
    ExitCode::SUCCESS
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A value as a cell of a table.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// An instance as `module@scene#generation`.
fn instance(id: &Value) -> String {
    format!("{}@{}#{}", text(&id["module"]), text(&id["scene"]), text(&id["generation"]))
}

/// Milliseconds since 1970 as a time in UTC.
fn time(at: &Value) -> String {
    let at = at.as_u64().and_then(|at| UNIX_EPOCH.checked_add(Duration::from_millis(at)));
    at.map_or_else(|| "-".to_owned(), |at| humantime::format_rfc3339_millis(at).to_string())
}
