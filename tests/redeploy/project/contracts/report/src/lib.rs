//! A contract with methods that are told apart by what they answer.

#![forbid(unsafe_code)]

use bedplate::CallError;

/// Which build somebody is.
#[bedplate::service]
pub trait Report {
    /// `build` and the name of the build.
    async fn build(&self) -> Result<String, CallError>;

    /// `forget` and the name of the build.
    async fn forget(&self) -> Result<String, CallError>;
}
