//! The commands that change what serves: `install`, `redeploy`, `rollback`, `uninstall`, `settings apply`; and `snapshot`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bedplate::base::clap::{self, Arg, ArgAction, ArgMatches, value_parser};
use bedplate::base::{Command, CommandContext, Exit, Output};
use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::protocol::{ArtifactReference, DeploymentRequest, Operation, Options};
use bedplate_admin_client::{ClientError, render};
use serde_json::json;

use super::source::{self, bundled, signature};
use super::{base, fail, place, shown};

/// `install FILE…`: lets objects serve.
pub const INSTALL: Command =
    Command::new("install", "Lets objects of modules serve in the running base, in one swap", |ctx| {
        change(ctx, |ctx, base| {
            let signatures: Vec<&PathBuf> = ctx.matches.get_many("signature").into_iter().flatten().collect();
            let files = ctx.matches.get_many::<PathBuf>("file").into_iter().flatten();
            let artifacts = files.enumerate().map(|(index, file)| {
                let signature = signature(file, signatures.get(index).map(|path| path.as_path()))?;
                Ok(ArtifactReference { digest: base.upload(file)?.digest, signature })
            });
            Ok(Operation::Install { artifacts: artifacts.collect::<Result<_, ClientError>>()? })
        })
    })
    .with_arguments(|command| {
        options(command)
            .arg(
                Arg::new("file")
                    .value_name("FILE")
                    .required(true)
                    .num_args(1..)
                    .value_parser(value_parser!(PathBuf))
                    .help("The objects: `modules/<module>.so` of a bundle"),
            )
            .arg(
                Arg::new("signature")
                    .long("signature")
                    .value_name("FILE")
                    .action(ArgAction::Append)
                    .value_parser(value_parser!(PathBuf))
                    .help("Their signatures, in the same order [default: FILE.minisig, where it is there]"),
            )
    });

/// `redeploy MODULE…`: the object of the bundle, or new instances of what serves.
pub const REDEPLOY: Command = Command::new(
    "redeploy",
    "Lets modules serve anew: as they are in the bundle that this program runs from, else new instances of what serves",
    |ctx| {
        change(ctx, |ctx, base| {
            let modules: Vec<String> = ctx.arguments("module").map(str::to_owned).collect();
            let Some(files) = bundled(&modules)? else { return Ok(Operation::Redeploy { modules }) };
            let serving = base.get("status")?;
            let serves = |module: &String, digest: &str| {
                let modules = serving["modules"].as_array();
                modules
                    .into_iter()
                    .flatten()
                    .any(|info| info["instance"]["module"] == **module && info["digest"] == *digest)
            };
            let mut artifacts = Vec::new();
            let mut news = false;
            for (module, file) in modules.iter().zip(&files) {
                let digest = base.upload(file)?.digest;
                news |= !serves(module, &digest);
                artifacts.push(ArtifactReference { digest, signature: signature(file, None)? });
            }
            Ok(if news { Operation::Install { artifacts } } else { Operation::Redeploy { modules } })
        })
    },
)
.with_arguments(|command| {
    options(modules(command, "The modules, all in one swap").mut_arg("module", |arg| arg.required(true)))
});

/// `rollback [MODULE…]`: the generation before.
pub const ROLLBACK: Command = Command::new(
    "rollback",
    "Goes back to the generation before: of the modules, or of all that the last deployment changed",
    |ctx| {
        change(ctx, |ctx, base| {
            let modules: Vec<String> = ctx.arguments("module").map(str::to_owned).collect();
            let to = ctx.argument("to").map(|begin| source::digest(base, &modules, begin)).transpose()?;
            Ok(Operation::Rollback { modules, to })
        })
    },
)
.with_arguments(|command| {
    options(modules(command, "The modules")).arg(
        Arg::new("to")
            .long("to")
            .value_name("DIGEST")
            .requires("module")
            .help("The object to go back to, of one module: the beginning of its digest, as `history` shows it"),
    )
});

/// `uninstall MODULE…`: takes modules out.
pub const UNINSTALL: Command = Command::new("uninstall", "Takes modules out of the running base", |ctx| {
    change(ctx, |ctx, _| Ok(Operation::Uninstall { modules: ctx.arguments("module").map(str::to_owned).collect() }))
})
.with_arguments(|command| options(modules(command, "The modules").mut_arg("module", |arg| arg.required(true))));

/// `settings apply`: the base reads its settings anew.
pub const APPLY: Command = Command::new(
    "settings apply",
    "Lets the running base read its settings anew: modules whose settings differ get new instances",
    |ctx| change(ctx, |_, _| Ok(Operation::Settings {})),
)
.with_arguments(options);

/// `snapshot`: the running composition as a bundle.
pub const SNAPSHOT: Command =
    Command::new("snapshot", "Writes what serves in the running base as a bundle, into its state folder", |ctx| {
        match base(ctx).and_then(|base| base.snapshot()) {
            Ok(answer) => shown(ctx, &answer, render::snapshot),
            Err(error) => fail(ctx, &error),
        }
    })
    .with_arguments(place);

fn modules(command: clap::Command, help: &'static str) -> clap::Command {
    command.arg(Arg::new("module").value_name("MODULE").num_args(0..).help(help))
}

fn options(command: clap::Command) -> clap::Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    place(command)
        .arg(flag("plan", "Changes nothing, and says what would change"))
        .arg(flag("force", "Deploys also builds that serve already"))
        .arg(flag("breaking", "Accepts migrations that drop or rename"))
        .arg(
            Arg::new("bake")
                .long("bake")
                .value_name("TIME")
                .value_parser(|text: &str| humantime::parse_duration(text).map_err(|error| error.to_string()))
                .help("How long what is replaced stays warm [default: the base's setting deploy.bake]"),
        )
}

fn chosen(matches: &ArgMatches) -> Options {
    let bake = matches.get_one::<Duration>("bake");
    Options {
        plan: matches.get_flag("plan"),
        force: matches.get_flag("force"),
        breaking: matches.get_flag("breaking"),
        bake_ms: bake.map(|bake| u64::try_from(bake.as_millis()).unwrap_or(u64::MAX)),
    }
}

/// Asks for what `operation` finds out to be done, and shows it as it goes.
fn change(
    ctx: &CommandContext<'_>,
    operation: impl Fn(&CommandContext<'_>, &Client) -> Result<Operation, ClientError>,
) -> ExitCode {
    let mut follower = render::Follower::new();
    let done = base(ctx).and_then(|base| {
        let request = DeploymentRequest::new(operation(ctx, &base)?, chosen(ctx.matches));
        base.deploy_and_follow(&request, |deployment| {
            if ctx.output == Output::Text {
                follower.lines(deployment).iter().for_each(|line| ctx.print(line));
            }
        })
    });
    match done {
        Ok(deployment) => {
            match (ctx.output, &deployment.plan) {
                (Output::Json, _) => ctx.json(&json!({ "version": 1, "ok": true, "deployment": deployment })),
                (Output::Text, Some(plan)) => ctx.print(&render::plan(plan)),
                (Output::Text, None) => {}
            }
            Exit::Done.into()
        }
        Err(error) => fail(ctx, &error),
    }
}
