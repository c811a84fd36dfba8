//! What the base knows of one instance, from its making to its end.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::SystemTime;

use tokio::runtime;
use tokio_util::sync::CancellationToken;

use crate::Composition;
use crate::base::Shared;
use crate::deploy::{Count, Home, Pinned, Versioned};
use crate::isolation::{Door, Frame, InFlight, PanicText, Scoped, Stats, StreamGuard, catch};
use crate::module::{HandedOver, InstanceId, LifecycleEvent, ModuleState};
use crate::service::CallError;
use crate::sync::lock;

/// Counts a background task until it is dropped, however it ends.
pub(super) struct BackgroundTask(Arc<InstanceState>);

impl BackgroundTask {
    pub(super) fn count(instance: &Arc<InstanceState>) -> Self {
        instance.background_tasks.hold();
        Self(instance.clone())
    }
}

impl Drop for BackgroundTask {
    fn drop(&mut self) {
        self.0.background_tasks.release();
    }
}

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
    /// What an entry finds first.
    pub(crate) door: Door,
    pub(crate) tasks: Count,
    pub(crate) streams: Count,
    /// Asked to end.
    pub(crate) draining: CancellationToken,
    /// The drain's deadline has passed: what is left must go.
    pub(crate) cancelled: CancellationToken,
    /// Ends the background tasks: they run only while their composition is current.
    pub(crate) background: Mutex<CancellationToken>,
    /// Those that have not ended; they are among the tasks.
    pub(crate) background_tasks: Count,
    /// Whether its `start` ran to its end: then it is stopped, whatever failed after it.
    pub(crate) has_started: AtomicBool,
    /// Whether its life is over: nothing may be inside it any more.
    over: CancellationToken,
    phase: AtomicU8,
    /// Held while the phase moves and the history is told, so that both have one order.
    moving: Mutex<()>,
    /// Failures of tasks before the instance serves; `None` once it does.
    early_failures: Mutex<Option<Vec<String>>>,
    /// What the generation before has handed over, until the start has ended.
    pub(crate) handed_over: Mutex<Option<Arc<HandedOver>>>,
    /// The newest composition that holds the instance while it is not in the current one.
    home: Home<Composition>,
}

const PHASES: [ModuleState; 7] = [
    ModuleState::Resolved,
    ModuleState::Starting,
    ModuleState::Active,
    ModuleState::Warm,
    ModuleState::Draining,
    ModuleState::Stopped,
    ModuleState::Failed,
];

/// The number of the next instance in this process, whatever its base.
static NEXT_UID: AtomicU64 = AtomicU64::new(1);

impl InstanceState {
    pub(crate) fn new(id: InstanceId, scene: u32, base: &Arc<Shared>, runtime: runtime::Handle) -> Arc<Self> {
        let state = Arc::new(Self {
            stats: base.stats_of(&id.module, &id.scene),
            id,
            uid: NEXT_UID.fetch_add(1, Ordering::Relaxed),
            scene,
            base: Arc::downgrade(base),
            runtime,
            in_flight: InFlight::default(),
            door: Door::new(),
            tasks: Count::new(),
            streams: Count::new(),
            draining: CancellationToken::new(),
            cancelled: CancellationToken::new(),
            background: Mutex::new(CancellationToken::new()),
            background_tasks: Count::new(),
            has_started: AtomicBool::new(false),
            over: CancellationToken::new(),
            phase: AtomicU8::new(0),
            moving: Mutex::new(()),
            early_failures: Mutex::new(Some(Vec::new())),
            handed_over: Mutex::new(None),
            home: Home::none(),
        });
        base.history.record(state.event(None, ModuleState::Resolved, "composed"));
        state
    }

    /// Where the instance is in its life.
    pub(crate) fn state(&self) -> ModuleState {
        PHASES[usize::from(self.phase.load(Ordering::Acquire))]
    }

    /// Whether its life is over: it has stopped, or never served, and nothing may be inside it.
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Waits until its life is over.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Moves to another state, and tells the history.
    pub(crate) fn transition(&self, to: ModuleState, cause: &str) {
        self.transition_where(|_| true, to, cause);
    }

    /// Moves to another state where the one it is in `may` be left for it.
    pub(crate) fn transition_where(&self, may: impl FnOnce(ModuleState) -> bool, to: ModuleState, cause: &str) {
        let _moving = lock(&self.moving);
        if !may(self.state()) {
            return;
        }
        let index = PHASES.iter().position(|phase| *phase == to).expect("PHASES lists every state");
        let index = u8::try_from(index).expect("there are few states");
        let from = PHASES[usize::from(self.phase.swap(index, Ordering::AcqRel))];
        match to {
            ModuleState::Active => self.door.came_up(),
            ModuleState::Stopped => self.door.stopped(),
            _ => {}
        }
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
        self.home.set(home);
    }

    /// Pins the newest composition that holds this instance.
    ///
    /// # Errors
    ///
    /// [`CallError::Retired`] where none is left.
    pub(crate) fn pin_home(&self, contract: &'static str) -> Result<Pinned, CallError> {
        let retired = || CallError::Retired { contract: contract.into(), instance: self.id.to_string() };
        let base = self.base.upgrade().ok_or_else(retired)?;
        let found = self.home.pin(&base.cell, |composition| composition.holds(self.uid));
        found.map(Pinned::new).ok_or_else(retired)
    }

    /// Runs module code as the module, with its panics caught, counted and logged.
    pub(crate) fn run<T>(self: &Arc<Self>, label: &str, f: impl FnOnce() -> T) -> Option<T> {
        let mut frame = Some(Frame { pin: None, instance: self.clone(), deadline: None, depth: 0 });
        let result = {
            let _scope = Scoped::enter(&mut frame);
            catch(f)
        };
        match result {
            Ok(value) => Some(value),
            Err(text) => {
                self.report_panic(label, &text);
                None
            }
        }
    }

    /// Ends its life: whatever still refers to it is refused from now on.
    pub(crate) fn end(&self) {
        self.cancel();
        self.set_home(None);
        self.door.close();
        self.over.cancel();
    }

    /// Asks all that is inside to go, at its next await; what comes later is cancelled at once.
    pub(crate) fn cancel(&self) {
        self.draining.cancel();
        lock(&self.background).cancel();
        self.cancelled.cancel();
        self.in_flight.close();
    }

    /// Counts and logs a panic of the module.
    pub(crate) fn report_panic(&self, label: &str, text: &PanicText) {
        self.stats.panicked();
        let place = text.at.as_ref();
        tracing::error!(
            target: "bedplate::isolation",
            module = %self.id.module,
            scene = %self.id.scene,
            generation = self.id.generation,
            entry = label,
            panic = %text,
            at = place.map(|at| &*at.place),
            backtrace = place.and_then(|at| at.backtrace.as_deref()),
            "{} panicked in {label}{}: {text}",
            self.id.module,
            place.map(|at| format!(" at {}", at.place)).unwrap_or_default(),
        );
    }

    /// Hands a task's failure to the restart policy, once the instance serves.
    pub(crate) fn task_failed(&self, cause: String) {
        tracing::error!(target: "bedplate::lifecycle", module = %self.id.module, scene = %self.id.scene, "{cause}");
        if let Some(early) = lock(&self.early_failures).as_mut() {
            early.push(cause);
            return;
        }
        self.judge_failure(cause);
    }

    /// The instance serves from now on: what failed before is judged now.
    pub(crate) fn begins_to_serve(&self) {
        let early = lock(&self.early_failures).take();
        if let Some(cause) = early.into_iter().flatten().next() {
            self.judge_failure(cause);
        }
    }

    /// It was replaced, and could serve again: its background work ends, and failures wait until it does.
    pub(crate) fn goes_warm(&self) {
        lock(&self.background).cancel();
        lock(&self.early_failures).get_or_insert_default();
    }

    /// It serves again: background work may be started anew.
    pub(crate) fn comes_back(&self) {
        *lock(&self.background) = CancellationToken::new();
    }

    fn judge_failure(&self, cause: String) {
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
