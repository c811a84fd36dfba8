//! Bases with modules that have jobs. Time stands still but where a test moves it.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod conformance;
mod ends;
mod refused;
mod rollbacks;
mod swaps;
mod takeovers;
mod ticks;
mod worker;
