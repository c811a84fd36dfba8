//! What went wrong, in the form what / where / what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why the base did not do what it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable code: `unknown-field`, `static-base`.
    pub code: String,
    /// What is wrong, and by what.
    pub what: String,
    /// What to do about it.
    pub help: String,
    /// The single things that are wrong, where there are several, or where they have places.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

impl Refusal {
    /// A refusal without single problems.
    pub fn new(code: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: code.into(), what: what.into(), help: help.into(), problems: Vec::new() }
    }

    /// With the single things that are wrong.
    #[must_use]
    pub fn with_problems(mut self, problems: Vec<Problem>) -> Self {
        self.problems = problems;
        self
    }

    /// Whether it, or one of its problems, has this code.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.code == code || self.problems.iter().any(|problem| problem.code == code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", crate::render::refusal(self))
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code: `missing-service`.
    pub code: String,
    /// What is wrong.
    pub what: String,
    /// The places that it concerns.
    #[serde(default)]
    pub places: Vec<Place>,
    /// What to do about it.
    pub help: String,
}

/// A place that a problem concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What stands there.
    pub what: String,
    /// Where: a file and line, a crate, a setting.
    pub at: String,
}

/// The body of every answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalAnswer {
    /// What went wrong.
    pub error: Refusal,
}
