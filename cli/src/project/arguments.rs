//! The commands of this folder, and their arguments.

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::output::Output;
use crate::project::{add, module, new, retire, starter};

fn name(help: &'static str) -> Arg {
    Arg::new("name").value_name("NAME").required(true).help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn dirty() -> Arg {
    flag("allow-dirty", "Changes files that have uncommitted changes, too")
}

fn lists(command: Command) -> Command {
    command
        .arg(
            Arg::new("list")
                .long("list")
                .value_name("LIST")
                .action(ArgAction::Append)
                .help("Picks from this list too: a file, a folder, or git+URL#COMMIT"),
        )
        .arg(flag("yes", "Builds the code of third parties without asking"))
}

fn base(command: Command) -> Command {
    command.arg(Arg::new("package").short('p').long("package").value_name("BASE").help("The base's package")).arg(
        Arg::new("manifest-path")
            .long("manifest-path")
            .value_name("FILE")
            .value_parser(clap::value_parser!(std::path::PathBuf))
            .help("The workspace's Cargo.toml"),
    )
}

fn starters(help: &'static str) -> Arg {
    Arg::new("starter").value_name("STARTER").required(true).num_args(1..).action(ArgAction::Append).help(help)
}

/// The commands.
pub(crate) fn commands() -> Vec<Command> {
    vec![
        lists(Command::new("new").about("Makes a base of its own, in a workspace for its modules"))
            .arg(name("The folder to make; its last part is the base's name"))
            .arg(
                Arg::new("starters")
                    .long("starters")
                    .value_name("STARTERS")
                    .value_delimiter(',')
                    .action(ArgAction::Append)
                    .help("The starters to begin with, such as http,sql [default: asked for on a terminal, else http,admin,telemetry]"),
            )
            .arg(Arg::new("bedplate").long("bedplate").value_name("SOURCE").help(
                "Where bedplate comes from: path:FOLDER, git:URL#COMMIT or a version [default: as the tool]",
            )),
        base(lists(Command::new("add").about("Adds starters to the base")))
            .arg(starters("The starters' names in the lists"))
            .arg(dirty())
            .arg(flag("no-check", "Does not compile the base with them")),
        base(Command::new("remove").about("Takes starters out of the base"))
            .arg(starters("The starters' names"))
            .arg(dirty()),
        Command::new("module").about("Makes and retires modules").subcommand_required(true).subcommands([
            base(Command::new("new").about("Makes a module with a contract, a route and a test that passes"))
                .arg(name("The module's name"))
                .arg(dirty()),
            base(Command::new("remove").about("Retires a module: takes it out of the base and the workspace"))
                .arg(name("The module's package"))
                .arg(dirty()),
        ]),
        Command::new("starter").about("Makes starters").subcommand_required(true).subcommand(
            base(Command::new("new").about("Makes a starter that passes its own conformance test"))
                .arg(name("The starter's name"))
                .arg(dirty()),
        ),
    ]
}

/// Runs the command of this name; nothing where it is none of this folder's.
pub(crate) fn run(name: &str, matches: &ArgMatches, output: Output) -> Option<Result<()>> {
    Some(match (name, matches.subcommand()) {
        ("new", _) => new::run(matches, output),
        ("add", _) => add::run(matches, output),
        ("remove", _) => add::remove(matches, output),
        ("module", Some(("new", matches))) => module::run(matches, output),
        ("module", Some(("remove", matches))) => retire::run(matches, output),
        ("starter", Some(("new", matches))) => starter::run(matches, output),
        _ => return None,
    })
}
