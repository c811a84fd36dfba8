//! What a check has found, in the form what was checked / what was seen / what to do.

use std::fmt;

use crate::testing::conformance::Check;

/// A check that does not hold for a starter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub(super) check: Check,
    pub(super) starter: &'static str,
    pub(super) seen: String,
}

impl Finding {
    /// The check.
    #[must_use]
    pub fn check(&self) -> Check {
        self.check
    }

    /// The starter's name.
    #[must_use]
    pub fn starter(&self) -> &'static str {
        self.starter
    }

    /// What was seen, in words.
    #[must_use]
    pub fn seen(&self) -> &str {
        &self.seen
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, starter, seen } = self;
        write!(f, "`{check}` does not hold for the starter `{starter}`")?;
        write!(f, "\n  checked: {}\n  seen: {}\n  to do: {}", check.what(), seen.trim_end(), check.help())
    }
}

impl std::error::Error for Finding {}
