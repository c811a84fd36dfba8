//! The calls of rustc that cargo makes: recorded once, and replayed when a module changes.

mod call;
mod wrapper;

pub(crate) use call::{Call, Extern};
pub(crate) use wrapper::{Recording, run as run_wrapper};
