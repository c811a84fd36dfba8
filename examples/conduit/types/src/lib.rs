//! What the contracts of Conduit share: a timestamp, and why there is no answer.

#![forbid(unsafe_code)]

mod failure;
mod timestamp;

pub use failure::Failure;
pub use timestamp::Timestamp;
