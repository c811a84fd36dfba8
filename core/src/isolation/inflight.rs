//! Who is inside an instance now: entries and tasks, since when, and how to cancel them.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::isolation::EntryKind;
use crate::module::{InstanceId, InstanceState};
use crate::sync::lock;

/// One entry or task that is inside a module now.
#[derive(Debug, Clone, Serialize)]
pub struct EntryInfo {
    /// The instance it is in.
    pub instance: InstanceId,
    /// What it is.
    pub kind: EntryKind,
    /// What it is called: `GET /articles/{slug}`, a job's or a task's name.
    pub label: String,
    /// How long it has been inside, in milliseconds, the time at the gate included.
    pub age_ms: u64,
    /// Whether it still waits at the gate: the module is being replaced.
    pub waiting: bool,
    /// Where a task was spawned, as `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// The list, per instance.
#[derive(Default)]
pub(crate) struct InFlight {
    next: AtomicU64,
    records: Mutex<FxHashMap<u64, Arc<Record>>>,
    /// Whether what enters now is cancelled at once.
    closed: AtomicBool,
}

/// One line of the list. It leaves the list when it is dropped by its entry.
pub(crate) struct Record {
    pub(crate) kind: EntryKind,
    pub(crate) label: Cow<'static, str>,
    since: Instant,
    place: Option<&'static Location<'static>>,
    /// The composition that the entry has pinned.
    composition: Option<u64>,
    waiting: AtomicBool,
    cancelled: AtomicBool,
    waker: AtomicWaker,
}

impl Record {
    /// Says whether it waits at the gate.
    pub(crate) fn set_waiting(&self, waits: Waits) {
        self.waiting.store(waits == Waits::AtTheGate, Ordering::Relaxed);
    }

    /// Whether the entry was cancelled; if not, it is woken when it is.
    pub(crate) fn poll_cancelled(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// Where something is that wants to be inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Not yet inside.
    AtTheGate,
    /// Inside.
    NoMore,
}

/// A record that is in the list until it is dropped.
pub(crate) struct Tracked {
    instance: Arc<InstanceState>,
    record: Arc<Record>,
    id: u64,
}

impl Tracked {
    /// Adds a call that no entry holds: one from a task, or from outside.
    pub(crate) fn call(instance: &Arc<InstanceState>, method: &'static str, composition: u64) -> Self {
        let (id, record) = instance.in_flight.add(EntryKind::Call, method.into(), None, Some(composition));
        Self { instance: instance.clone(), record, id }
    }

    /// Adds what waits at the gate.
    pub(crate) fn waiting(
        instance: &Arc<InstanceState>,
        kind: EntryKind,
        label: Cow<'static, str>,
        composition: Option<u64>,
    ) -> Self {
        let (id, record) = instance.in_flight.add(kind, label, None, composition);
        record.set_waiting(Waits::AtTheGate);
        Self { instance: instance.clone(), record, id }
    }

    /// Whether it was cancelled; if not, `waker` is woken when it is.
    pub(crate) fn poll_cancelled(&self, waker: &Waker) -> bool {
        self.record.poll_cancelled(waker)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.instance.in_flight.remove(self.id);
    }
}

impl InFlight {
    pub(crate) fn add(
        &self,
        kind: EntryKind,
        label: Cow<'static, str>,
        place: Option<&'static Location<'static>>,
        composition: Option<u64>,
    ) -> (u64, Arc<Record>) {
        let record = Arc::new(Record {
            kind,
            label,
            since: Instant::now(),
            place,
            composition,
            waiting: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.records).insert(id, record.clone());
        // Looked at after the record is in the list: whoever closes it sees one or the other.
        if kind != EntryKind::Stop && self.closed.load(Ordering::SeqCst) {
            record.cancel();
        }
        (id, record)
    }

    pub(crate) fn remove(&self, id: u64) {
        lock(&self.records).remove(&id);
    }

    /// Cancels all that is inside, and all that enters from now on; but not the module's stop.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.cancel(|record| record.kind != EntryKind::Stop);
    }

    /// Cancels the module's own work; not what came from outside, and waits at the gate.
    pub(crate) fn cancel_own(&self) {
        self.cancel(|record| matches!(record.kind, EntryKind::Start | EntryKind::Ready | EntryKind::Task));
    }

    /// Cancels what has pinned this composition.
    pub(crate) fn cancel_pinned(&self, composition: u64) {
        self.cancel(|record| record.composition == Some(composition));
    }

    fn cancel(&self, which: impl Fn(&Record) -> bool) {
        let records: Vec<_> = lock(&self.records).values().filter(|record| which(record)).cloned().collect();
        // Cancelled after the lock is free: waking runs code of whoever waits.
        records.iter().for_each(|record| record.cancel());
    }

    /// What is inside, the oldest first: all, or only what has pinned one composition.
    pub(crate) fn list(&self, instance: &InstanceId, composition: Option<u64>) -> Vec<EntryInfo> {
        let mut list: Vec<_> = lock(&self.records)
            .values()
            .filter(|record| composition.is_none() || record.composition == composition)
            .map(|record| EntryInfo {
                instance: instance.clone(),
                kind: record.kind,
                label: record.label.clone().into_owned(),
                age_ms: u64::try_from(record.age().as_millis()).unwrap_or(u64::MAX),
                waiting: record.waiting.load(Ordering::Relaxed),
                place: record.place.map(ToString::to_string),
            })
            .collect();
        list.sort_by_key(|entry| std::cmp::Reverse(entry.age_ms));
        list
    }
}
