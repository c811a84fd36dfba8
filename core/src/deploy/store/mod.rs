//! What a base keeps on disk: object files by their digest, and the copies that its generations are mapped from.

mod artifact;
mod generations;
pub(crate) mod private;
mod signature;
mod storage;
#[cfg(test)]
pub(crate) use signature::tests;

pub(crate) use artifact::now_ms;
pub use artifact::{Artifact, Came, Signature};
pub(crate) use generations::Generations;
pub use signature::signed_comment;
pub(crate) use signature::{missing, outdated, verify};
pub(crate) use storage::{Store, disk_problem};
