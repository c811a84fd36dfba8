//! The settings of the starter, and of a module for it.

use std::time::Duration;

use bedplate::Settings;

/// `[starters.schedule]`.
#[derive(Debug, Clone, Settings)]
pub struct ScheduleSettings {
    /// Each run starts up to this much after its tick, by chance, so that not all bases run a job at one instant.
    #[setting(default = Duration::ZERO)]
    pub jitter: Duration,
}

/// `[modules.<module>.schedule]`.
#[derive(Debug, Clone, Settings)]
pub struct ScheduleModuleSettings {
    /// Whether the module's jobs stand still: their ticks pass, and nothing runs.
    #[setting(default = false)]
    pub paused: bool,
}
