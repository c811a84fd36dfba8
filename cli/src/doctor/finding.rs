//! What was found about one thing.

use std::fmt;

use serde::Serialize;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// It works; something will be slow, or run out.
    Warning,
    /// Something does not work.
    Bad,
    /// It could not be looked at.
    Unknown,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    /// A stable name, for programs.
    pub(crate) name: &'static str,
    pub(crate) state: State,
    /// What is there.
    pub(crate) found: String,
    /// What to do about it; empty where nothing is to be done.
    pub(crate) remedy: String,
}

impl Finding {
    pub(crate) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Good, found: found.into(), remedy: String::new() }
    }

    pub(crate) fn unknown(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Unknown, found: found.into(), remedy: String::new() }
    }

    pub(crate) fn warning(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, state: State::Warning, found: found.into(), remedy: remedy.into() }
    }

    pub(crate) fn bad(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, state: State::Bad, found: found.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Good => "ok",
            State::Warning => "warning",
            State::Bad => "BAD",
            State::Unknown => "?",
        };
        write!(f, "{state:8} {:16} {}", self.name, self.found)?;
        if !self.remedy.is_empty() {
            write!(f, "\n{:25} to do: {}", "", self.remedy)?;
        }
        Ok(())
    }
}
