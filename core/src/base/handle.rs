//! The handle of a running base: what starters, tests and the admin interface ask it for.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::base::{Phase, Shared};
use crate::compose::CompositionError;
use crate::deploy::{Change, Deployed, Pinned, Plan, Progress, Reason, RestartInfo, WarmInfo, deploy, plan};
use crate::descriptors::{ModuleName, Presence, Site};
use crate::isolation::{Entry, EntryFuture, EntryInfo, EntryKind, StatsSnapshot};
use crate::module::{Instance, InstanceId, LifecycleHistory, ModuleState};
use crate::scene::SceneName;
use crate::settings::Tree;
use crate::starter::{Inspection, Starter};

/// A running base. Cheap to clone; all clones are the same base.
#[derive(Clone)]
pub struct Base {
    pub(crate) shared: Arc<Shared>,
}

/// One module as it is composed now.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// The instance that serves.
    pub instance: InstanceId,
    /// The first paragraph of the module's doc comment.
    pub summary: &'static str,
    /// Where it is in its life.
    pub state: ModuleState,
    /// Whether the base can do without it.
    pub presence: Presence,
    /// Where it was registered.
    pub site: Site,
    /// The contracts that it publishes.
    pub publishes: Vec<&'static str>,
    /// What is counted for it.
    pub stats: StatsSnapshot,
}

/// Whether the base can serve, and why not.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// Whether all that must be ready is.
    pub ready: bool,
    /// Where the base is in its life.
    pub phase: Phase,
    /// Each module.
    pub modules: Vec<ModuleReadiness>,
}

/// Whether one module can serve, and why not.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ModuleReadiness {
    /// The module.
    pub module: ModuleName,
    /// The scene.
    pub scene: SceneName,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether the base's readiness depends on it.
    pub presence: Presence,
    /// What it says it waits for, where it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Base {
    /// Pins the composition that serves now. Whatever enters does so once, and resolves all it
    /// needs in what it gets.
    #[must_use]
    pub fn pin(&self) -> Pinned {
        self.shared.pin()
    }

    /// The settings that the base serves with now.
    #[must_use]
    pub fn settings(&self) -> Arc<Tree> {
        self.shared.settings()
    }

    /// The folder that relative paths in settings start from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// How long requests may take to end when the base, or a generation, does: `drain.deadline`.
    #[must_use]
    pub fn drain_deadline(&self) -> std::time::Duration {
        self.shared.drain().deadline
    }

    /// The transitions of all instances: the last ones, and those to come.
    #[must_use]
    pub fn history(&self) -> &LifecycleHistory {
        &self.shared.history
    }

    /// Where the base is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.shared.phase.borrow()
    }

    /// Follows where the base is in its life.
    #[must_use]
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.shared.phase.subscribe()
    }

    /// The modules that serve now, by name.
    #[must_use]
    pub fn modules(&self) -> Vec<ModuleInfo> {
        self.pin().instances().map(|instance| self.describe(instance)).collect()
    }

    fn describe(&self, instance: &Arc<Instance>) -> ModuleInfo {
        ModuleInfo {
            instance: instance.id().clone(),
            summary: instance.spec().summary(),
            state: instance.state(),
            presence: self.shared.presence(instance.spec()),
            site: instance.spec().site(),
            publishes: instance.published().iter().map(|service| service.contract().name).collect(),
            stats: instance.stats().snapshot(),
        }
    }

    /// What is inside the modules now: entries and tasks, the oldest of each instance first. With
    /// what drains in generations that were replaced.
    #[must_use]
    pub fn in_flight(&self) -> Vec<EntryInfo> {
        let now = self.pin();
        let leaving = self.shared.leaving();
        now.instances().chain(&leaving).flat_map(|instance| instance.in_flight()).collect()
    }

    /// What the restart policy does about modules that have failed.
    #[must_use]
    pub fn restarts(&self) -> Vec<RestartInfo> {
        self.shared.restarts.list()
    }

    /// The running starter of this type.
    #[must_use]
    pub fn starter<S: Starter>(&self) -> Option<Arc<S>> {
        self.shared.starters().iter().find_map(|starter| starter.object.clone().downcast().ok())
    }

    /// What the starters can show of the composition that serves now.
    #[must_use]
    pub fn inspect(&self) -> Vec<Inspection> {
        let now = self.pin();
        self.shared.starters().iter().flat_map(|starter| starter.calls.inspect(&now)).collect()
    }

    /// Asks every module whether it can serve.
    pub async fn readiness(&self) -> Readiness {
        let now = self.pin();
        let phase = self.phase();
        let modules = join_all(now.instances().map(|instance| self.ask(&now, instance))).await;
        let ready = phase == Phase::Serving
            && modules.iter().all(|module| module.ready || module.presence == Presence::Optional);
        Readiness { ready, phase, modules }
    }

    async fn ask(&self, now: &Pinned, instance: &Arc<Instance>) -> ModuleReadiness {
        let reason = self.reason_against(now, instance).await;
        ModuleReadiness {
            module: instance.module().clone(),
            scene: instance.scene().clone(),
            ready: reason.is_none(),
            presence: self.shared.presence(instance.spec()),
            reason,
        }
    }

    /// Why an instance is not ready, where it is not.
    async fn reason_against(&self, now: &Pinned, instance: &Arc<Instance>) -> Option<String> {
        if instance.state_cell().door.is_held() {
            // It is about to take over from another one. What comes waits, and is answered.
            return None;
        }
        let module = instance.clone();
        let asking = EntryFuture::new(
            Some(now.clone()),
            instance.state_cell(),
            &Entry::new(EntryKind::Ready, "ready"),
            None,
            Box::pin(async move { module.object().ready().await.map_err(|error| format!("{error:#}")) }),
        );
        // On a task of its own: one that blocks its thread does not keep the others from answering.
        let asking = instance.state_cell().runtime.spawn(asking);
        let limit = self.shared.lifecycle().ready_deadline;
        match (instance.state(), timeout(limit, asking).await) {
            (ModuleState::Active, Ok(Ok(Ok(Ok(()))))) => None,
            (ModuleState::Active, Ok(Ok(Ok(Err(reason))))) => Some(reason),
            (ModuleState::Active, Ok(Ok(Err(error)))) => Some(error.to_string()),
            (ModuleState::Active, Ok(Err(error))) => Some(error.to_string()),
            (ModuleState::Active, Err(_)) => Some("it did not answer in time".to_owned()),
            (state, _) => Some(format!("it is {state}")),
        }
    }

    /// Carries out a deployment: builds the next composition beside the current one, and swaps.
    /// Returns when it serves; what left drains meanwhile (see [`settled`](Self::settled)).
    ///
    /// # Errors
    ///
    /// [`CompositionError`] with all that is wrong. What served before serves on, unharmed.
    pub async fn deploy(&self, change: Change) -> Result<Deployed, CompositionError> {
        deploy(&self.shared, change, Reason::Asked, None).await
    }

    /// Carries out a deployment as [`deploy`](Self::deploy) does, and tells `watcher` how it gets on: its place
    /// in the line, each step, and later what becomes of the instances that left. The watcher is called on the
    /// deployment's own tasks and must not block.
    ///
    /// # Errors
    ///
    /// [`CompositionError`] with all that is wrong. What served before serves on, unharmed.
    pub async fn deploy_watched(
        &self,
        change: Change,
        watcher: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Deployed, CompositionError> {
        deploy(&self.shared, change, Reason::Asked, Some(Arc::new(watcher))).await
    }

    /// Finds out what a deployment would change. New instances are made, looked at and let go: none is started,
    /// nothing is migrated, and what serves does not notice.
    ///
    /// # Errors
    ///
    /// Where the base ends. What would keep the change from going live is part of the plan.
    pub async fn plan(&self, change: Change) -> Result<Plan, CompositionError> {
        plan(&self.shared, change).await
    }

    /// The predecessors that are warm: [`Change::revive`] lets one serve again.
    #[must_use]
    pub fn warm(&self) -> Vec<WarmInfo> {
        self.shared.bakes.list()
    }

    /// Waits until all instances that left have drained and stopped, those that are warm included.
    pub async fn settled(&self) {
        self.shared.retiring.none().await;
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Base").field("phase", &self.phase()).finish_non_exhaustive()
    }
}
