#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bounds;
mod cache;
mod counts;
mod given;
mod kept;
mod settings;
mod space;
mod starter;
mod weigh;

pub use cache::{Builder, Cache};
pub use settings::{CacheModuleSettings, CacheSettings};
pub use space::{Key, Space, Value};
pub use starter::CacheStarter;
pub use weigh::{Entries, Measure, Weigh};

/// The moka that the spaces are of: its policies, its causes of removal, its errors.
pub use moka;
