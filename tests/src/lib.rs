//! What the end-to-end tests have in common: a client that sees what is on the wire, processes that
//! are ended, the tool, and folders for it to work in.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests")]

pub mod dev;
pub mod http;
pub mod place;
pub mod process;
pub mod stream;
pub mod tool;
