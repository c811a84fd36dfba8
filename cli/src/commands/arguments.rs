//! The command line.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::order;
use crate::running::Place;
use crate::workspace::{Selection, Workspace};

/// The whole command line.
pub(crate) fn command_line() -> Command {
    Command::new("cargo-bedplate")
        .bin_name("cargo bedplate")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Makes bases from the starters of the market, keeps their modules in order, and builds, runs and swaps them")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).global(true).help("Writes JSON"))
        .after_help(PASSED_HELP)
        .subcommand(settings(selection(
            Command::new("run").about("Builds the bundle and runs it, until it is asked to end"),
        )))
        .subcommand(settings(selection(
            Command::new("dev").about("Runs the base, and swaps in each module whose files are saved"),
        )))
        .subcommand(
            settings(selection(Command::new("redeploy").about("Relinks modules and swaps them into the running base")))
                .arg(
                    Arg::new("module")
                        .value_name("MODULE")
                        .required(true)
                        .num_args(1..)
                        .action(ArgAction::Append)
                        .help("The modules; all of them go live in one swap"),
                )
                .arg(flag("plan", "Changes nothing, and says what would change"))
                .arg(flag("with-dependents", "Takes along the modules that share a changed contract"))
                .arg(flag("force", "Deploys a build that serves already, too"))
                .arg(flag("breaking", "Accepts migrations that drop or rename")),
        )
        .subcommand(
            selection(Command::new("build").about("Builds the base as a bundle: a folder that runs from anywhere"))
                .arg(flag("static", "Builds the one static binary in place of a bundle"))
                .arg(
                    Arg::new("out")
                        .long("out")
                        .value_name("FOLDER")
                        .value_parser(clap::value_parser!(PathBuf))
                        .help("Where the bundle goes [default: target/bedplate/<base>-<profile>/bundle]"),
                ),
        )
        .subcommand(settings(selection(Command::new("doctor").about(
            "Looks at the toolchain, the machine and the project, with a remedy for what is not as it should be",
        ))))
        .subcommand(settings(selection(order::check_command())))
        .subcommand(settings(selection(order::graph_command())))
        .subcommand(settings(selection(order::catalog_command())))
        .subcommand(super::sign::command())
        .subcommand(super::market::command())
        .subcommands(crate::project::commands())
        .subcommands(PASSED.iter().map(|(name, about)| {
            settings(selection(Command::new(*name).about(*about))).arg(
                Arg::new("rest").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true).value_name("ARGUMENTS"),
            )
        }))
}

/// The commands of the base's own binary, which the tool finds and runs.
pub(crate) const PASSED: [(&str, &str); 10] = [
    ("rollback", "Goes back to the generation before the one that serves"),
    ("status", "Shows what serves, what drains, and what was retired"),
    ("history", "Shows the deployments, the newest first"),
    ("inflight", "Shows what is inside the modules now"),
    ("logs", "Shows the log lines of a module"),
    ("install", "Lets objects serve that were built elsewhere"),
    ("uninstall", "Takes modules out of the running base"),
    ("snapshot", "Writes the running composition as a new bundle"),
    ("ready", "Shows whether the base, and each module, can serve"),
    ("routes", "Shows which module serves which route"),
];

const PASSED_HELP: &str = "The commands that act on a running base are the base binary's own too: \
    a host in production needs neither cargo nor sources.";

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// The arguments that say with which settings the base runs.
fn settings(command: Command) -> Command {
    command
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("The base's settings file [default: bedplate.toml beside its Cargo.toml]"),
        )
        .arg(
            Arg::new("settings-profile")
                .long("profile")
                .value_name("NAME")
                .help("Reads bedplate.<NAME>.toml above the settings file"),
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .help("Sets one setting, above all files"),
        )
}

/// Where the base is, and with which settings it runs.
pub(crate) fn placed(matches: &ArgMatches, workspace: &Workspace) -> Place {
    let sets = matches.get_many::<String>("set").into_iter().flatten().cloned().collect();
    Place::of(workspace, matches.get_one::<PathBuf>("config"), matches.get_one::<String>("settings-profile"), sets)
}

/// The arguments that say what is built.
fn selection(command: Command) -> Command {
    command
        .arg(Arg::new("package").short('p').long("package").value_name("BASE").help("The base's package"))
        .arg(
            Arg::new("manifest-path")
                .long("manifest-path")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("The workspace's Cargo.toml"),
        )
        .arg(
            Arg::new("release")
                .long("release")
                .short('r')
                .action(ArgAction::SetTrue)
                .help("Builds with the profile `release`"),
        )
        .arg(
            Arg::new("profile")
                .long("build-profile")
                .value_name("NAME")
                .conflicts_with("release")
                .help("Builds with this profile of cargo's"),
        )
        .arg(
            Arg::new("features")
                .long("features")
                .short('F')
                .value_name("FEATURES")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("Features of the base"),
        )
        .arg(
            Arg::new("no-default-features")
                .long("no-default-features")
                .action(ArgAction::SetTrue)
                .help("Leaves out the base's default features"),
        )
}

/// What the arguments select.
pub(crate) fn selected(matches: &ArgMatches) -> Selection {
    let release = matches.get_flag("release").then(|| "release".to_owned());
    Selection {
        package: matches.get_one::<String>("package").cloned(),
        manifest: matches.get_one::<PathBuf>("manifest-path").cloned(),
        profile: release.or_else(|| matches.get_one::<String>("profile").cloned()),
        features: matches.get_many::<String>("features").into_iter().flatten().cloned().collect(),
        no_default_features: matches.get_flag("no-default-features"),
    }
}
