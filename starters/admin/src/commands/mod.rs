//! The commands that ask a running base, and those that change it.

mod changes;
mod lists;
#[cfg(feature = "remote")]
mod remote;
mod source;

use std::process::ExitCode;

use bedplate::base::{CommandContext, Output, clap};
use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::{ClientError, Endpoint, render};
use serde_json::Value;

use crate::socket::SOCKET;

pub use changes::{APPLY, INSTALL, REDEPLOY, ROLLBACK, SNAPSHOT, UNINSTALL};
pub use lists::{HISTORY, INFLIGHT, LOGS, READY, ROUTES, STATUS};

/// Adds what says where the base is, beside the base's own `--config` and `--set`.
fn place(command: clap::Command) -> clap::Command {
    #[cfg(feature = "remote")]
    let command = remote::arguments(command);
    command
}

/// The running base: by the socket in its state folder, unless it is on another machine.
fn base(ctx: &CommandContext<'_>) -> Result<Client, ClientError> {
    #[cfg(feature = "remote")]
    if let Some(endpoint) = remote::endpoint(ctx)? {
        return Client::new(endpoint);
    }
    Client::new(Endpoint::Socket(ctx.state_folder().join(SOCKET)))
}

/// Shows what the base answers: as it came, or as people read it.
fn show(ctx: &CommandContext<'_>, path: &str, text: fn(&Value) -> String) -> ExitCode {
    match base(ctx).and_then(|base| base.get(path)) {
        Ok(answer) => shown(ctx, &answer, text),
        Err(error) => fail(ctx, &error),
    }
}

fn shown(ctx: &CommandContext<'_>, answer: &Value, text: fn(&Value) -> String) -> ExitCode {
    match ctx.output {
        Output::Json => ctx.json(answer),
        Output::Text => ctx.print(&text(answer)),
    }
    ExitCode::SUCCESS
}

/// Says why there is no answer, and returns the exit status for it.
fn fail(ctx: &CommandContext<'_>, error: &ClientError) -> ExitCode {
    match ctx.output {
        Output::Json => ctx.json(&render::refusal_json(error.refusal())),
        Output::Text => ctx.note(&render::refusal(error.refusal())),
    }
    ExitCode::from(error.exit_status())
}
