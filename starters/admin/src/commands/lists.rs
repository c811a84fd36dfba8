//! The commands that look: `status`, `ready`, `routes`, `inflight`, `history`, `logs`.

use std::process::ExitCode;

use bedplate::base::clap::{Arg, ArgAction, value_parser};
use bedplate::base::{Command, CommandContext, Exit, Output};
use bedplate_admin_client::{ClientError, render};
use serde_json::Value;

use super::{base, fail, place, show, shown};

/// `status`: what serves now, and of which code.
pub const STATUS: Command = Command::new("status", "Shows what serves in the running base, and of which code", |ctx| {
    show(ctx, "status", render::status)
})
.with_arguments(place);

/// `routes`: which module serves which route.
pub const ROUTES: Command =
    Command::new("routes", "Lists the routes of the running base, with the module that serves each", |ctx| {
        show(ctx, "routes", render::routes)
    })
    .with_arguments(place);

/// `ready`: whether the base can serve. The exit status says so too.
pub const READY: Command =
    Command::new("ready", "Says whether the running base and each of its modules can serve", ready)
        .with_arguments(place);

/// `inflight`: what is inside the modules now.
pub const INFLIGHT: Command =
    Command::new("inflight", "Lists what is at work in the modules of the running base", |ctx| {
        show(ctx, "inflight", render::in_flight)
    })
    .with_arguments(place);

/// `history`: the deployments, with who made them and what came of them.
pub const HISTORY: Command =
    Command::new("history", "Lists the last deployments of the base: when, what, who, outcome", history)
        .with_arguments(|command| {
            place(command)
                .arg(
                    Arg::new("limit")
                        .long("limit")
                        .value_name("COUNT")
                        .default_value("20")
                        .value_parser(value_parser!(u16).range(1..=1000))
                        .help("How many"),
                )
                .arg(
                    Arg::new("transitions")
                        .long("transitions")
                        .action(ArgAction::SetTrue)
                        .conflicts_with("limit")
                        .help("Lists the last transitions of all instances instead"),
                )
        });

/// `logs MODULE`: the last lines that a module has logged.
pub const LOGS: Command =
    Command::new("logs", "Shows the last lines that a module has logged", logs).with_arguments(|command| {
        place(command).arg(Arg::new("module").value_name("MODULE").required(true).help("The module")).arg(
            Arg::new("follow")
                .long("follow")
                .short('f')
                .action(ArgAction::SetTrue)
                .help("Goes on with each new line, until it is ended"),
        )
    });

fn ready(ctx: &CommandContext<'_>) -> ExitCode {
    let answer = match base(ctx).and_then(|base| base.get("ready")) {
        Ok(answer) => answer,
        Err(error) => return fail(ctx, &error),
    };
    shown(ctx, &answer, render::ready);
    if answer["ready"] == true { Exit::Done.into() } else { Exit::Failed.into() }
}

fn history(ctx: &CommandContext<'_>) -> ExitCode {
    if ctx.flag("transitions") {
        return show(ctx, "transitions", render::transitions);
    }
    let limit = ctx.matches.get_one::<u16>("limit").copied().unwrap_or(20);
    show(ctx, &format!("history?limit={limit}"), render::history)
}

fn logs(ctx: &CommandContext<'_>) -> ExitCode {
    match follow(ctx) {
        Ok(()) => Exit::Done.into(),
        Err(error) => fail(ctx, &error),
    }
}

fn follow(ctx: &CommandContext<'_>) -> Result<(), ClientError> {
    let base = base(ctx)?;
    let module = ctx.argument("module").unwrap_or_default();
    let mut answer = base.get(&format!("logs?module={}", render::path_segment(module)))?;
    loop {
        if write(ctx, &answer).is_err() || !ctx.flag("follow") {
            return Ok(());
        }
        let last = answer["last"].as_u64().unwrap_or_default();
        answer = base.get(&format!("logs?module={}&after={last}&follow=true", render::path_segment(module)))?;
    }
}

/// Writes the lines of one answer.
///
/// # Errors
///
/// Where nobody reads them any more.
fn write(ctx: &CommandContext<'_>, answer: &Value) -> std::io::Result<()> {
    match answer["missed"].as_u64() {
        Some(missed) if missed > 0 && answer["last"].as_u64() > Some(missed) => {
            ctx.note(&format!("({missed} lines are kept no longer)"));
        }
        _ => {}
    }
    match ctx.output {
        Output::Text => render::logs(answer).iter().try_for_each(|line| ctx.try_print(line)),
        // One object a line, as logs are.
        Output::Json => {
            let lines = answer["lines"].as_array().into_iter().flatten();
            lines.map(|line| line["object"].to_string()).try_for_each(|line| ctx.try_print(&line))
        }
    }
}
