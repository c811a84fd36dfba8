//! What is wrong with a composition, in the form what / where / what to do.

use std::fmt;

use serde::Serialize;

use crate::descriptors::Site;
use crate::settings::SettingProblem;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable code: `missing-service`, `duplicate-module`.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// The places that it concerns: registrations, fields, settings.
    pub places: Vec<Place>,
    /// What to do about it.
    pub help: String,
}

/// A place that a problem concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// What stands there.
    pub what: String,
    /// Where: crate, version, file and line of a registration; file and line of a setting.
    pub at: String,
}

impl Place {
    /// A place in the source.
    #[must_use]
    pub fn source(what: impl Into<String>, site: Site) -> Self {
        Self { what: what.into(), at: site.to_string() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.what)?;
        for place in &self.places {
            write!(f, "\n  where: {} ({})", place.at, place.what)?;
        }
        write!(f, "\n  to do: {}", self.help)
    }
}

impl From<SettingProblem> for Problem {
    fn from(problem: SettingProblem) -> Self {
        let mut places = Vec::new();
        if let Some(origin) = &problem.origin {
            places.push(Place { what: format!("setting `{}`", problem.key), at: origin.to_string() });
        }
        if let Some(place) = &problem.declared {
            places.push(Place { what: "declared here".to_owned(), at: place.to_string() });
        }
        Self { code: problem.code, what: problem.what, places, help: problem.help }
    }
}

/// All that keeps a base from starting, or a deployment from going live.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CompositionError {
    /// The step that failed: `settings`, `check`, `construct`, `migrate`, `start`,
    /// `prepare`, `record`, `prove`.
    pub step: &'static str,
    /// What is wrong, one by one.
    pub problems: Vec<Problem>,
}

impl CompositionError {
    pub(crate) fn new(step: &'static str, problems: Vec<Problem>) -> Self {
        Self { step, problems }
    }

    pub(crate) fn from_settings(problems: Vec<SettingProblem>) -> Self {
        Self::new("settings", problems.into_iter().map(Problem::from).collect())
    }

    /// Whether one of the problems has this code.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }
}

impl fmt::Display for CompositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for CompositionError {}
