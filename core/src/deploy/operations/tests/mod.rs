//! The operations on a base, with objects whose files are real, and which are loaded without a loader.

mod installs;
mod restarts;
mod rig;
mod rollbacks;
mod signed;
