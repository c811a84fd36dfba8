//! What all parts of one base share.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use serde::Serialize;
use tokio::runtime;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::base::config::{Configuration, DrainSettings, LifecycleSettings};
use crate::compose::{Composition, Problem};
use crate::deploy::operations::OperationParts;
use crate::deploy::{Bakes, Cell, Count, Deployer, Ledger, Outlived, Pinned, RestartPolicy, Restarts, Versioned};
use crate::descriptors::{ModuleName, Presence, StarterDescriptor};
use crate::isolation::Stats;
use crate::module::{Instance, LifecycleHistory, ModuleSpec};
use crate::scene::SceneName;
use crate::settings::{ByteSize, Sources, Tree};
use crate::starter::{Around, StarterCalls};
use crate::sync::lock;

/// Where a base is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Starters and modules start.
    Starting,
    /// It serves.
    Serving,
    /// It has been asked to end: not ready any more, and finishing what it has.
    Draining,
    /// It has ended.
    Stopped,
}

/// A starter that runs.
pub(crate) struct RunningStarter {
    pub(crate) descriptor: &'static StarterDescriptor,
    pub(crate) object: Arc<dyn Any + Send + Sync>,
    pub(crate) calls: Arc<dyn StarterCalls>,
}

/// What all parts of one base share.
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) runtime: runtime::Handle,
    pub(crate) cell: Cell<Composition>,
    pub(crate) deployer: Deployer,
    pub(crate) history: LifecycleHistory,
    pub(crate) restarts: Restarts,
    /// Counts the generations that are on their way out, or warm.
    pub(crate) retiring: Count,
    /// The generations that were replaced and could serve again.
    pub(crate) bakes: Bakes,
    /// The retired generations that something still refers to.
    pub(crate) outlived: Outlived,
    /// What keeps the record of what serves, where something does.
    ledger: OnceLock<Arc<dyn Ledger>>,
    /// What the operations work with.
    operations: OnceLock<OperationParts>,
    /// Where the settings came from, where that is known.
    pub(crate) sources: OnceLock<Sources>,
    /// The starters that are linked: also those that the settings leave out.
    pub(crate) linked: Vec<&'static StarterDescriptor>,
    pub(crate) phase: watch::Sender<Phase>,
    /// The starters that run. Let go of when the base has ended: they may hold the base.
    starters: Mutex<Starters>,
    /// Compositions that serve no longer, and may still be pinned.
    superseded: Mutex<Vec<Arc<Versioned<Composition>>>>,
    /// Told when a composition is waited for no longer, though it is pinned.
    pub(crate) given_up: Notify,
    stats: Mutex<BTreeMap<(ModuleName, SceneName), Arc<Stats>>>,
    failed_stops: Mutex<Vec<Problem>>,
}

/// The starters of a base, in the order of their start.
#[derive(Clone)]
struct Starters {
    running: Arc<[RunningStarter]>,
    arounds: Arc<[Arc<dyn Around>]>,
}

/// What is linked into a base, whether or not the settings want it.
pub(crate) struct LinkedParts {
    pub(crate) starters: Vec<&'static StarterDescriptor>,
    pub(crate) modules: Vec<Arc<ModuleSpec>>,
}

/// How many failed stops are kept for the report at the end.
const FAILED_STOPS: usize = 100;

impl Shared {
    pub(crate) fn new(
        folder: PathBuf,
        configuration: Arc<Configuration>,
        linked: LinkedParts,
        runtime: runtime::Handle,
    ) -> Arc<Self> {
        let nothing = Composition::new(0, Vec::new(), Arc::from(Vec::new()), configuration);
        Arc::new(Self {
            folder,
            runtime,
            cell: Cell::new(Versioned::new(nothing)),
            deployer: Deployer::new(linked.modules),
            history: LifecycleHistory::new(),
            restarts: Restarts::new(),
            retiring: Count::new(),
            bakes: Bakes::default(),
            outlived: Outlived::default(),
            ledger: OnceLock::new(),
            operations: OnceLock::new(),
            sources: OnceLock::new(),
            linked: linked.starters,
            phase: watch::Sender::new(Phase::Starting),
            starters: Mutex::new(Starters { running: Arc::from(Vec::new()), arounds: Arc::from(Vec::new()) }),
            superseded: Mutex::default(),
            given_up: Notify::new(),
            stats: Mutex::default(),
            failed_stops: Mutex::default(),
        })
    }

    pub(crate) fn pin(&self) -> Pinned {
        Pinned::new(self.cell.pin())
    }

    pub(crate) fn starters(&self) -> Arc<[RunningStarter]> {
        lock(&self.starters).running.clone()
    }

    pub(crate) fn arounds(&self) -> Arc<[Arc<dyn Around>]> {
        lock(&self.starters).arounds.clone()
    }

    /// Keeps the starters that run, and the wrappers among them.
    pub(crate) fn set_starters(&self, running: Vec<RunningStarter>) {
        let arounds: Vec<_> = running.iter().filter_map(|starter| starter.calls.around()).collect();
        let before = std::mem::replace(
            &mut *lock(&self.starters),
            Starters { running: running.into(), arounds: arounds.into() },
        );
        // Dropped after the lock is free: it may be the last reference to a starter.
        drop(before);
    }

    /// Lets go of the starters and of what they prepared: either may hold the base, which would
    /// then never be freed. And of the state folder, which the next base may open before this one is freed.
    pub(crate) fn let_go(&self) {
        self.set_starters(Vec::new());
        let current = self.cell.current();
        let (number, configuration) = (current.value().number(), current.value().configuration().clone());
        drop(current);
        let empty = Versioned::new(Composition::new(number, Vec::new(), Arc::from(Vec::new()), configuration));
        drop(self.cell.swap(empty));
        self.forget_superseded();
        if let Some(bundled) = self.operations.get().and_then(|operations| operations.bundled.as_ref()) {
            bundled.let_go();
        }
    }

    /// The settings that serve now, and what the core has read of them.
    pub(crate) fn configuration(&self) -> Arc<Configuration> {
        self.cell.current().value().configuration().clone()
    }

    pub(crate) fn settings(&self) -> Arc<Tree> {
        self.configuration().tree.clone()
    }

    pub(crate) fn lifecycle(&self) -> LifecycleSettings {
        self.configuration().core.lifecycle
    }

    pub(crate) fn drain(&self) -> DrainSettings {
        self.configuration().core.drain
    }

    /// How large a state may be that is handed over.
    pub(crate) fn hand_over_limit(&self) -> ByteSize {
        self.configuration().core.deploy.hand_over_limit
    }

    pub(crate) fn restart_policy(&self) -> RestartPolicy {
        self.configuration().core.restart.clone().into()
    }

    pub(crate) fn presence(&self, spec: &ModuleSpec) -> Presence {
        self.configuration().presence(spec)
    }

    pub(crate) fn stats_of(&self, module: &ModuleName, scene: &SceneName) -> Arc<Stats> {
        lock(&self.stats).entry((module.clone(), scene.clone())).or_default().clone()
    }

    /// Lets go of what was counted for members that are gone: no instance of them is left.
    pub(crate) fn forget_stats(&self, retired: &[Arc<Instance>]) {
        let current = self.cell.current();
        let leaving = self.leaving();
        for instance in retired {
            let is_left = current.value().instance(instance.module(), instance.scene()).is_some()
                || leaving.iter().any(|left| left.member() == instance.member())
                || self.restarts.knows(&instance.member());
            if !is_left {
                lock(&self.stats).remove(&instance.member());
            }
        }
    }

    /// What keeps the record of what serves.
    pub(crate) fn ledger(&self) -> Option<Arc<dyn Ledger>> {
        self.ledger.get().cloned()
    }

    /// Sets what keeps the record of what serves. Once, before the first deployment.
    pub(crate) fn set_ledger(&self, ledger: Arc<dyn Ledger>) {
        if self.ledger.set(ledger).is_err() {
            tracing::error!(target: "bedplate::deploy", "a base has one ledger; another one is not used");
        }
    }

    /// What the operations work with: by default those of one static binary.
    pub(crate) fn operations(&self) -> &OperationParts {
        self.operations.get_or_init(OperationParts::of_static)
    }

    /// Sets what the operations work with, and records in its journal where no other ledger does. Once, before the
    /// first deployment.
    pub(crate) fn set_operations(&self, parts: OperationParts) {
        let parts = self.operations.get_or_init(|| parts);
        if self.ledger.get().is_none() {
            self.set_ledger(Arc::new(parts.journal.clone()));
        }
    }

    pub(crate) fn is_ending(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Draining | Phase::Stopped)
    }

    /// Lets `next` serve. What served until now is returned, and kept for as long as it may be
    /// pinned: in one step, so that nobody finds it neither here nor there.
    pub(crate) fn replace(&self, next: Arc<Versioned<Composition>>) -> Arc<Versioned<Composition>> {
        let mut superseded = lock(&self.superseded);
        let was = self.cell.swap(next);
        superseded.push(was.clone());
        was
    }

    /// Keeps a composition that never served while work that began in it has pinned it, since it
    /// holds instances that serve on; but not for what blocks its thread and cannot be cancelled.
    pub(crate) fn discard(self: &Arc<Self>, composition: Arc<Versioned<Composition>>) {
        if composition.pins().now() == 0 {
            return;
        }
        lock(&self.superseded).push(composition.clone());
        let (base, limit) = (Arc::downgrade(self), self.lifecycle().stop_deadline);
        self.runtime.spawn(async move {
            if timeout(limit, composition.pins().none()).await.is_err() {
                tracing::warn!(
                    target: "bedplate::deploy", composition = composition.value().number(),
                    "something of a deployment that failed blocks its thread, and is waited for no longer"
                );
            }
            if let Some(base) = base.upgrade() {
                lock(&base.superseded).retain(|kept| !Arc::ptr_eq(kept, &composition));
                base.given_up.notify_waiters();
            }
        });
    }

    /// The instances that serve no longer and are not over, the oldest first.
    pub(crate) fn leaving(&self) -> Vec<Arc<Instance>> {
        let current = self.cell.current();
        let mut leaving = BTreeMap::new();
        for composition in lock(&self.superseded).iter() {
            for instance in composition.value().instances() {
                if !current.value().holds(instance.uid()) && !instance.state_cell().is_over() {
                    leaving.insert(instance.uid(), instance.clone());
                }
            }
        }
        leaving.into_values().collect()
    }

    /// The compositions that serve no longer and hold one of these instances.
    pub(crate) fn superseded_holding(&self, instances: &[Arc<Instance>]) -> Vec<Arc<Versioned<Composition>>> {
        lock(&self.superseded)
            .iter()
            .filter(|composition| instances.iter().any(|instance| composition.value().holds(instance.uid())))
            .cloned()
            .collect()
    }

    /// Whether a composition that is kept for others holds this instance.
    pub(crate) fn keeps_for_others(&self, instance: &Instance) -> bool {
        let current = self.cell.current();
        let is_left = |other: &Arc<Instance>| !other.state_cell().is_over() && !current.value().holds(other.uid());
        lock(&self.superseded).iter().any(|composition| {
            composition.value().holds(instance.uid()) && composition.value().instances().any(is_left)
        })
    }

    /// Lets `was` serve again in the place of `next`, which is kept for as long as it may be pinned.
    pub(crate) fn put_back(&self, was: &Arc<Versioned<Composition>>) {
        let mut superseded = lock(&self.superseded);
        superseded.retain(|kept| !Arc::ptr_eq(kept, was));
        let next = self.cell.swap(was.clone());
        superseded.push(next);
    }

    /// Lets go of compositions that nobody can be in any more.
    pub(crate) fn forget_superseded(&self) {
        let mut superseded = lock(&self.superseded);
        // Looked at under the lock: what serves does not change meanwhile.
        let current = self.cell.current();
        let over = |composition: &Arc<Versioned<Composition>>| {
            composition.pins().now() == 0
                && composition
                    .value()
                    .instances()
                    .all(|instance| current.value().holds(instance.uid()) || instance.state_cell().is_over())
        };
        let (gone, kept) = std::mem::take(&mut *superseded).into_iter().partition(over);
        *superseded = kept;
        drop(superseded);
        // Dropped after the lock is free: instances run module code when they are dropped.
        let gone: Vec<_> = gone;
        drop((gone, current));
    }

    /// Keeps a failed stop for the report at the end of the base.
    pub(crate) fn note_failed_stop(&self, problem: Problem) {
        let mut failed = lock(&self.failed_stops);
        if failed.len() < FAILED_STOPS {
            failed.push(problem);
        }
    }

    /// The stops that failed, which are told once.
    pub(crate) fn take_failed_stops(&self) -> Vec<Problem> {
        std::mem::take(&mut lock(&self.failed_stops))
    }
}
