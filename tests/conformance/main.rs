//! The conformance suite itself: green for a starter that behaves, and for each check red for one that does not.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod board;
mod boards;
mod broken;
mod subjects;
mod told;
