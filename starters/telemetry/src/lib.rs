#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod fields;
mod layer;
mod level;
mod line;
mod logger;
mod modules;
mod recent;
mod rules;
mod settings;
mod starter;
#[cfg(test)]
mod tests;

pub use level::Level;
pub use logger::InvalidFilter;
pub use recent::{RecentLine, RecentLines};
pub use settings::{Format, ModuleTelemetrySettings, Output, TelemetrySettings};
pub use starter::Telemetry;
