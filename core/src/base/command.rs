//! A command that a starter adds to the base's binary.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::Value;

use crate::base::commands;
use crate::settings::Tree;

/// A command of the base's binary: `<base> routes`.
///
/// ```
/// use std::process::ExitCode;
/// use bedplate::base::{Command, CommandContext, clap};
///
/// const GREET: Command = Command::new("greet", "Greets somebody", greet).with_arguments(|command| {
///     command.arg(clap::Arg::new("name").required(true).help("Whom"))
/// });
///
/// fn greet(ctx: &CommandContext<'_>) -> ExitCode {
///     ctx.print(&format!("hello, {}", ctx.argument("name").unwrap_or_default()));
///     ExitCode::SUCCESS
/// }
///
/// assert!(GREET.command_line().try_get_matches_from(["greet", "Ann"]).is_ok());
/// assert!(GREET.command_line().try_get_matches_from(["greet"]).is_err());
/// ```
#[derive(Clone, Copy)]
pub struct Command {
    name: &'static str,
    about: &'static str,
    arguments: fn(clap::Command) -> clap::Command,
    run: fn(&CommandContext<'_>) -> ExitCode,
}

impl Command {
    /// A command without arguments: its name on the command line, one line of help, what it does.
    ///
    /// A name of two words, such as `settings apply`, puts it below one of the base's own commands.
    #[must_use]
    pub const fn new(name: &'static str, about: &'static str, run: fn(&CommandContext<'_>) -> ExitCode) -> Self {
        Self { name, about, arguments: |command| command, run }
    }

    /// Adds arguments. `config`, `profile`, `set` and `json` are the base's own, and there already.
    #[must_use]
    pub const fn with_arguments(mut self, arguments: fn(clap::Command) -> clap::Command) -> Self {
        self.arguments = arguments;
        self
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its part of the command line, with its arguments.
    #[must_use]
    pub fn command_line(&self) -> clap::Command {
        let word = self.name.rsplit(' ').next().unwrap_or(self.name);
        (self.arguments)(clap::Command::new(word).about(self.about))
    }

    /// Runs it.
    #[must_use]
    pub fn run(&self, ctx: &CommandContext<'_>) -> ExitCode {
        (self.run)(ctx)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a command is given.
#[derive(Debug)]
pub struct CommandContext<'a> {
    /// The base's settings.
    pub settings: &'a Tree,
    /// The folder that relative paths in settings start from.
    pub folder: &'a Path,
    /// How the result is written.
    pub output: Output,
    /// The command's own arguments, as its command line declares them.
    pub matches: &'a ArgMatches,
}

impl CommandContext<'_> {
    /// The text of an argument that was given.
    ///
    /// # Panics
    ///
    /// Where the command declares no such argument, or one that is no text.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.matches.get_one::<String>(name).map(String::as_str)
    }

    /// The texts of an argument that may be given several times.
    ///
    /// # Panics
    ///
    /// Where the command declares no such argument, or one that is no text.
    pub fn arguments(&self, name: &str) -> impl Iterator<Item = &str> {
        self.matches.get_many::<String>(name).into_iter().flatten().map(String::as_str)
    }

    /// Whether a flag was given.
    ///
    /// # Panics
    ///
    /// Where the command declares no such flag.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.matches.get_flag(name)
    }

    /// Writes rows below a head, in columns as wide as their widest cell.
    pub fn table<const N: usize>(&self, head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        commands::table(head, rows.into_iter());
    }

    /// Writes a line, or several, for people.
    pub fn print(&self, text: &str) {
        commands::print(text);
    }

    /// As [`print`](Self::print), for a command that goes on until nobody reads it any more.
    ///
    /// # Errors
    ///
    /// Where the text cannot be written: the reader has closed its end.
    pub fn try_print(&self, text: &str) -> std::io::Result<()> {
        commands::try_print(text)
    }

    /// Writes a line, or several, that is no part of the result: progress, warnings, what is wrong.
    pub fn note(&self, text: &str) {
        commands::note(text);
    }

    /// Writes JSON.
    pub fn json(&self, value: &Value) {
        commands::print_json(value);
    }

    /// Says what went wrong, as the output is asked for, and returns the exit status for it.
    pub fn fail(&self, what: &str) -> ExitCode {
        commands::fail_with(what, self.output)
    }
}

/// How a command writes its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A table for people.
    Text,
    /// Versioned JSON for tools.
    Json,
}

/// The exit statuses of a base's binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Refused, or failed: what it would have changed is as it was.
    Failed = 1,
    /// The command line cannot be understood; or, of `run`, the base was forced to end.
    Usage = 2,
    /// No base answers.
    NoBase = 3,
    /// The base was lost sight of: whether it was done is not known, and `history` says so later.
    Unknown = 4,
}

impl Exit {
    /// What `--help` says of them.
    pub(super) const HELP: &'static str = "Exit status: 0 done; 1 refused or failed; 2 the command line cannot be \
        understood, or the base was forced to end; 3 no base answers; 4 the base was lost sight of, and whether it \
        was done is not known";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
