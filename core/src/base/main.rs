//! The base's binary: reads its arguments and settings, and runs one of its commands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches};

use crate::base::command::{CommandContext, Exit, Output};
use crate::base::shutdown::Signals;
use crate::base::{Assembly, BaseInfo, Command, Phase, commands};
use crate::compose::CompositionError;
use crate::deploy::operations::Purpose;
use crate::descriptors::linked_starters;
use crate::settings::Sources;

/// The main function of a base. `base!` calls it.
#[must_use]
pub fn main(info: &'static BaseInfo) -> ExitCode {
    let matches = command_line(info).get_matches();
    let output = if matches.get_flag("json") { Output::Json } else { Output::Text };
    let file = settings_file(matches.get_one::<PathBuf>("config"));
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let sources = sources(&matches, &file);
    let settings = match sources.clone().load().map_err(CompositionError::from_settings) {
        Ok(settings) => settings,
        Err(error) => return commands::fail(&error, output),
    };
    let (name, arguments) = match matches.subcommand() {
        Some((name, arguments)) => match arguments.subcommand() {
            Some((below, arguments)) => (format!("{name} {below}"), arguments),
            None => (name.to_owned(), arguments),
        },
        None => ("run".to_owned(), &matches),
    };
    if let Some(command) = starters_commands().find(|command| command.name() == name) {
        return command.run(&CommandContext { settings: &settings, folder: &folder, output, matches: arguments });
    }
    let purpose = if name == "run" { Purpose::Serve } else { Purpose::Look };
    let linked = Assembly::linked(info, settings, folder).map(|assembly| assembly.sources(sources));
    let assembly = match linked.and_then(|assembly| assembly.bundled(bundle_folder(), purpose)) {
        Ok(assembly) => assembly,
        Err(error) => return commands::fail(&error, output),
    };
    match name.as_str() {
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

/// The commands that starters add. Of two with one name the first counts, and none goes before one of
/// the base's own: what is there twice is reported by `check`.
fn starters_commands() -> impl Iterator<Item = &'static Command> {
    let mut seen: BTreeSet<_> = OWN_COMMANDS.iter().map(|(name, _)| *name).collect();
    linked_starters()
        .into_iter()
        .flat_map(|starter| starter.commands)
        .filter(move |command| seen.insert(command.name()))
}

fn command_line(info: &BaseInfo) -> clap::Command {
    let is_below =
        |command: &&Command, own: &str| command.name().strip_prefix(own).is_some_and(|rest| rest.starts_with(' '));
    let own = OWN_COMMANDS.into_iter().map(|(name, about)| {
        let below = starters_commands().filter(|command| is_below(command, name)).map(Command::command_line);
        clap::Command::new(name).about(about).subcommands(below)
    });
    let beside = starters_commands().filter(|command| !command.name().contains(' ')).map(Command::command_line);
    clap::Command::new(info.site.crate_name)
        .version(info.site.version)
        .about("A bedplate base")
        .after_help(Exit::HELP)
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .global(true)
                .help(
                    "The settings file [default: bedplate.toml of the bundle; else here, or beside the base's \
                     Cargo.toml under cargo run]",
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
        .subcommands(own.chain(beside))
}

/// The file that was asked for; else that of the bundle which the base runs from; else `bedplate.toml`
/// here; else the one beside the base's `Cargo.toml`, which cargo names while it runs a base.
fn settings_file(asked: Option<&PathBuf>) -> PathBuf {
    const NAME: &str = "bedplate.toml";
    if let Some(file) = asked {
        return file.clone();
    }
    if let Some(bundle) = bundle_folder() {
        return bundle.join(NAME);
    }
    let here = PathBuf::from(NAME);
    let beside = std::env::var_os("CARGO_MANIFEST_DIR").map(|folder| Path::new(&folder).join(NAME));
    match beside {
        Some(beside) if !here.exists() && beside.exists() => beside,
        _ => here,
    }
}

/// The bundle that this program runs from: the folder above its own, where that holds a manifest.
#[must_use]
pub fn bundle_folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?.parent()?;
    folder.join("bundle.json").is_file().then(|| folder.to_path_buf())
}

fn sources(matches: &ArgMatches, file: &Path) -> Sources {
    let asked = matches.get_one::<PathBuf>("config").is_some();
    let sources = if asked { Sources::new().file(file) } else { Sources::new().optional_file(file) };
    let profile = matches.get_one::<String>("profile").cloned().or_else(|| std::env::var("BEDPLATE_PROFILE").ok());
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let sources = sources.profile(profile).environment(variables);
    let sets = matches.get_many::<String>("set").into_iter().flatten().cloned();
    sets.fold(sources, Sources::set)
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
    Exit::Usage.into()
}
