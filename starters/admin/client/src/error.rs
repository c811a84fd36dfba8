//! Why a client has no answer.

use std::fmt;

use crate::protocol::{Place, Problem, Refusal};

/// Why a client has no answer, or not the one it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientError {
    /// No base answers. Nothing was asked.
    NoBase(Refusal),
    /// The base refused, or failed.
    Refused(Refusal),
    /// The base was lost sight of after it had been asked: whether it was done is not known.
    Lost(Refusal),
}

impl ClientError {
    /// What is wrong.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::NoBase(refusal) | Self::Refused(refusal) | Self::Lost(refusal) => refusal,
        }
    }

    /// The exit status that a program ends with: 1 refused, 3 no base answers, 4 lost sight of.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::NoBase(_) => 3,
            Self::Lost(_) => 4,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.refusal(), f)
    }
}

impl std::error::Error for ClientError {}

/// A refusal with the place that it is about.
pub(crate) fn at(code: &str, what: String, place: (&str, String), help: &str) -> Refusal {
    let place = Place { what: place.0.to_owned(), at: place.1 };
    let problem = Problem { code: code.to_owned(), what: what.clone(), places: vec![place], help: help.to_owned() };
    Refusal::new(code, what, help).with_problems(vec![problem])
}
