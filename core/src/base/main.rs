//! The base's binary: reads its arguments and settings, and runs one of its commands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches};

use crate::base::command::{CommandContext, Output};
use crate::base::shutdown::Signals;
use crate::base::{Assembly, BaseInfo, Phase, commands};
use crate::compose::CompositionError;
use crate::descriptors::linked_starters;
use crate::settings::{Sources, Tree};

/// The exit status of a base that was forced to end; 1 is that of one that cannot start, or did not
/// end in order.
const FORCED: u8 = 2;

/// The main function of a base. `base!` calls it.
#[must_use]
pub fn main(info: &'static BaseInfo) -> ExitCode {
    let matches = command_line(info).get_matches();
    let output = if matches.get_flag("json") { Output::Json } else { Output::Text };
    let file = settings_file(matches.get_one::<PathBuf>("config"));
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let settings = match load(&matches, &file) {
        Ok(settings) => settings,
        Err(error) => return commands::fail(&error, output),
    };
    let (name, _) = matches.subcommand().unwrap_or(("run", &matches));
    if let Some(command) = linked_starters()
        .iter()
        .flat_map(|starter| starter.commands)
        .find(|command| command.name == name && OWN_COMMANDS.iter().all(|(own, _)| *own != name))
    {
        return (command.run)(&CommandContext { settings: &settings, folder: &folder, output });
    }
    let assembly = match Assembly::linked(info, settings, folder) {
        Ok(assembly) => assembly,
        Err(error) => return commands::fail(&error, output),
    };
    match name {
        "check" => commands::check(&assembly, output),
        "modules" => commands::modules(&assembly, output),
        "starters" => commands::starters(&assembly, output),
        "services" => commands::services(&assembly, output),
        "settings" => commands::settings(&assembly, output),
        _ => run(assembly, output),
    }
}

/// The commands of every base.
pub(super) const OWN_COMMANDS: [(&str, &str); 6] = [
    ("run", "Runs the base until it is asked to end (the default)"),
    ("check", "Checks settings, requirements and contracts, and starts nothing"),
    ("modules", "Lists the linked modules, and what each requires and publishes"),
    ("starters", "Lists the linked starters"),
    ("services", "Lists the contracts, with publishers and users"),
    ("settings", "Lists every setting: its value, where it came from, its help"),
];

fn command_line(info: &BaseInfo) -> clap::Command {
    let starters = linked_starters();
    let more = starters.iter().flat_map(|starter| starter.commands).map(|command| (command.name, command.about));
    let subcommands = unique(OWN_COMMANDS.into_iter().chain(more))
        .into_iter()
        .map(|(name, about)| clap::Command::new(name).about(about));
    clap::Command::new(info.site.crate_name)
        .version(info.site.version)
        .about("A bedplate base")
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .global(true)
                .help(
                    "The settings file [default: bedplate.toml here, or beside the base's Cargo.toml under cargo run]",
                ),
        )
        .arg(
            Arg::new("profile")
                .long("profile")
                .value_name("NAME")
                .global(true)
                .help("Reads bedplate.<NAME>.toml above the settings file [default: the variable BEDPLATE_PROFILE]"),
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("KEY=VALUE")
                .action(ArgAction::Append)
                .global(true)
                .help("Sets one setting, above all files: --set drain.grace=5s"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).global(true).help("Writes JSON"))
        .subcommands(subcommands)
}

/// The first of each name: what is there twice is reported by `check`.
fn unique(commands: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<(&'static str, &'static str)> {
    let mut seen = BTreeSet::new();
    commands.filter(|(name, _)| seen.insert(*name)).collect()
}

/// The file that was asked for; else `bedplate.toml` here; else the one beside the base's
/// `Cargo.toml`, which cargo names while it runs a base.
fn settings_file(asked: Option<&PathBuf>) -> PathBuf {
    const NAME: &str = "bedplate.toml";
    if let Some(file) = asked {
        return file.clone();
    }
    let here = PathBuf::from(NAME);
    let beside = std::env::var_os("CARGO_MANIFEST_DIR").map(|folder| Path::new(&folder).join(NAME));
    match beside {
        Some(beside) if !here.exists() && beside.exists() => beside,
        _ => here,
    }
}

fn load(matches: &ArgMatches, file: &Path) -> Result<Tree, CompositionError> {
    let asked = matches.get_one::<PathBuf>("config").is_some();
    let sources = if asked { Sources::new().file(file) } else { Sources::new().optional_file(file) };
    let profile = matches.get_one::<String>("profile").cloned().or_else(|| std::env::var("BEDPLATE_PROFILE").ok());
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let sources = sources.profile(profile).environment(variables);
    let sets = matches.get_many::<String>("set").into_iter().flatten().cloned();
    sets.fold(sources, Sources::set).load().map_err(CompositionError::from_settings)
}

fn run(assembly: Assembly, output: Output) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return commands::fail_with(&format!("the runtime does not start: {error}"), output),
    };
    let code = runtime.block_on(serve(assembly, output));
    // A task that blocks its thread must not keep the process.
    runtime.shutdown_background();
    code
}

async fn serve(assembly: Assembly, output: Output) -> ExitCode {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return commands::fail_with(&format!("signals cannot be received: {error}"), output),
    };
    let mut asked = None;
    let starting = assembly.start();
    tokio::pin!(starting);
    let started = loop {
        tokio::select! {
            started = &mut starting => break started,
            signal = signals.next() => match asked.replace(signal) {
                None => tracing::info!(
                    target: "bedplate::lifecycle", signal,
                    "asked to end by {signal} while it starts; it ends in order when it has, and a second signal forces it"
                ),
                Some(_) => return forced(signal),
            },
        }
    };
    let base = match started {
        Ok(base) => base,
        Err(error) => return commands::fail(&error, output),
    };
    if asked.is_none() {
        let mut phases = base.phases();
        tokio::select! {
            signal = signals.next() => tracing::info!(
                target: "bedplate::lifecycle", signal, "asked to end by {signal}; a second signal forces it"
            ),
            // A starter has ended the base.
            _ = phases.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Stopped)) => {}
        }
    }
    tokio::select! {
        ended = base.shutdown() => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => commands::fail(&error, output),
        },
        signal = signals.next() => forced(signal),
    }
}

fn forced(signal: &str) -> ExitCode {
    tracing::warn!(target: "bedplate::lifecycle", signal, "forced to end by {signal}");
    ExitCode::from(FORCED)
}
