//! The base: boot, operations, shutdown, and the commands of its binary.

mod assembly;
mod command;
mod commands;
mod config;
mod handle;
mod info;
mod main;
mod report;
mod shared;
mod shutdown;

pub use assembly::{Assembly, Checked};
pub use command::{Command, CommandContext, Output};
pub use config::ModuleSettings;
pub use handle::{Base, ModuleInfo, ModuleReadiness, Readiness};
pub use info::{BaseInfo, Kind, Linked, Listed};
pub use main::main;
pub use report::{CompositionReport, StarterInfo};
pub use shared::Phase;
pub(crate) use shared::{RunningStarter, Shared};
