//! The settings: `[starters.telemetry]`, and `[modules.<module>.telemetry]` for each module.

use bedplate::{ByteSize, Settings};
use serde::Deserialize;

use crate::Level;
use crate::recent::Keep;
use crate::rules::parse_filter;

/// `[starters.telemetry]`: how logs are written, and which.
#[derive(Debug, Clone, Settings)]
#[setting(check = "TelemetrySettings::check")]
pub struct TelemetrySettings {
    /// How a line is written: `human` for people, `json` for machines.
    #[setting(default = "human")]
    pub format: Format,
    /// What is logged: a level, and levels for crates and their modules, as in `info,sqlx=warn`.
    #[setting(default = "info")]
    pub filter: String,
    /// Where lines go: `stderr` or `stdout`.
    #[setting(default = "stderr")]
    pub output: Output,
    /// How many of its last lines are kept of each module, for `logs` of a base that runs. 0 for none.
    #[setting(default = 256, range = ..=100_000)]
    pub recent_lines: usize,
    /// The memory that the last lines of one module take at most.
    #[setting(default = "256KiB")]
    pub recent_bytes: ByteSize,
}

impl TelemetrySettings {
    /// How much is kept of each module.
    pub(crate) fn keep(&self) -> Keep {
        Keep { lines: self.recent_lines, bytes: self.recent_bytes.as_usize() }
    }

    fn check(&self) -> Result<(), String> {
        parse_filter(&self.filter).map(drop).map_err(|error| error.to_string())
    }
}

/// `[modules.<module>.telemetry]`: how much of one module is logged.
#[derive(Debug, Clone, Settings)]
pub struct ModuleTelemetrySettings {
    /// What is logged of the module: `off`, `error`, `warn`, `info`, `debug` or `trace`.
    ///
    /// It goes for what is logged while the module is at work, its libraries' events included, and
    /// for what its crate logs elsewhere. By default the starter's `filter` decides.
    pub level: Option<Level>,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One line for people, in colour on a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
}
