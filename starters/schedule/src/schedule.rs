//! When a job is due: the rhythm alone, without tasks and timers.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tokio::time::Instant;

use crate::clock::Now;
use crate::job::Missed;

/// The shortest interval: what tokio's timer tells apart.
const SHORTEST: Duration = Duration::from_millis(1);

/// The most ticks of a cron expression that are counted as missed at once.
const COUNTED: usize = 10_000;

/// When a job is due.
#[derive(Clone, PartialEq)]
pub(crate) enum Schedule {
    /// Again and again, this far apart.
    Every(Duration),
    /// By a cron expression, in UTC; the text is the expression as it was written.
    Cron(String, Box<Cron>),
}

/// The moment of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// On the clock that only goes forward: setting the time of day does not move it.
    At(Instant),
    /// On the clock of the day.
    On(Timestamp),
}

/// The tick that comes next, and how many were dropped before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) due: Option<Due>,
    pub(crate) dropped: u64,
}

impl Schedule {
    pub(crate) fn every(interval: Duration) -> Result<Self, String> {
        if interval < SHORTEST {
            return Err(format!("an interval of {interval:?}: the shortest is {SHORTEST:?}"));
        }
        Ok(Self::Every(interval))
    }

    pub(crate) fn cron(expression: &str) -> Result<Self, String> {
        let cron = Cron::from_str(expression).map_err(|error| {
            format!(
                "the cron expression \"{expression}\": {error} (write `minute hour day month weekday`, with seconds \
                 before them where they are wanted)"
            )
        })?;
        let schedule = Self::Cron(expression.to_owned(), Box::new(cron));
        if schedule.first(Now::read()).is_none() {
            return Err(format!("the cron expression \"{expression}\": it names no day that ever comes"));
        }
        Ok(schedule)
    }

    /// The first tick after `now`; `None` where none ever comes.
    pub(crate) fn first(&self, now: Now) -> Option<Due> {
        match self {
            Self::Every(interval) => now.instant.checked_add(*interval).map(Due::At),
            Self::Cron(_, cron) => occurrence_after(cron, now.wall).map(Due::On),
        }
    }

    /// The tick after `due`, seen at `now`: where others have passed meanwhile, by the policy.
    pub(crate) fn after(&self, due: Due, now: Now, missed: Missed) -> Next {
        match (self, due) {
            (Self::Every(interval), Due::At(due)) => after_interval(*interval, due, now.instant, missed),
            (Self::Cron(_, cron), Due::On(due)) => after_occurrence(cron, due, now.wall, missed),
            // The schedule has changed its kind: it begins anew.
            _ => Next { due: self.first(now), dropped: 0 },
        }
    }
}

fn after_interval(interval: Duration, due: Instant, now: Instant, missed: Missed) -> Next {
    let passed = now.saturating_duration_since(due).as_nanos();
    // Ticks that lie strictly between: the one at this very moment is on time.
    let behind = passed.saturating_sub(1) / interval.as_nanos();
    let behind = u32::try_from(behind).unwrap_or(u32::MAX);
    let (ticks, dropped) = match (behind, missed) {
        (0, _) => (1, 0),
        (behind, Missed::Skip) => (behind.saturating_add(1), behind),
        (behind, Missed::RunOnce) => (behind, behind - 1),
    };
    let due = interval.checked_mul(ticks).and_then(|later| due.checked_add(later));
    Next { due: due.map(Due::At), dropped: u64::from(dropped) }
}

fn after_occurrence(cron: &Cron, due: Timestamp, now: Timestamp, missed: Missed) -> Next {
    let Some(next) = occurrence_after(cron, due) else { return Next { due: None, dropped: 0 } };
    if next >= now {
        return Next { due: Some(Due::On(next)), dropped: 0 };
    }
    let behind: Vec<_> = std::iter::successors(Some(next), |tick| occurrence_after(cron, *tick))
        .take_while(|tick| *tick < now)
        .take(COUNTED)
        .collect();
    let behind = behind.len() as u64;
    match missed {
        Missed::Skip => {
            let before = now.checked_sub(Duration::from_nanos(1)).unwrap_or(now);
            Next { due: occurrence_after(cron, before).map(Due::On), dropped: behind }
        }
        // Due since its first missed tick; the one after it is looked for from now on.
        Missed::RunOnce => Next { due: Some(Due::On(now)), dropped: behind - 1 },
    }
}

fn occurrence_after(cron: &Cron, time: Timestamp) -> Option<Timestamp> {
    let from: Zoned = time.to_zoned(TimeZone::UTC);
    cron.find_next_occurrence(&from, false).ok().map(|next| next.timestamp())
}

impl Due {
    /// How long until then; zero where it has come.
    pub(crate) fn left(self, now: Now) -> Duration {
        match self {
            Self::At(instant) => instant.saturating_duration_since(now.instant),
            Self::On(time) => time.duration_since(now.wall).try_into().unwrap_or(Duration::ZERO),
        }
    }

    /// The time of day.
    pub(crate) fn wall(self, now: Now) -> Timestamp {
        match self {
            Self::At(_) => now.wall.checked_add(self.left(now)).unwrap_or(Timestamp::MAX),
            Self::On(time) => time,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => write!(f, "every {}", humantime::format_duration(*interval)),
            Self::Cron(expression, _) => write!(f, "cron {expression}"),
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({self})")
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
