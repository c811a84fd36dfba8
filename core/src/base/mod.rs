//! The base: boot, operations, shutdown, and the commands of its binary.

mod assembly;
mod command;
mod commands;
mod config;
mod handle;
mod info;
mod main;
mod report;
mod sections;
mod shared;
mod shutdown;
mod state_folder;

pub use assembly::{Assembly, Checked};
/// The parser of command lines that [`Command`] is built on.
pub use clap;
pub use command::{Command, CommandContext, Exit, Output};
pub use config::ModuleSettings;
pub(crate) use config::{Configuration, CoreSettings, DeploySettings, TrustedKey};
pub use handle::{Base, ModuleInfo, ModuleReadiness, Readiness};
pub use info::{BaseInfo, Kind, Linked, Listed};
pub use main::{bundle_folder, main};
pub use report::{CompositionReport, StarterInfo};
pub(crate) use sections::{forgive_former, known_sections, members_of, read_sections};
pub use shared::Phase;
pub(crate) use shared::{LinkedParts, RunningStarter, Shared};
pub use state_folder::state_folder;
