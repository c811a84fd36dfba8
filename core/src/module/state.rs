//! The states of an instance, and the history of its transitions.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use tokio::sync::broadcast;

use crate::module::InstanceId;
use crate::sync::lock;

/// How many transitions the history keeps.
const HISTORY: usize = 1024;

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModuleState {
    /// Its requirements are met, and it has been made.
    Resolved,
    /// Its `start` runs.
    Starting,
    /// It has started and is ready; it serves, or is about to.
    Active,
    /// It was replaced, serves only what entered before, and could serve again.
    Warm,
    /// It serves only what entered before.
    Draining,
    /// It has stopped.
    Stopped,
    /// It did not start, or has given up restarting.
    Failed,
}

impl ModuleState {
    /// The state as a word: a label of a metric or a column of a table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Starting => "starting",
            Self::Active => "active",
            Self::Warm => "warm",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for ModuleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One transition.
#[derive(Debug, Clone, Serialize)]
pub struct LifecycleEvent {
    /// When, in milliseconds since 1970 in UTC.
    #[serde(rename = "at_ms", serialize_with = "as_milliseconds")]
    pub at: SystemTime,
    /// Which instance.
    pub instance: InstanceId,
    /// The state it left; `None` for the first.
    pub from: Option<ModuleState>,
    /// The state it entered.
    pub to: ModuleState,
    /// Why.
    pub cause: String,
}

fn as_milliseconds<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Logs a transition. The level of an event is part of what is compiled.
macro_rules! log {
    ($level:ident, $event:ident) => {
        tracing::event!(
            target: "bedplate::lifecycle",
            tracing::Level::$level,
            module = %$event.instance.module,
            scene = %$event.instance.scene,
            generation = $event.instance.generation,
            state = $event.to.as_str(),
            cause = $event.cause,
            "{} is {}", $event.instance, $event.to
        )
    };
}

/// The last transitions of a base, and those to come.
#[derive(Debug)]
pub struct LifecycleHistory {
    kept: Mutex<VecDeque<LifecycleEvent>>,
    live: broadcast::Sender<LifecycleEvent>,
}

impl LifecycleHistory {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::new(VecDeque::new()), live: broadcast::Sender::new(HISTORY) }
    }

    pub(crate) fn record(&self, event: LifecycleEvent) {
        // An alert on errors has to see a module that failed.
        if event.to == ModuleState::Failed {
            log!(ERROR, event);
        } else {
            log!(INFO, event);
        }
        let mut kept = lock(&self.kept);
        if kept.len() == HISTORY {
            kept.pop_front();
        }
        kept.push_back(event.clone());
        // Sent under the lock, so that subscribers see the order of the history.
        let _ = self.live.send(event);
    }

    /// The last transitions, oldest first: 1024 at most.
    #[must_use]
    pub fn kept(&self) -> Vec<LifecycleEvent> {
        lock(&self.kept).iter().cloned().collect()
    }

    /// Receives the transitions to come. A receiver that falls 1024 behind is told how many it missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LifecycleEvent> {
        self.live.subscribe()
    }
}
