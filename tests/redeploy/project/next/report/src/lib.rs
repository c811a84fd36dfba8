//! The contract, a version later.

#![forbid(unsafe_code)]

use bedplate::CallError;

/// Which build somebody is.
#[bedplate::service]
pub trait Report {
    /// `next` and the name of the build.
    async fn build(&self) -> Result<String, CallError>;
}
