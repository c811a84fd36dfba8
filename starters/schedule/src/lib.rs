#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clock;
mod export;
mod job;
mod record;
mod runner;
mod schedule;
mod settings;
mod starter;
mod table;

pub use export::ScheduleExt;
pub use job::{Job, JobFn, Missed, ScheduledJob};
pub use settings::{ScheduleModuleSettings, ScheduleSettings};
pub use starter::ScheduleStarter;
