//! Why an operation was not carried out.

use std::fmt;

use serde::Serialize;

use crate::compose::{CompositionError, Problem};

/// Why an operation was not carried out. What served before serves on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OperationError {
    /// A stable code: that of the one problem, or `deployment-failed` where there are several.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
    /// The step of the deployment that failed; empty where none had begun.
    pub step: &'static str,
    /// All that is wrong, one by one.
    pub problems: Vec<Problem>,
}

impl OperationError {
    /// One thing is wrong.
    pub(crate) fn new(code: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Problem { code, what: what.into(), places: Vec::new(), help: help.into() }.into()
    }

    /// Whether one of the problems has this code.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.code == code || self.problems.iter().any(|problem| problem.code == code)
    }
}

impl From<Problem> for OperationError {
    fn from(problem: Problem) -> Self {
        vec![problem].into()
    }
}

impl From<Vec<Problem>> for OperationError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::from(CompositionError { step: "", problems })
    }
}

impl From<CompositionError> for OperationError {
    fn from(error: CompositionError) -> Self {
        let CompositionError { step, problems } = error;
        let (code, what, help) = match problems.as_slice() {
            [one] => (one.code, one.what.clone(), one.help.clone()),
            several => (
                "deployment-failed",
                format!("{} things are wrong; what served before serves on", several.len()),
                "see each of the problems".to_owned(),
            ),
        };
        Self { code, what, help, step, problems }
    }
}

impl fmt::Display for OperationError {
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

impl std::error::Error for OperationError {}
