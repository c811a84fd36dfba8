//! The arguments that benchmarks have in common.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// A benchmark's command line, with the arguments that all of them take. `None` where the program was not started by
/// `cargo bench`: `cargo test --all-targets` runs it too, and wants it to end.
#[must_use]
pub fn read(command: Command) -> Option<ArgMatches> {
    let command = command
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Writes JSON"))
        .arg(
            Arg::new("folder")
                .long("folder")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .help("Where what is measured is built, and found again [default: target/tmp/bedplate-benches]"),
        )
        // cargo adds it.
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true));
    let matches = command.get_matches();
    matches.get_flag("bench").then_some(matches)
}

/// How large a generated base is.
#[must_use]
pub fn size(modules: &'static str, lines: &'static str) -> [Arg; 2] {
    [
        number("modules", modules, "How many modules the generated base has"),
        number("lines", lines, "How many lines each of them has at least"),
    ]
}

/// An argument that is a whole number.
#[must_use]
pub fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("NUMBER").default_value(default).value_parser(value_parser!(u64)).help(help)
}

/// An argument that is a number of seconds.
#[must_use]
pub fn seconds(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("SECONDS").default_value(default).value_parser(value_parser!(f64)).help(help)
}

/// An argument that is there or not.
#[must_use]
pub fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// The value of a [`number`].
///
/// # Panics
///
/// Where the command line has no such argument.
#[must_use]
pub fn number_of(matches: &ArgMatches, name: &str) -> u64 {
    *matches.get_one::<u64>(name).expect("it has a default")
}

/// The value of an argument of [`seconds`].
///
/// # Panics
///
/// Where the command line has no such argument.
#[must_use]
pub fn seconds_of(matches: &ArgMatches, name: &str) -> std::time::Duration {
    std::time::Duration::from_secs_f64(matches.get_one::<f64>(name).expect("it has a default").clamp(0.1, 1e6))
}
