//! The context of an instance: what it is, what it may ask the base for, and what hangs on it.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::Result;
use crate::descriptors::ModuleName;
use crate::module::instance_state::BackgroundTask;
use crate::module::{InstanceId, InstanceState, TaskInfo, TaskOutcome, task};
use crate::scene::SceneName;
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
        let counted = BackgroundTask::count(&self.state);
        task::spawn(&self.state, name, place, async move {
            let _counted = counted;
            tokio::select! {
                () = ended.cancelled() => Ok(()),
                outcome = work => outcome.failure().map_or(Ok(()), Err),
            }
        });
    }

    /// What the generation before has handed over, read as a `T`; `None` where there was none, or it had
    /// nothing. To be asked by [`start`](crate::Module::start): afterwards it is gone.
    ///
    /// # Errors
    ///
    /// Where it is no `T`: ask [`handed_over_version`](Self::handed_over_version) first, and read it as what
    /// that version was. There is an example at [`Module::hand_over`](crate::Module::hand_over).
    pub fn handed_over<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let handed_over = lock(&self.state.handed_over).clone();
        handed_over.map(|handed_over| handed_over.read()).transpose()
    }

    /// The version that the generation before has given to [what it handed over](Self::handed_over).
    #[must_use]
    pub fn handed_over_version(&self) -> Option<u32> {
        lock(&self.state.handed_over).as_ref().map(|handed_over| handed_over.state.version())
    }

    /// Waits until the instance is asked to end: it has been replaced, or the base shuts down.
    /// Long-lived handlers and tasks await it beside their work; a drain that still meets them at
    /// `drain.deadline` cancels them.
    ///
    /// A module gets its context as a field, and its handlers by the module:
    ///
    /// ```
    /// use std::time::Duration;
    /// use bedplate::ModuleContext;
    ///
    /// struct Feed {
    ///     context: ModuleContext,
    /// }
    ///
    /// impl Feed {
    ///     /// Answers when there is news, or at once where there will not be any from this generation: a
    ///     /// handler that waits long. The client asks again, and finds the next one.
    ///     async fn news(&self) -> Option<String> {
    ///         tokio::select! {
    ///             news = next() => Some(news),
    ///             () = self.context.draining() => None,
    ///         }
    ///     }
    /// }
    ///
    /// async fn next() -> String {
    ///     tokio::time::sleep(Duration::from_secs(20)).await;
    ///     "news".to_owned()
    /// }
    /// ```
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
