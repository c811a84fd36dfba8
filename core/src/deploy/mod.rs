//! From one composition to the next: load, check, start aside, swap, drain, stop, retire.

mod bounded;
mod cell;
mod change;
mod engine;
mod make;
mod pinned;
mod restart;
mod retire;
mod start;

pub(crate) use bounded::{bounded, not_longer_than};
pub(crate) use cell::{Cell, Count, Home, Versioned};
pub use change::{Change, Deployed, Step};
pub(crate) use engine::{Deployer, Reason, deploy};
pub use pinned::Pinned;
pub use restart::RestartInfo;
pub(crate) use restart::{RestartPolicy, Restarts};
