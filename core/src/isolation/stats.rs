//! What is counted per module and scene, across generations.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;

use crate::isolation::EntryKind;
use crate::service::CallError;

/// Counters of one module in one scene. They outlive its generations.
#[derive(Debug, Default)]
pub struct Stats {
    requests: AtomicU64,
    jobs: AtomicU64,
    messages: AtomicU64,
    calls: AtomicU64,
    ended: AtomicU64,
    tasks: AtomicU64,
    streams: AtomicU64,
    panics: AtomicU64,
    deadlines: AtomicU64,
    cancelled: AtomicU64,
    refused: AtomicU64,
    abandoned: AtomicU64,
    waiting: AtomicU64,
    held: AtomicU64,
    longest_wait_us: AtomicU64,
    restarts: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StatsSnapshot {
    /// Requests that entered.
    pub requests: u64,
    /// Jobs that ran.
    pub jobs: u64,
    /// Messages that entered.
    pub messages: u64,
    /// Service calls that entered.
    pub calls: u64,
    /// Entries and calls that are inside now.
    pub in_flight: u64,
    /// Tasks that run now.
    pub tasks: u64,
    /// Streams that are open now.
    pub streams: u64,
    /// Panics that were caught.
    pub panics: u64,
    /// Entries that met their deadline.
    pub deadlines: u64,
    /// Entries and tasks that a drain cancelled.
    pub cancelled: u64,
    /// Entries that were refused.
    pub refused: u64,
    /// Entries whose caller went away.
    pub abandoned: u64,
    /// Entries and calls that wait at the gate now: the module is being replaced.
    pub waiting: u64,
    /// Entries and calls that have waited there.
    pub held: u64,
    /// The longest such wait that has ended, in microseconds.
    pub longest_wait_us: u64,
    /// Restarts after a failure.
    pub restarts: u64,
}

impl Stats {
    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> StatsSnapshot {
        // What has ended is read first: an entry that begins and ends meanwhile must not make it more.
        let ended = self.ended.load(Relaxed);
        let [requests, jobs, messages, calls] =
            [&self.requests, &self.jobs, &self.messages, &self.calls].map(|counter| counter.load(Relaxed));
        let in_flight = (requests + jobs + messages + calls).saturating_sub(ended);
        StatsSnapshot {
            requests,
            jobs,
            messages,
            calls,
            in_flight,
            tasks: self.tasks.load(Relaxed),
            streams: self.streams.load(Relaxed),
            panics: self.panics.load(Relaxed),
            deadlines: self.deadlines.load(Relaxed),
            cancelled: self.cancelled.load(Relaxed),
            refused: self.refused.load(Relaxed),
            abandoned: self.abandoned.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            held: self.held.load(Relaxed),
            longest_wait_us: self.longest_wait_us.load(Relaxed),
            restarts: self.restarts.load(Relaxed),
        }
    }

    pub(crate) fn entered(&self, kind: EntryKind) {
        let counter = match kind {
            EntryKind::Request => &self.requests,
            EntryKind::Job => &self.jobs,
            EntryKind::Message => &self.messages,
            EntryKind::Call => &self.calls,
            EntryKind::Task => {
                self.tasks.fetch_add(1, Relaxed);
                return;
            }
            EntryKind::Start | EntryKind::Ready | EntryKind::HandOver | EntryKind::Stop => return,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn left(&self, kind: EntryKind) {
        match kind {
            EntryKind::Task => self.tasks.fetch_sub(1, Relaxed),
            EntryKind::Start | EntryKind::Ready | EntryKind::HandOver | EntryKind::Stop => return,
            _ => self.ended.fetch_add(1, Relaxed),
        };
    }

    pub(crate) fn failed(&self, error: &CallError) {
        let counter = match error {
            CallError::Panicked { .. } => &self.panics,
            CallError::DeadlineExceeded { .. } => &self.deadlines,
            CallError::Cancelled { .. } => &self.cancelled,
            _ => &self.refused,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(crate) fn abandoned(&self) {
        self.abandoned.fetch_add(1, Relaxed);
    }

    pub(crate) fn waits(&self) {
        self.waiting.fetch_add(1, Relaxed);
        self.held.fetch_add(1, Relaxed);
    }

    pub(crate) fn waited(&self, time: Duration) {
        self.waiting.fetch_sub(1, Relaxed);
        self.longest_wait_us.fetch_max(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn restarted(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    pub(crate) fn stream_opened(&self) {
        self.streams.fetch_add(1, Relaxed);
    }

    pub(crate) fn stream_closed(&self) {
        self.streams.fetch_sub(1, Relaxed);
    }
}
