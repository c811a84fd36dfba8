//! From one composition to the next: load, check, start aside, swap, drain, stop, retire.

mod cell;
mod change;
mod engine;
mod pinned;
mod restart;
mod retire;
mod start;

pub(crate) use cell::{Cell, Count, Versioned};
pub use change::{Change, Deployed, Step};
pub(crate) use engine::{Deployer, deploy};
pub use pinned::Pinned;
pub use restart::RestartInfo;
pub(crate) use restart::{RestartPolicy, Restarts};
