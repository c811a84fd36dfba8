//! One thing that is out of order.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// What is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Violation {
    /// The rule's stable name.
    pub(super) rule: String,
    /// What it is about, without a line: by this it is recognized again.
    pub(super) subject: String,
    /// What is wrong.
    pub(super) what: String,
    /// File and line, or the manifest.
    pub(super) place: String,
    /// What to do.
    pub(super) help: String,
}

impl Violation {
    pub(super) fn new(
        rule: &str,
        subject: impl Into<String>,
        what: impl Into<String>,
        place: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            rule: rule.to_owned(),
            subject: subject.into(),
            what: what.into(),
            place: place.into(),
            help: help.into(),
        }
    }

    /// A problem that the base's own check has found.
    pub(super) fn of_composition(problem: &Value) -> Self {
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        let places: Vec<_> = problem["places"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|place| place["at"].as_str().map(str::to_owned))
            .collect();
        Self {
            rule: text("code"),
            subject: text("what"),
            what: text("what"),
            place: places.join(", "),
            help: text("help"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.rule, self.what)?;
        if !self.place.is_empty() {
            write!(f, "\n  where: {}", self.place)?;
        }
        if !self.help.is_empty() {
            write!(f, "\n  to do: {}", self.help)?;
        }
        Ok(())
    }
}
