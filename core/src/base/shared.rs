//! What all parts of one base share.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::runtime;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::base::ModuleSettings;
use crate::base::config::{DrainSettings, LifecycleSettings, ModuleCoreSettings};
use crate::compose::{Composition, Problem};
use crate::deploy::{Cell, Count, Deployer, Pinned, Restarts, Versioned};
use crate::descriptors::{ModuleName, Presence, StarterDescriptor};
use crate::isolation::Stats;
use crate::module::{Instance, LifecycleHistory, ModuleSpec};
use crate::scene::SceneName;
use crate::settings::{KeyPath, Tree};
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
    pub(crate) settings: Tree,
    pub(crate) lifecycle: LifecycleSettings,
    pub(crate) drain: DrainSettings,
    pub(crate) runtime: runtime::Handle,
    pub(crate) cell: Cell<Composition>,
    pub(crate) deployer: Deployer,
    pub(crate) history: LifecycleHistory,
    pub(crate) restarts: Restarts,
    /// Counts the generations that are on their way out.
    pub(crate) retiring: Count,
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

/// How many failed stops are kept for the report at the end.
const FAILED_STOPS: usize = 100;

impl Shared {
    pub(crate) fn new(
        folder: PathBuf,
        settings: Tree,
        core: crate::base::config::CoreSettings,
        runtime: runtime::Handle,
    ) -> Arc<Self> {
        let nothing = Composition::new(0, Vec::new(), Arc::from(Vec::new()));
        Arc::new(Self {
            folder,
            settings,
            lifecycle: core.lifecycle,
            drain: core.drain,
            runtime,
            cell: Cell::new(Versioned::new(nothing)),
            deployer: Deployer::new(),
            history: LifecycleHistory::new(),
            restarts: Restarts::new(core.restart.into()),
            retiring: Count::new(),
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

    /// Lets go of the starters and of what they prepared. Either may hold the base, which would
    /// then never be freed.
    pub(crate) fn let_go(&self) {
        self.set_starters(Vec::new());
        let number = self.cell.current().value().number();
        let empty = Versioned::new(Composition::new(number, Vec::new(), Arc::from(Vec::new())));
        drop(self.cell.swap(empty));
        self.forget_superseded();
    }

    pub(crate) fn module_settings<'a>(&'a self, module: &'a ModuleName, scene: &'a SceneName) -> ModuleSettings<'a> {
        ModuleSettings { tree: &self.settings, module, scene }
    }

    pub(crate) fn start_deadline(&self, module: &ModuleName) -> Duration {
        self.module_core(module).and_then(|core| core.start_deadline).unwrap_or(self.lifecycle.start_deadline)
    }

    pub(crate) fn presence(&self, spec: &ModuleSpec) -> Presence {
        match self.module_core(&spec.name).and_then(|core| core.optional) {
            Some(true) => Presence::Optional,
            Some(false) => Presence::Required,
            None => spec.presence,
        }
    }

    /// Read anew each time: what is wrong with it has been reported at the start.
    fn module_core(&self, module: &ModuleName) -> Option<ModuleCoreSettings> {
        self.settings.read(&[KeyPath::of(["modules", module.as_str()])], &mut Vec::new())
    }

    pub(crate) fn stats_of(&self, module: &ModuleName, scene: &SceneName) -> Arc<Stats> {
        lock(&self.stats).entry((module.clone(), scene.clone())).or_default().clone()
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
        let (base, limit) = (Arc::downgrade(self), self.lifecycle.stop_deadline);
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
