//! A project from nothing, outside of the repository: made, changed, tested, run, edited live and looked after, by
//! the commands that its README names.

#![allow(clippy::unwrap_used, reason = "tests")]

mod kinds;
mod life;
mod manifests;
mod origins;
mod refused;
mod third_party;
mod unwilling;
mod users;
