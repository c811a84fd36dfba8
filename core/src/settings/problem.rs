//! One mistake in the settings: what is wrong, where, and what to do.

use std::fmt;

use serde::Serialize;

use super::{KeyPath, Origin, Place};

/// One mistake in the settings. Its text never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingProblem {
    /// A stable name for the kind of mistake, such as `setting-unknown`.
    pub code: &'static str,
    /// The full path of the key or section; the root where a whole source is at fault.
    pub key: KeyPath,
    /// What is wrong, in one sentence.
    pub what: String,
    /// Where the value was written, if it was.
    pub origin: Option<Origin>,
    /// Where the setting is declared in Rust source, if it is.
    pub declared: Option<Place>,
    /// What to do about it.
    pub help: String,
}

impl SettingProblem {
    /// Orders problems by the place that must be edited, and leaves out repetitions.
    pub fn arrange(problems: &mut Vec<Self>) {
        problems.sort_by(|a, b| (&a.origin, &a.key, a.code, &a.what).cmp(&(&b.origin, &b.key, b.code, &b.what)));
        problems.dedup();
    }
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(origin) = &self.origin {
            write!(f, "\n  where: {origin}")?;
        }
        if let Some(declared) = &self.declared {
            write!(f, "\n  declared: {declared}")?;
        }
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingProblem {}

/// Adds a problem unless the same one is there already: several sections may cross one bad table.
pub(super) fn record(problems: &mut Vec<SettingProblem>, problem: SettingProblem) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}
