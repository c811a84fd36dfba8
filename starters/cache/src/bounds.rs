//! The bounds of each space of one module, as the settings say.

use std::time::Duration;

use crate::cache::Builder;
use crate::settings::{CacheModuleSettings, CacheSettings};
use crate::space::{Key, Value};
use crate::weigh::Measure;

/// The settings of the starter and of one module, as one.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    entries: u64,
    bytes: u64,
    pub(crate) spaces: usize,
    /// The setting that says how many spaces there may be at most.
    pub(crate) spaces_section: Section,
    /// What holds where neither the module's code nor its settings say anything.
    shared: Times,
    /// What the module's settings say: above its code.
    own: Times,
}

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `[starters.cache]`.
    Starter,
    /// `[modules.<module>.cache]`.
    Module,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    live: Option<Duration>,
    idle: Option<Duration>,
}

impl Bounds {
    pub(crate) fn of(shared: &CacheSettings, own: &CacheModuleSettings) -> Self {
        Self {
            entries: own.entries.unwrap_or(shared.entries),
            bytes: own.bytes.unwrap_or(shared.bytes).bytes(),
            spaces: own.spaces.unwrap_or(shared.spaces),
            spaces_section: if own.spaces.is_some() { Section::Module } else { Section::Starter },
            shared: Times { live: shared.time_to_live, idle: shared.time_to_idle },
            own: Times { live: own.time_to_live, idle: own.time_to_idle },
        }
    }

    /// The most that a space of this kind may hold.
    pub(crate) fn most(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Entries => self.entries,
            Measure::Bytes => self.bytes,
        }
    }

    /// Sets what the module's code may set otherwise.
    pub(crate) fn before_code<K: Key, V: Value>(&self, builder: Builder<K, V>) -> Builder<K, V> {
        self.shared.set(builder)
    }

    /// Sets what the module's code may not change.
    pub(crate) fn after_code<K: Key, V: Value>(&self, builder: Builder<K, V>, measure: Measure) -> Builder<K, V> {
        self.own.set(builder).max_capacity(self.most(measure))
    }
}

impl Times {
    fn set<K: Key, V: Value>(self, mut builder: Builder<K, V>) -> Builder<K, V> {
        if let Some(live) = self.live {
            builder = builder.time_to_live(live);
        }
        if let Some(idle) = self.idle {
            builder = builder.time_to_idle(idle);
        }
        builder
    }
}
