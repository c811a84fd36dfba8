//! All of Conduit's tests of the binary and of the interface, on the bundle: the base library, the standard
//! library and each module are files of their own there.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod composition;
mod dev;
mod executable;
mod transport;

#[path = "../binary/client.rs"]
mod client;
#[path = "../binary/commands.rs"]
mod commands;
#[path = "../binary/faults.rs"]
mod faults;
#[path = "../binary/life.rs"]
mod life;
#[path = "../binary/process.rs"]
mod process;

#[path = "../realworld/api.rs"]
mod api;
#[path = "../realworld/articles.rs"]
mod articles;
#[path = "../realworld/comments.rs"]
mod comments;
#[path = "../realworld/concurrency.rs"]
mod concurrency;
#[path = "../realworld/errors.rs"]
mod errors;
#[path = "../realworld/favorites.rs"]
mod favorites;
#[path = "../realworld/lists.rs"]
mod lists;
#[path = "../realworld/profiles.rs"]
mod profiles;
#[path = "../realworld/users.rs"]
mod users;
