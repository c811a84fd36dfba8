//! `dev`: the base runs, files are watched, and what is saved is live a moment later.

mod changes;
mod difference;
mod session;
mod watch;

pub(crate) use difference::difference;
pub(crate) use session::run;
