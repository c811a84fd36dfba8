#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod client;
mod commands;
mod host;
mod server;
mod settings;
mod starter;

pub use crate::commands::{HISTORY_COMMAND, INFLIGHT_COMMAND, READY_COMMAND, ROUTES_COMMAND};
pub use crate::settings::AdminSettings;
pub use crate::starter::Admin;
