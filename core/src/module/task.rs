//! A task of a module: tracked, cancelled with its instance, its failure reported.

use std::borrow::Cow;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::isolation::{Entry, EntryFuture, EntryKind};
use crate::module::InstanceState;
use crate::service::CallError;

/// What a task may return: nothing, or a `Result` whose error is the task's failure.
#[diagnostic::on_unimplemented(
    message = "a task cannot return `{Self}`",
    label = "neither `()` nor a `Result<(), E>`",
    note = "return nothing, or a `Result<(), E>` whose error becomes a `bedplate::Error`"
)]
pub trait TaskOutcome: Send + 'static {
    /// The failure, where it failed.
    fn failure(self) -> Option<crate::Error>;
}

impl TaskOutcome for () {
    fn failure(self) -> Option<crate::Error> {
        None
    }
}

impl<E: Into<crate::Error> + Send + 'static> TaskOutcome for Result<(), E> {
    fn failure(self) -> Option<crate::Error> {
        self.err().map(Into::into)
    }
}

/// A task that goes on for ever: `async { loop { … } }`.
impl TaskOutcome for Never {
    fn failure(self) -> Option<crate::Error> {
        self
    }
}

/// The type `!`, which stable Rust lets nobody name but as what a function returns.
type Never = <fn() -> ! as Returns>::Output;

/// A function, by what it returns.
#[doc(hidden)]
pub trait Returns {
    /// What it returns.
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

/// A task that was spawned.
#[derive(Debug, Clone)]
pub struct TaskInfo {
    abort: AbortHandle,
}

impl TaskInfo {
    /// Ends the task at its next await.
    pub fn abort(&self) {
        self.abort.abort();
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.abort.is_finished()
    }
}

/// Spawns a task of an instance.
pub(crate) fn spawn<F>(
    instance: &Arc<InstanceState>,
    name: Cow<'static, str>,
    place: &'static Location<'static>,
    work: F,
) -> TaskInfo
where
    F: Future<Output: TaskOutcome> + Send + 'static,
{
    // The error becomes a text while the gate is around it: writing it is the module's code.
    let work = Box::pin(async move { work.await.failure().map(|error| format!("{error:#}")) });
    let entry = Entry::new(EntryKind::Task, name.clone());
    let running = EntryFuture::new(None, instance, &entry, Some(place), work);
    instance.tasks.hold();
    let counted = Counted(instance.clone());
    let task = instance.runtime.spawn(async move {
        let result = running.await;
        let failure = match result {
            Ok(None) => None,
            Ok(Some(error)) => Some(format!("task `{name}` failed: {error}")),
            Err(CallError::Panicked { .. }) => Some(format!("task `{name}` panicked")),
            // Cancelled with its instance: that is no failure of the task.
            Err(_) => None,
        };
        if let Some(cause) = failure {
            counted.0.task_failed(cause);
        }
        drop(counted);
    });
    TaskInfo { abort: task.abort_handle() }
}

/// Counts a task until it is dropped, however it ends.
struct Counted(Arc<InstanceState>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.tasks.release();
    }
}
