//! The settings of the starter, and of a module for it.

use std::path::PathBuf;
use std::time::Duration;

use bedplate::Settings;
use bedplate::settings::Secret;
use serde::Deserialize;

use crate::wanted::check_shared_url;

/// `[starters.sql]`.
#[derive(Debug, Clone, Settings)]
#[setting(check = "SqlSettings::check")]
pub struct SqlSettings {
    /// Where modules keep their data: `sqlite:<path with {module}>`, `sqlite::memory:` for tests, or
    /// `postgres://…` (one schema per module). Without it: SQLite files in `folder`.
    pub url: Option<Secret<String>>,
    /// The folder of the SQLite files, one per module, where no `url` says otherwise.
    #[setting(default = "state/sql")]
    pub folder: PathBuf,
    /// Most connections of one module in one scene.
    #[setting(default = 8, range = 1..=10_000)]
    pub connections: u32,
    /// How long a query waits for a free connection.
    #[setting(default = Duration::from_secs(10))]
    pub acquire_timeout: Duration,
    /// SQLite: how long a write waits for another one to end.
    #[setting(default = Duration::from_secs(5), range = ..=Duration::from_secs(3600))]
    pub busy_timeout: Duration,
    /// A query that takes at least this long is logged as a warning.
    #[setting(default = Duration::from_secs(1))]
    pub slow_query: Duration,
    /// How long a migration waits for another process that migrates the same database.
    #[setting(default = Duration::from_secs(60), range = Duration::from_millis(1)..=Duration::from_secs(86_400))]
    pub migration_wait: Duration,
}

impl SqlSettings {
    fn check(&self) -> Result<(), String> {
        self.url.as_ref().map_or(Ok(()), |url| check_shared_url(url.expose()))
    }
}

/// `[modules.<module>.sql]`.
#[derive(Debug, Clone, Settings)]
pub struct SqlModuleSettings {
    /// Where this module keeps its data; by default as `starters.sql.url` says.
    pub url: Option<Secret<String>>,
    /// PostgreSQL: the module's schema; by default the module's name.
    pub schema: Option<String>,
    /// Most connections of the module in one scene; by default `starters.sql.connections`.
    #[setting(range = 1..=10_000)]
    pub connections: Option<u32>,
    /// Whether each scene of the module has data of its own (`separate`), or all have the same (`shared`).
    #[setting(default = "separate")]
    pub scenes: Scenes,
}

/// Whether the scenes of a module share their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenes {
    /// Each scene has a file or schema of its own.
    Separate,
    /// All scenes have the same.
    Shared,
}
