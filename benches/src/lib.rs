//! What the benchmarks have in common: bases to measure, load, and the form of the results. Each benchmark
//! prints a ratio, with both sides measured in one run.

#![forbid(unsafe_code)]

pub mod answer;
pub mod bare;
pub mod edit;
pub mod generate;
pub mod live;
pub mod load;
pub mod machine;
pub mod memory;
pub mod options;
pub mod project;
pub mod report;
pub mod running;
pub mod segments;
pub mod stage;
pub mod static_base;
pub mod swapper;
pub mod tool;
