//! What all parts of one base share.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde::Serialize;
use tokio::runtime;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::base::ModuleSettings;
use crate::base::config::{DrainSettings, LifecycleSettings, ModuleCoreSettings};
use crate::compose::Composition;
use crate::deploy::{Cell, Deployer, Pinned, Restarts, Versioned};
use crate::descriptors::{ModuleName, Presence, StarterDescriptor};
use crate::isolation::Stats;
use crate::module::{Instance, LifecycleHistory, ModuleSpec, ModuleState};
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
    pub(crate) retiring: TaskTracker,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) started_starters: OnceLock<Vec<RunningStarter>>,
    pub(crate) around_starters: OnceLock<Arc<[Arc<dyn Around>]>>,
    /// Compositions that serve no longer, and may still be pinned.
    superseded: Mutex<Vec<Arc<Versioned<Composition>>>>,
    stats: Mutex<BTreeMap<(ModuleName, SceneName), Arc<Stats>>>,
    failed_stops: AtomicUsize,
}

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
            retiring: TaskTracker::new(),
            phase: watch::Sender::new(Phase::Starting),
            started_starters: OnceLock::new(),
            around_starters: OnceLock::new(),
            superseded: Mutex::default(),
            stats: Mutex::default(),
            failed_stops: AtomicUsize::new(0),
        })
    }

    pub(crate) fn pin(&self) -> Pinned {
        Pinned::new(self.cell.pin())
    }

    pub(crate) fn starters(&self) -> &[RunningStarter] {
        self.started_starters.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn arounds(&self) -> Arc<[Arc<dyn Around>]> {
        self.around_starters.get().cloned().unwrap_or_else(|| Arc::from(Vec::new()))
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

    /// Keeps a composition that is about to be replaced, for as long as it may be pinned.
    pub(crate) fn supersede(&self, was: Arc<Versioned<Composition>>) {
        lock(&self.superseded).push(was);
    }

    pub(crate) fn last_superseded(&self) -> Option<Arc<Versioned<Composition>>> {
        lock(&self.superseded).last().cloned()
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
        let current = self.cell.current();
        let over = |composition: &Arc<Versioned<Composition>>| {
            composition.pins().now() == 0
                && composition.value().instances().all(|instance| {
                    current.value().holds(instance.uid())
                        || matches!(instance.state(), ModuleState::Stopped | ModuleState::Failed)
                })
        };
        let mut superseded = lock(&self.superseded);
        let (gone, kept) = std::mem::take(&mut *superseded).into_iter().partition(over);
        *superseded = kept;
        drop(superseded);
        // Dropped after the lock is free: instances run module code when they are dropped.
        let gone: Vec<_> = gone;
        drop(gone);
    }

    pub(crate) fn note_failed_stop(&self) {
        self.failed_stops.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed_stops(&self) -> usize {
        self.failed_stops.load(Ordering::Relaxed)
    }
}
