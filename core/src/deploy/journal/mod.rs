//! The record of what a base serves and served: written before the pointer moves, so that it survives whatever comes.

mod entry;
mod file;
mod history;
mod ledger;
mod lines;
#[cfg(test)]
mod tests;

pub(crate) use entry::Committed;
pub use entry::{Asked, Member, Outcome, ProblemRecord, StepRecord};
pub use history::Deployment;
pub(crate) use ledger::{Approved, Guard, Journal};
