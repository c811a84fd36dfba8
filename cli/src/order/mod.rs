//! What is composed, and in what order it is: `check`, `graph` and `catalog`.

mod catalog;
mod check;
mod composed;
mod curve;
mod graph;
mod layers;
mod mermaid;
mod svg;
mod written;

pub(crate) use catalog::{command as catalog_command, run as catalog};
pub(crate) use check::{command as check_command, run as check};
pub(crate) use graph::{command as graph_command, run as graph};
