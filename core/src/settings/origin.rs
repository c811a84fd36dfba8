//! Where a value came from, and where a setting is declared.

use std::fmt;

use serde::Serialize;

/// The layer, and the place in it, that a value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Origin {
    /// Nothing gives a value, and the setting has no default.
    Unset,
    /// The default that its declaration gives.
    Default,
    /// A settings file.
    File {
        /// The file, as it was named when it was opened.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
    },
    /// An environment variable.
    Environment {
        /// The variable's name, as it is in the environment.
        name: String,
    },
    /// An argument `--set key=value`.
    CommandLine {
        /// The key as it was written. The value is left out, since it may be a secret.
        text: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("not set"),
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Environment { name } => write!(f, "environment variable {name}"),
            Self::CommandLine { text } => write!(f, "--set {text}=…"),
        }
    }
}

/// A place in Rust source, as `file!()` and `line!()` give it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as the compiler was given it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
