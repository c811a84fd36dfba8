//! The context of an instance: what it is, what it may ask the base for, and what hangs on it.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::SystemTime;

use tokio::runtime;
use tokio_util::sync::CancellationToken;

use crate::Composition;
use crate::base::Shared;
use crate::deploy::{Count, Pinned, Versioned};
use crate::descriptors::ModuleName;
use crate::isolation::{InFlight, PanicText, Stats, StreamGuard};
use crate::module::{InstanceId, LifecycleEvent, ModuleState, TaskInfo, TaskOutcome, task};
use crate::scene::SceneName;
use crate::service::CallError;
use crate::sync::lock;

/// What one instance of a module has of the base. Everything that is registered through it leaves
/// with the instance.
///
/// A field of this type gives a module its context; [`Module::start`](crate::Module::start) gets
/// it as an argument.
#[derive(Clone)]
pub struct ModuleContext {
    state: Arc<InstanceState>,
}

impl ModuleContext {
    pub(crate) fn new(state: Arc<InstanceState>) -> Self {
        Self { state }
    }

    pub(crate) fn state(&self) -> &Arc<InstanceState> {
        &self.state
    }

    /// The module's name.
    #[must_use]
    pub fn module(&self) -> &ModuleName {
        &self.state.id.module
    }

    /// The scene that the instance serves.
    #[must_use]
    pub fn scene(&self) -> &SceneName {
        &self.state.id.scene
    }

    /// Module, scene and generation.
    #[must_use]
    pub fn id(&self) -> &InstanceId {
        &self.state.id
    }

    /// Spawns a task that belongs to the module: it is counted and named, a drain waits for it and
    /// cancels it at the deadline, and its failure (an error, a panic) restarts the module by the
    /// base's policy.
    ///
    /// A task that goes on for ever awaits [`draining`](Self::draining) beside its work, or is
    /// handed over with [`Exports::task`](crate::Exports::task), which ends it without being asked.
    #[track_caller]
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, work: F) -> TaskInfo
    where
        F: Future<Output: TaskOutcome> + Send + 'static,
    {
        task::spawn(&self.state, name.into(), Location::caller(), work)
    }

    /// Spawns a task that ends when the instance leaves the composition.
    pub(crate) fn spawn_background<F>(&self, name: Cow<'static, str>, place: &'static Location<'static>, work: F)
    where
        F: Future<Output: TaskOutcome> + Send + 'static,
    {
        let ended = lock(&self.state.background).clone();
        task::spawn(&self.state, name, place, async move {
            tokio::select! {
                () = ended.cancelled() => Ok(()),
                outcome = work => outcome.failure().map_or(Ok(()), Err),
            }
        });
    }

    /// Waits until the instance is asked to end: it has been replaced, or the base shuts down.
    /// Long-lived handlers and tasks await it beside their work.
    pub async fn draining(&self) {
        self.state.draining.cancelled().await;
    }

    /// Whether the instance is asked to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.state.draining.is_cancelled()
    }
}

impl fmt::Debug for ModuleContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleContext").field("id", &self.state.id).finish_non_exhaustive()
    }
}

/// Starts a background task: called each time the instance's composition goes live.
pub(crate) type Background = Box<dyn Fn(&ModuleContext) + Send + Sync>;

/// What the base knows of one instance: its identity, its state, its counts.
pub(crate) struct InstanceState {
    pub(crate) id: InstanceId,
    /// Unique in the process, never used again.
    pub(crate) uid: u64,
    /// The scene, as an index into the base's list.
    pub(crate) scene: u32,
    pub(crate) base: Weak<Shared>,
    pub(crate) runtime: runtime::Handle,
    pub(crate) stats: Arc<Stats>,
    pub(crate) in_flight: InFlight,
    pub(crate) tasks: Count,
    pub(crate) streams: Count,
    /// Asked to end.
    pub(crate) draining: CancellationToken,
    /// The drain's deadline has passed: what is left must go.
    pub(crate) cancelled: CancellationToken,
    /// Ends the background tasks: they run only while their composition is current.
    pub(crate) background: Mutex<CancellationToken>,
    phase: AtomicU8,
    /// The newest composition that holds the instance while it is not in the current one.
    home: Mutex<Option<Arc<Versioned<Composition>>>>,
}

const PHASES: [ModuleState; 6] = [
    ModuleState::Resolved,
    ModuleState::Starting,
    ModuleState::Active,
    ModuleState::Draining,
    ModuleState::Stopped,
    ModuleState::Failed,
];

impl InstanceState {
    pub(crate) fn new(id: InstanceId, uid: u64, scene: u32, base: &Arc<Shared>, runtime: runtime::Handle) -> Arc<Self> {
        let state = Arc::new(Self {
            stats: base.stats_of(&id.module, &id.scene),
            id,
            uid,
            scene,
            base: Arc::downgrade(base),
            runtime,
            in_flight: InFlight::default(),
            tasks: Count::new(),
            streams: Count::new(),
            draining: CancellationToken::new(),
            cancelled: CancellationToken::new(),
            background: Mutex::new(CancellationToken::new()),
            phase: AtomicU8::new(0),
            home: Mutex::new(None),
        });
        base.history.record(state.event(None, ModuleState::Resolved, "composed"));
        state
    }

    /// Where the instance is in its life.
    pub(crate) fn state(&self) -> ModuleState {
        PHASES[usize::from(self.phase.load(Ordering::Acquire))]
    }

    /// Moves to another state, and tells the history.
    pub(crate) fn transition(&self, to: ModuleState, cause: &str) {
        let index = PHASES.iter().position(|phase| *phase == to).expect("PHASES lists every state");
        let index = u8::try_from(index).expect("there are six states");
        let from = PHASES[usize::from(self.phase.swap(index, Ordering::AcqRel))];
        if from != to
            && let Some(base) = self.base.upgrade()
        {
            base.history.record(self.event(Some(from), to, cause));
        }
    }

    fn event(&self, from: Option<ModuleState>, to: ModuleState, cause: &str) -> LifecycleEvent {
        LifecycleEvent { at: SystemTime::now(), instance: self.id.clone(), from, to, cause: cause.to_owned() }
    }

    /// Remembers the composition that unpinned work of the instance is to use, or forgets it.
    pub(crate) fn set_home(&self, home: Option<Arc<Versioned<Composition>>>) {
        let before = std::mem::replace(&mut *lock(&self.home), home);
        // Dropped after the lock is free: it may be the last reference to a composition.
        drop(before);
    }

    /// Pins the newest composition that holds this instance.
    ///
    /// # Errors
    ///
    /// [`CallError::Retired`] where none is left.
    pub(crate) fn pin_home(&self, contract: &'static str) -> Result<Pinned, CallError> {
        let retired = || CallError::Retired { contract: contract.into(), instance: self.id.to_string() };
        let base = self.base.upgrade().ok_or_else(retired)?;
        let current = base.pin();
        if current.holds(self.uid) {
            return Ok(current);
        }
        // Pinned under the lock, so that a retirement which forgets the home sees the pin.
        lock(&self.home).as_ref().map(|home| Pinned::new(home.pin())).ok_or_else(retired)
    }

    /// Counts and logs a panic of the module.
    pub(crate) fn report_panic(&self, label: &str, text: &PanicText) {
        self.stats.panicked();
        tracing::error!(
            target: "bedplate::isolation",
            module = %self.id.module,
            scene = %self.id.scene,
            generation = self.id.generation,
            entry = label,
            panic = %text,
            "{} panicked in {label}: {text}", self.id.module
        );
    }

    /// Hands a task's failure to the restart policy.
    pub(crate) fn task_failed(&self, cause: String) {
        tracing::error!(target: "bedplate::lifecycle", module = %self.id.module, scene = %self.id.scene, "{cause}");
        if let Some(base) = self.base.upgrade() {
            base.restarts.failed(&base, self, cause);
        }
    }

    /// Opens a stream that the drain counts.
    pub(crate) fn stream(self: &Arc<Self>) -> StreamGuard {
        StreamGuard::new(self.clone())
    }
}

impl fmt::Debug for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceState").field("id", &self.id).field("state", &self.state()).finish_non_exhaustive()
    }
}
