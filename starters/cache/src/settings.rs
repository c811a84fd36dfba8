//! The settings of the starter, and of a module for it.

use std::time::Duration;

use bedplate::Settings;
use bedplate::settings::ByteSize;

/// The shortest time that an entry can be kept for.
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest one. An entry that should stay longer needs no time at all.
const LONGEST: Duration = Duration::from_hours(366 * 24);
/// The largest bound in bytes.
const LARGEST: ByteSize = ByteSize::new(1 << 40);

/// `[starters.cache]`: what holds for modules that say nothing else.
#[derive(Debug, Clone, Settings)]
#[setting(check = "CacheSettings::check")]
pub struct CacheSettings {
    /// Most entries of one space that counts entries.
    #[setting(default = 10_000, range = 1..=1_000_000_000)]
    pub entries: u64,
    /// Most bytes of one space that weighs its entries.
    #[setting(default = "64MiB")]
    pub bytes: ByteSize,
    /// Most spaces of one module in one scene.
    #[setting(default = 16, range = 1..=1_000)]
    pub spaces: usize,
    /// How long an entry is kept after it was put in; for as long as there is room, where this is absent.
    pub time_to_live: Option<Duration>,
    /// How long an entry is kept after it was last read; for as long as there is room, where this is absent.
    pub time_to_idle: Option<Duration>,
}

/// `[modules.<module>.cache]`: what holds for each space of this module.
#[derive(Debug, Clone, Settings)]
#[setting(check = "CacheModuleSettings::check")]
pub struct CacheModuleSettings {
    /// Most entries of a space that counts entries; by default `starters.cache.entries`.
    #[setting(range = 1..=1_000_000_000)]
    pub entries: Option<u64>,
    /// Most bytes of a space that weighs its entries; by default `starters.cache.bytes`.
    pub bytes: Option<ByteSize>,
    /// Most spaces of the module in one scene; by default `starters.cache.spaces`.
    #[setting(range = 1..=1_000)]
    pub spaces: Option<usize>,
    /// How long an entry is kept after it was put in; by default as the module's code says, then
    /// `starters.cache.time_to_live`.
    pub time_to_live: Option<Duration>,
    /// How long an entry is kept after it was last read; by default as the module's code says, then
    /// `starters.cache.time_to_idle`.
    pub time_to_idle: Option<Duration>,
}

impl CacheSettings {
    fn check(&self) -> Result<(), String> {
        check(Some(self.bytes), self.time_to_live, self.time_to_idle)
    }
}

impl CacheModuleSettings {
    fn check(&self) -> Result<(), String> {
        check(self.bytes, self.time_to_live, self.time_to_idle)
    }
}

fn check(bytes: Option<ByteSize>, live: Option<Duration>, idle: Option<Duration>) -> Result<(), String> {
    if let Some(bytes) = bytes.filter(|bytes| bytes.bytes() == 0 || *bytes > LARGEST) {
        return Err(format!("`bytes` is {bytes}: write 1B to {LARGEST}"));
    }
    for (key, time) in [("time_to_live", live), ("time_to_idle", idle)] {
        if let Some(time) = time.filter(|time| !(SHORTEST..=LONGEST).contains(time)) {
            let [time, shortest, longest] = [time, SHORTEST, LONGEST].map(humantime::format_duration);
            return Err(format!(
                "`{key}` is {time}: write {shortest} to {longest}, or leave it out to keep entries for as long as there \
                 is room"
            ));
        }
    }
    Ok(())
}
