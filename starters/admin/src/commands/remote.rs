//! A base on another machine, as the commands find it: its address, a certificate to trust, and a token.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bedplate::base::CommandContext;
use bedplate::base::clap::{self, Arg, value_parser};
use bedplate_admin_client::protocol::Refusal;
use bedplate_admin_client::{ClientError, Endpoint, Remote};

/// The variable that has the token, where no file is named.
const TOKEN: &str = "BEDPLATE_TOKEN";

/// Adds what names a base on another machine.
pub(super) fn arguments(command: clap::Command) -> clap::Command {
    let file = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .requires("remote")
            .help_heading("From another machine")
            .help(help)
    };
    command
        .arg(
            Arg::new("remote")
                .long("remote")
                .value_name("HOST:PORT")
                .requires("certificate")
                .help_heading("From another machine")
                .help("The base's `starters.admin.remote`, in place of the socket in its state folder"),
        )
        .arg(file("certificate", "The certificate to trust, in PEM: the base's own, or that of who signed it"))
        .arg(file("token-file", "The file with the token [default: the variable BEDPLATE_TOKEN]"))
}

/// The base that the arguments name, if it is one on another machine.
pub(super) fn endpoint(ctx: &CommandContext<'_>) -> Result<Option<Endpoint>, ClientError> {
    let (Some(address), Some(certificate)) = (ctx.argument("remote"), ctx.matches.get_one::<PathBuf>("certificate"))
    else {
        return Ok(None);
    };
    let token = match ctx.matches.get_one::<PathBuf>("token-file") {
        Some(file) => read(file)?,
        None => std::env::var(TOKEN).map_err(|_| {
            let what = "no token is given for the base on another machine";
            ClientError::Refused(Refusal::new("no-token", what, format!("set {TOKEN}, or name a `--token-file`")))
        })?,
    };
    let remote = Remote::new(address, token.trim(), read(certificate)?.as_bytes())?;
    Ok(Some(Endpoint::Remote(Arc::new(remote))))
}

fn read(file: &Path) -> Result<String, ClientError> {
    std::fs::read_to_string(file).map_err(|error| {
        let what = format!("{} cannot be read: {error}", file.display());
        ClientError::Refused(Refusal::new("file-unreadable", what, "name a file that is there and can be read"))
    })
}
