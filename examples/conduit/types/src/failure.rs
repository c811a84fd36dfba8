//! Why a call of a contract has no answer.

use bedplate::{CallError, ErrorKind, ServiceError};
use serde::Serialize;

/// Why a call of a contract has no answer. That something is not there is an answer, and no failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Failure {
    /// The module that was called could not do its work. The text is for the log: it tells of
    /// tables and files.
    #[error("{reason}")]
    Provider {
        /// What went wrong, with its causes.
        reason: String,
    },
    /// The base refused the call, or gave it up.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<bedplate::Error> for Failure {
    /// As text: an error's type is its module's own, and does not leave it.
    fn from(error: bedplate::Error) -> Self {
        match error.downcast_ref::<CallError>() {
            Some(refused) => Self::Call(refused.clone()),
            None => Self::Provider { reason: format!("{error:#}") },
        }
    }
}

impl ServiceError for Failure {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Provider { .. } => ErrorKind::Internal,
            Self::Call(refused) => refused.kind(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_call_keeps_its_kind_on_its_way_through_an_error() {
        let refused = CallError::DeadlineExceeded { target: "articles".to_owned() };
        let failure = Failure::from(bedplate::Error::new(refused.clone()).context("while listing"));
        assert_eq!(failure, Failure::Call(refused));
        assert_eq!(failure.kind(), ErrorKind::Timeout);
    }

    #[test]
    fn any_other_error_is_told_with_its_causes() {
        let error = bedplate::Error::new(std::fmt::Error).context("the table is locked");
        let failure = Failure::from(error);
        assert_eq!(failure.kind(), ErrorKind::Internal);
        assert!(failure.to_string().starts_with("the table is locked: "), "{failure}");
    }
}
