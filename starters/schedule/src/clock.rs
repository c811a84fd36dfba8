//! The time of day that goes by tokio's clock, so that a test's clock moves cron jobs too.

use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// One moment, on the clock that only goes forward and on that of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) wall: Timestamp,
}

impl Now {
    /// This moment.
    pub(crate) fn read() -> Self {
        let instant = Instant::now();
        // Nothing, but where a test has paused tokio's clock or moved it.
        let moved = match instant.into_std().checked_duration_since(std::time::Instant::now()) {
            Some(ahead) => SignedDuration::try_from(ahead),
            None => SignedDuration::try_from(std::time::Instant::now() - instant.into_std()).map(|behind| -behind),
        };
        let wall = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
        let moved = moved.unwrap_or(SignedDuration::ZERO);
        Self { instant, wall: wall.checked_add(moved).unwrap_or(wall) }
    }
}
