//! A command that a starter adds to the base's binary.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::base::commands;
use crate::settings::Tree;

/// A command of the base's binary: `<base> routes`.
#[derive(Clone, Copy)]
pub struct Command {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(&CommandContext<'_>) -> ExitCode,
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
}

impl CommandContext<'_> {
    /// Writes rows below a head, in columns as wide as their widest cell.
    pub fn table<const N: usize>(&self, head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        commands::table(head, rows.into_iter());
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
