//! `market`: the lists of starters, what is in them, and whether it is true.

mod check;
mod generate;
mod lists;
mod show;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};

use crate::market::{Market, workspace_root};
use crate::output::Output;

/// The part of the command line.
pub(crate) fn command() -> Command {
    Command::new("market")
        .about("Shows the starters that a base can pick from, and the lists that they are in")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(
            Arg::new("list")
                .long("list")
                .value_name("LIST")
                .action(ArgAction::Append)
                .global(true)
                .help("One list more: [NAME=]FILE, [NAME=]FOLDER or [NAME=]git+URL#COMMIT"),
        )
        .arg(
            Arg::new("manifest-path")
                .long("manifest-path")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .global(true)
                .help("The Cargo.toml of the project whose lists are read"),
        )
        .subcommand(
            Command::new("list")
                .about("Shows all starters")
                .arg(Arg::new("group").long("group").value_name("GROUP").help("Shows the starters of this group only")),
        )
        .subcommand(
            Command::new("search")
                .about("Shows the starters that these words are said of")
                .arg(Arg::new("word").value_name("WORD").required(true).num_args(1..).action(ArgAction::Append)),
        )
        .subcommand(
            Command::new("show")
                .about("Shows all that is said of a starter, with its settings")
                .arg(Arg::new("name").value_name("NAME").required(true).help("The starter, as NAME or as LIST/NAME")),
        )
        .subcommand(
            Command::new("check")
                .about("Builds the starters, and says where a list is not true of them")
                .arg(
                    Arg::new("checked")
                        .value_name("NAME")
                        .num_args(0..)
                        .action(ArgAction::Append)
                        .help("The lists, by name [default: those of --list, else all]"),
                )
                .arg(
                    Arg::new("yes")
                        .long("yes")
                        .short('y')
                        .action(ArgAction::SetTrue)
                        .help("Builds and runs code of third parties without asking"),
                ),
        )
        .subcommand(
            Command::new("generate")
                .about("Makes a list of starters, from their Cargo.toml and from what they register")
                .arg(
                    Arg::new("folder")
                        .value_name("FOLDER")
                        .required(true)
                        .num_args(1..)
                        .action(ArgAction::Append)
                        .value_parser(clap::value_parser!(PathBuf))
                        .help("The folder of a starter, or one that holds the folders of starters"),
                )
                .arg(
                    Arg::new("out")
                        .long("out")
                        .value_name("FILE")
                        .value_parser(clap::value_parser!(PathBuf))
                        .help("Writes the list here, in place of showing it"),
                )
                .arg(
                    Arg::new("published")
                        .long("published")
                        .action(ArgAction::SetTrue)
                        .help("Has the list take the starters from the registry, in place of their folders"),
                ),
        )
        .subcommand(
            Command::new("use")
                .about("Adds a list to the project, held to what it is now")
                .arg(Arg::new("name").value_name("NAME").required(true).help("What the list is called here"))
                .arg(Arg::new("git").long("git").value_name("URL").help("A list in a git repository"))
                .arg(
                    Arg::new("rev")
                        .long("rev")
                        .value_name("REV")
                        .requires("git")
                        .help("The commit, branch or tag [default: the default branch]; held to its commit"),
                )
                .arg(
                    Arg::new("path")
                        .long("path")
                        .value_name("PATH")
                        .requires("git")
                        .help("Where in the repository: a file, or a folder with a market.toml [default: its root]"),
                )
                .arg(file("file", "FILE", "A list in a file"))
                .arg(file("folder", "FOLDER", "A list in a folder: its market.toml, or all its files *.toml"))
                .group(ArgGroup::new("from").args(["git", "file", "folder"]).required(true)),
        )
        .subcommand(
            Command::new("update")
                .about("Holds the project's lists to what they are now, and shows what changed")
                .arg(Arg::new("name").value_name("NAME").help("The list [default: all]"))
                .arg(
                    Arg::new("rev")
                        .long("rev")
                        .value_name("REV")
                        .requires("name")
                        .help("The commit, branch or tag of the repository [default: the default branch]"),
                ),
        )
        .subcommand(
            Command::new("forget")
                .about("Takes a list out of the project")
                .arg(Arg::new("name").value_name("NAME").required(true)),
        )
}

fn file(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).value_parser(clap::value_parser!(PathBuf)).help(help)
}

/// Runs one of the commands.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<ExitCode> {
    let (name, arguments) = matches.subcommand().expect("clap asks for a subcommand");
    match name {
        "list" => show::list(arguments, output),
        "search" => show::search(arguments, output),
        "show" => show::show(arguments, output),
        "check" => return check::check(arguments, output),
        "generate" => generate::generate(arguments, output),
        "use" => lists::use_list(arguments, output),
        "update" => lists::update(arguments, output),
        _ => lists::forget(arguments, output),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// The project that the lists are of, where there is one.
fn project(matches: &ArgMatches) -> Result<Option<PathBuf>> {
    workspace_root(matches.get_one::<PathBuf>("manifest-path").map(PathBuf::as_path))
}

/// The folder whose workspace starters are built in.
fn working_folder(matches: &ArgMatches) -> Result<PathBuf> {
    Ok(project(matches)?.map_or_else(env::current_dir, Ok)?)
}

fn open(matches: &ArgMatches) -> Result<Market> {
    let extra: Vec<_> = matches.get_many::<String>("list").into_iter().flatten().cloned().collect();
    Market::open(project(matches)?.as_deref(), &extra)
}

fn text<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m str> {
    matches.get_one::<String>(name).map(String::as_str)
}

/// How many there are, in words.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
