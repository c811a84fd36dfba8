//! The real binary: its commands, its faults, its life and its end.

#![allow(clippy::unwrap_used, reason = "tests")]

mod client;
mod commands;
mod executable;
mod faults;
mod life;
mod operate;
mod process;
