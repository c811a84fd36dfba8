#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod api;
mod caller;
mod commands;
mod deployments;
mod document;
#[doc(hidden)]
pub mod fuzzing;
mod head;
mod host;
mod operations;
mod probe;
#[cfg(feature = "remote")]
mod remote;
mod serve;
mod settings;
mod socket;
mod starter;
mod upload;

pub use crate::commands::{
    APPLY as APPLY_COMMAND, HISTORY as HISTORY_COMMAND, INFLIGHT as INFLIGHT_COMMAND, INSTALL as INSTALL_COMMAND,
    LOGS as LOGS_COMMAND, READY as READY_COMMAND, REDEPLOY as REDEPLOY_COMMAND, ROLLBACK as ROLLBACK_COMMAND,
    ROUTES as ROUTES_COMMAND, SNAPSHOT as SNAPSHOT_COMMAND, STATUS as STATUS_COMMAND, UNINSTALL as UNINSTALL_COMMAND,
};
pub use crate::settings::{AdminSettings, RemoteSettings, TokenSettings};
pub use crate::starter::Admin;
