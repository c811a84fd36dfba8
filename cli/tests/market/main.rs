//! `cargo bedplate market`, as a user calls it.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod lists;
mod made;
mod pins;
mod repositories;
mod rig;
mod shown;
