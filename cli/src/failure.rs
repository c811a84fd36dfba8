//! What the tool says when something does not work: what, and what to do.

use std::fmt;

use serde::Serialize;

/// A failure with a stable code, for people and for programs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failure {
    /// A stable name, for programs.
    pub(crate) code: &'static str,
    /// What is wrong, and where.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) help: String,
}

impl Failure {
    /// A failure.
    pub(crate) fn new(code: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, what: what.into(), help: help.into() }
    }

    /// The same, ready for `?`.
    pub(crate) fn error(code: &'static str, what: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
        Self::new(code, what, help).into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
