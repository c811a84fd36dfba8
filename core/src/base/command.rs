//! A command that a starter adds to the base's binary.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

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

/// How a command writes its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A table for people.
    Text,
    /// Versioned JSON for tools.
    Json,
}
