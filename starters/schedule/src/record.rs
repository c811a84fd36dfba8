//! What is known of a job: when it is due, what became of its runs.

use std::time::Duration;

use bedplate::{CallError, Error};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::Now;
use crate::schedule::Due;
use crate::table::{Key, Planned};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It came to its end.
    Completed,
    /// It returned an error.
    Failed(String),
    /// The gate refused it or gave it up: a panic, a deadline, a drain.
    GivenUp(String),
}

impl Outcome {
    pub(crate) fn of(result: Result<Option<Error>, CallError>) -> Self {
        match result {
            Ok(None) => Self::Completed,
            Ok(Some(error)) => Self::Failed(format!("{error:#}")),
            Err(error) => Self::GivenUp(error.to_string()),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::GivenUp(_) => "given_up",
        }
    }

    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::Completed => None,
            Self::Failed(cause) | Self::GivenUp(cause) => Some(cause),
        }
    }
}

/// The last run.
#[derive(Debug, Clone)]
struct Last {
    began: Timestamp,
    took: Duration,
    outcome: Outcome,
}

/// What is known of one job, across generations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    due: Option<Due>,
    running: Option<Now>,
    runs: u64,
    failures: u64,
    dropped: u64,
    last: Option<Last>,
}

impl Record {
    pub(crate) fn due(&mut self, due: Option<Due>) {
        self.due = due;
    }

    pub(crate) fn dropped(&mut self, ticks: u64) {
        self.dropped = self.dropped.saturating_add(ticks);
    }

    pub(crate) fn begins(&mut self, now: Now) {
        self.running = Some(now);
        self.runs += 1;
    }

    /// It is to run elsewhere: nothing of it ran.
    pub(crate) fn did_not_begin(&mut self) {
        if self.running.take().is_some() {
            self.runs -= 1;
        }
    }

    pub(crate) fn ends(&mut self, now: Now, outcome: Outcome) {
        let Some(began) = self.running.take() else { return };
        self.failures += u64::from(outcome.cause().is_some());
        self.last = Some(Last { began: began.wall, took: now.instant - began.instant, outcome });
    }

    /// The job, for people and tools.
    pub(crate) fn shown(&self, key: &Key, planned: &Planned, now: Now) -> Value {
        let running = self.running.map(|began| milliseconds(now.instant - began.instant));
        json!({
            "module": key.module,
            "scene": key.scene,
            "name": key.name,
            "schedule": planned.job.schedule.to_string(),
            "missed": planned.job.missed,
            "deadline_ms": planned.job.deadline.map(milliseconds),
            "paused": planned.paused,
            "next_due": self.due.map(|due| due.wall(now).to_string()),
            "running_ms": running,
            "runs": self.runs,
            "failures": self.failures,
            "dropped_ticks": self.dropped,
            "last": self.last.as_ref().map(|last| json!({
                "began": last.began.to_string(),
                "took_ms": milliseconds(last.took),
                "outcome": last.outcome.word(),
                "cause": last.outcome.cause(),
            })),
        })
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
