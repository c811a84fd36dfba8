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
use crate::module::InstanceId;
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
    /// How long it has been inside, in milliseconds.
    pub age_ms: u64,
    /// Where a task was spawned, as `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// The list, per instance.
#[derive(Default)]
pub(crate) struct InFlight {
    next: AtomicU64,
    records: Mutex<FxHashMap<u64, Arc<Record>>>,
}

/// One line of the list. It leaves the list when it is dropped by its entry.
pub(crate) struct Record {
    pub(crate) kind: EntryKind,
    pub(crate) label: Cow<'static, str>,
    since: Instant,
    place: Option<&'static Location<'static>>,
    /// The composition that the entry has pinned.
    composition: Option<u64>,
    cancelled: AtomicBool,
    waker: AtomicWaker,
}

impl Record {
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
            cancelled: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.records).insert(id, record.clone());
        (id, record)
    }

    pub(crate) fn remove(&self, id: u64) {
        lock(&self.records).remove(&id);
    }

    /// Cancels all that is inside, and says how much that was.
    pub(crate) fn cancel_all(&self) -> usize {
        let records: Vec<_> = lock(&self.records).values().cloned().collect();
        records.iter().for_each(|record| record.cancel());
        records.len()
    }

    /// Cancels what has pinned this composition.
    pub(crate) fn cancel_pinned(&self, composition: u64) {
        let records: Vec<_> = lock(&self.records).values().cloned().collect();
        records.iter().filter(|record| record.composition == Some(composition)).for_each(|record| record.cancel());
    }

    pub(crate) fn list(&self, instance: &InstanceId) -> Vec<EntryInfo> {
        let mut list: Vec<_> = lock(&self.records)
            .values()
            .map(|record| EntryInfo {
                instance: instance.clone(),
                kind: record.kind,
                label: record.label.clone().into_owned(),
                age_ms: u64::try_from(record.age().as_millis()).unwrap_or(u64::MAX),
                place: record.place.map(ToString::to_string),
            })
            .collect();
        list.sort_by_key(|entry| std::cmp::Reverse(entry.age_ms));
        list
    }
}
