//! How long entries take: a wrapper around each, and a histogram per module, scene and kind.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use bedplate::{Around, CallError, Entry, EntryKind, InstanceId, ModuleName, Next, Outcome, SceneName};
use futures_util::future::BoxFuture;
use rustc_hash::FxHashMap;

use crate::histogram::{Bounds, Histogram};

/// The kinds of entries that are timed. Service calls run inside one of these.
pub(crate) const KINDS: [EntryKind; 3] = [EntryKind::Request, EntryKind::Job, EntryKind::Message];

/// The histograms of one module in one scene, across its generations.
#[derive(Debug)]
pub(crate) struct Durations {
    by_kind: [Histogram; KINDS.len()],
}

impl Durations {
    fn new(bounds: &Bounds) -> Self {
        Self { by_kind: KINDS.map(|_| Histogram::new(bounds)) }
    }

    pub(crate) fn of(&self, kind: EntryKind) -> Option<&Histogram> {
        KINDS.iter().position(|known| *known == kind).map(|index| &self.by_kind[index])
    }
}

type ByInstance = FxHashMap<InstanceId, Arc<Durations>>;

/// How long entries take.
#[derive(Debug)]
pub(crate) struct Timing {
    bounds: Bounds,
    known: Mutex<Known>,
    /// What an entry looks up. It is published once for each composition.
    published: ArcSwap<ByInstance>,
}

#[derive(Debug, Default)]
struct Known {
    /// Across generations.
    by_module: FxHashMap<(ModuleName, SceneName), Arc<Durations>>,
    /// The instances that serve, drain or are about to serve.
    by_instance: ByInstance,
}

impl Timing {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, known: Mutex::default(), published: ArcSwap::default() }
    }

    /// Gives an instance the histograms of its module.
    pub(crate) fn add(&self, instance: &InstanceId) {
        let key = (instance.module.clone(), instance.scene.clone());
        let mut known = self.known();
        let durations = known.by_module.entry(key).or_insert_with(|| Arc::new(Durations::new(&self.bounds))).clone();
        known.by_instance.insert(instance.clone(), durations);
    }

    /// An instance is gone; the histograms of its module go with the last one.
    pub(crate) fn remove(&self, instance: &InstanceId) {
        let mut known = self.known();
        known.by_instance.remove(instance);
        let is_left = known.by_instance.keys().any(|id| id.module == instance.module && id.scene == instance.scene);
        if !is_left {
            known.by_module.remove(&(instance.module.clone(), instance.scene.clone()));
        }
    }

    /// Lets entries find what was added.
    pub(crate) fn publish(&self) {
        self.published.store(Arc::new(self.known().by_instance.clone()));
    }

    pub(crate) fn of(&self, instance: &InstanceId) -> Option<Arc<Durations>> {
        self.published.load().get(instance).cloned()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wrapper around every entry.
#[derive(Debug)]
pub(crate) struct Timed(pub(crate) Arc<Timing>);

impl Around for Timed {
    fn around<'a>(&'a self, entry: &'a Entry, next: Next<'a>) -> BoxFuture<'a, Outcome> {
        let Some(durations) = self.0.of(next.instance()) else { return Box::pin(next.run()) };
        let kind = entry.kind();
        Box::pin(async move {
            let mut clock = Clock { durations, kind, since: Some(Instant::now()) };
            let outcome = next.run().await;
            if !has_run(&outcome) {
                clock.since = None;
            }
            outcome
        })
    }

    fn wants_carried(&self) -> bool {
        false
    }
}

/// Whether the module's code ran at all.
fn has_run(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Completed => true,
        Outcome::Refused(error) => matches!(
            error,
            CallError::Panicked { .. } | CallError::DeadlineExceeded { .. } | CallError::Cancelled { .. }
        ),
        _ => false,
    }
}

/// Records when it is dropped: also where the caller goes away in between.
struct Clock {
    durations: Arc<Durations>,
    kind: EntryKind,
    since: Option<Instant>,
}

impl Drop for Clock {
    fn drop(&mut self) {
        if let (Some(since), Some(histogram)) = (self.since, self.durations.of(self.kind)) {
            histogram.record(since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_at_the_gate_took_no_time() {
        assert!(has_run(&Outcome::Completed));
        assert!(has_run(&Outcome::Refused(CallError::Panicked { target: "m".into() })));
        assert!(!has_run(&Outcome::Refused(CallError::NotStarted { target: "m".into() })));
        assert!(!has_run(&Outcome::Refused(CallError::Refused { reason: "no".into() })));
    }
}
