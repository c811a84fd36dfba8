//! Bases that run from a bundle, and objects that are swapped into them: real processes, real objects,
//! real connections.
//!
//! The project in `project/` is copied to a folder below the target folder, and built there by the tool.
//! The tests edit the copy. What was compiled stays there for the next run.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod base;
mod clones;
mod commands;
mod crashes;
mod data;
mod dev;
mod disks;
mod ends;
mod load;
mod refused;
mod restarts;
mod signed;
mod starts;
mod subjects;
mod swaps;
mod symbols;
mod tools;
mod workshop;
