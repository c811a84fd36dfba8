//! `dev`: the base runs, files are watched, and what is saved is live a moment later.

mod changes;
mod session;
mod watch;

pub(crate) use changes::difference;
pub(crate) use session::run;
