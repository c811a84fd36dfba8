//! Bases with modules that have jobs. Time stands still but where a test moves it.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod ends;
mod refused;
mod swaps;
mod ticks;
mod worker;
