//! What was replaced and stays warm: neither drained nor stopped, so that it can serve again by a swap.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::base::Shared;
use crate::compose::Composition;
use crate::deploy::ledger::Reporter;
use crate::deploy::retire::{begin_drain, retire};
use crate::deploy::{LaterStep, Member, Versioned};
use crate::descriptors::ModuleName;
use crate::module::{Instance, InstanceId};
use crate::sync::lock;

/// An instance that serves no longer, with the composition that held it last.
pub(crate) struct Leaving {
    pub(crate) instance: Arc<Instance>,
    pub(crate) was: Arc<Versioned<Composition>>,
    /// Who hears of its end.
    pub(crate) reporter: Reporter,
    /// Counted for as long as it is not retired.
    counted: Retiring,
}

impl Leaving {
    pub(super) fn new(
        base: &Arc<Shared>,
        instance: Arc<Instance>,
        was: Arc<Versioned<Composition>>,
        reporter: Reporter,
    ) -> Self {
        Self { instance, was, reporter, counted: Retiring::begin(base) }
    }

    /// Lets go of it, but for its being counted.
    pub(super) fn counted(self) -> Retiring {
        self.counted
    }
}

/// Counts a retirement, until it is dropped, however it ends.
pub(super) struct Retiring(Weak<Shared>);

impl Retiring {
    fn begin(base: &Arc<Shared>) -> Self {
        base.retiring.hold();
        Self(Arc::downgrade(base))
    }
}

impl Drop for Retiring {
    fn drop(&mut self) {
        if let Some(base) = self.0.upgrade() {
            base.retiring.release();
        }
    }
}

/// The warm predecessors of a base: at most one for each module in each scene.
#[derive(Default)]
pub(crate) struct Bakes {
    warm: Mutex<BTreeMap<Member, Warm>>,
    /// The number of the next bake.
    next: AtomicU64,
}

/// One that was replaced and could serve again.
pub(super) struct Warm {
    leaving: Leaving,
    /// The bake that it is part of.
    number: u64,
    since: Instant,
    bake: Duration,
    claim: Claim,
}

/// Whether a deployment is about to let it serve again.
#[derive(Clone, Copy, PartialEq)]
enum Claim {
    Free,
    Claimed,
    /// Its bake time ended meanwhile.
    PastItsTime,
}

/// A warm predecessor, for people and tools.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct WarmInfo {
    /// The instance that could serve again.
    pub instance: InstanceId,
    /// For how long it still can, in milliseconds.
    pub left_ms: u64,
}

impl Bakes {
    /// Keeps these warm for the bake time; then they end.
    pub(super) fn begin(&self, base: &Arc<Shared>, leaving: Vec<Leaving>, bake: Duration) {
        let since = Instant::now();
        // Not the instance's own number: one that came back can be replaced again, and has a new time then.
        let bake_number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut warm = lock(&self.warm);
        for leaving in leaving {
            let member = leaving.instance.member();
            warm.insert(member, Warm { leaving, number: bake_number, since, bake, claim: Claim::Free });
        }
        drop(warm);
        let weak = Arc::downgrade(base);
        base.runtime.spawn(async move {
            sleep(bake).await;
            if let Some(base) = weak.upgrade() {
                let over = base.bakes.over(bake_number);
                end(&base, over, "its bake time is over").await;
            }
        });
    }

    /// Takes those whose time is over; of those that are claimed, notes it.
    fn over(&self, number: u64) -> Vec<Warm> {
        let mut warm = lock(&self.warm);
        for warm in warm.values_mut().filter(|warm| warm.number == number) {
            if warm.claim == Claim::Claimed {
                warm.claim = Claim::PastItsTime;
            }
        }
        let is_over = |_: &Member, warm: &mut Warm| warm.claim == Claim::Free && warm.number == number;
        warm.extract_if(.., is_over).map(|(_, warm)| warm).collect()
    }

    /// The warm predecessors of a module, which from now on end by [`unclaim`](Self::unclaim) or
    /// [`take_claimed`](Self::take_claimed) alone.
    pub(super) fn claim(&self, module: &ModuleName) -> Vec<Arc<Instance>> {
        let mut all = lock(&self.warm);
        let of_module = all.iter_mut().filter(|((name, _), _)| name == module);
        of_module
            .map(|(_, warm)| {
                warm.claim = Claim::Claimed;
                warm.leaving.instance.clone()
            })
            .collect()
    }

    /// The deployment that claimed them has failed: they stay warm, but for those whose time is over.
    pub(super) async fn unclaim(&self, base: &Arc<Shared>) {
        let late = self.free();
        end(base, late, "its bake time is over").await;
    }

    /// Takes the claims away, and returns those whose time is over.
    fn free(&self) -> Vec<Warm> {
        let mut warm = lock(&self.warm);
        let late = warm.extract_if(.., |_, warm| warm.claim == Claim::PastItsTime).map(|(_, warm)| warm).collect();
        warm.values_mut().for_each(|warm| warm.claim = Claim::Free);
        late
    }

    /// Those that were claimed do not serve after all: their unpinned work finds its home again.
    pub(super) fn restore_homes(&self) {
        for warm in lock(&self.warm).values().filter(|warm| warm.claim != Claim::Free) {
            warm.leaving.instance.state_cell().set_home(Some(warm.leaving.was.clone()));
        }
    }

    /// Those that were claimed serve again.
    pub(super) fn take_claimed(&self) -> Vec<Warm> {
        let mut warm = lock(&self.warm);
        warm.extract_if(.., |_, warm| warm.claim != Claim::Free).map(|(_, warm)| warm).collect()
    }

    /// Takes the predecessors of these: a newer one comes.
    pub(super) fn take(&self, members: impl Fn(&Member) -> bool) -> Vec<Warm> {
        let mut warm = lock(&self.warm);
        warm.extract_if(.., |member, warm| warm.claim == Claim::Free && members(member)).map(|(_, warm)| warm).collect()
    }

    /// The instances that are warm.
    pub(crate) fn instances(&self) -> Vec<Arc<Instance>> {
        lock(&self.warm).values().map(|warm| warm.leaving.instance.clone()).collect()
    }

    /// What is warm, for people and tools.
    pub(crate) fn list(&self) -> Vec<WarmInfo> {
        let info = |warm: &Warm| WarmInfo {
            instance: warm.leaving.instance.id().clone(),
            left_ms: u64::try_from(warm.bake.saturating_sub(warm.since.elapsed()).as_millis()).unwrap_or(u64::MAX),
        };
        lock(&self.warm).values().map(info).collect()
    }
}

impl Warm {
    pub(super) fn instance(&self) -> &Arc<Instance> {
        &self.leaving.instance
    }

    /// Its time ends: says so, and hands it over to the drain.
    pub(super) async fn cool(self, base: &Shared) -> Leaving {
        let step = LaterStep {
            deployment: self.leaving.reporter.deployment,
            instance: self.leaving.instance.id().clone(),
            name: "bake",
            took: self.since.elapsed(),
            trouble: None,
        };
        self.leaving.reporter.later(base, step).await;
        self.leaving
    }
}

/// Ends what was warm: it drains, stops, and is retired.
pub(super) async fn end(base: &Arc<Shared>, warm: Vec<Warm>, cause: &str) {
    if warm.is_empty() {
        return;
    }
    // At once: a report to the ledger must not keep them warm.
    warm.iter().for_each(|warm| begin_drain(warm.instance(), cause));
    let base = base.clone();
    base.runtime.clone().spawn(async move {
        let mut leaving = Vec::new();
        for warm in warm {
            leaving.push(warm.cool(&base).await);
        }
        retire(base, leaving).await;
    });
}
