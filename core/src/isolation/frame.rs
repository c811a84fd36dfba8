//! Who is at work on this thread now: set for each poll of a module's future, and for no longer.

use std::cell::RefCell;
use std::sync::Arc;
use tokio::time::Instant;

use crate::deploy::Pinned;
use crate::module::{InstanceId, InstanceState};

thread_local! {
    /// Whoever is polled by another stands above it: so this is the path of calls, the innermost last.
    static AT_WORK: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// One module at work: in which instance, on which composition, until when.
pub(crate) struct Frame {
    /// The composition that the entry pinned; `None` for tasks, which pin per call.
    pub(crate) pin: Option<Arc<Pinned>>,
    pub(crate) instance: Arc<InstanceState>,
    pub(crate) deadline: Option<Instant>,
    /// How many service calls deep this is.
    pub(crate) depth: u32,
}

impl Frame {
    /// Looks at the frame that is set on this thread. `look` runs no module code.
    pub(crate) fn with_current<T>(look: impl FnOnce(Option<&Self>) -> T) -> T {
        // A thread that ends has no frame any more, and may still log.
        if AT_WORK.try_with(|_| ()).is_err() {
            return look(None);
        }
        AT_WORK.with_borrow(|frames| look(frames.last()))
    }

    /// Whether one of the instances on the path of calls that has come to here is as asked for.
    /// `is` runs no module code.
    pub(crate) fn on_call_path(is: impl Fn(&InstanceState) -> bool) -> bool {
        let any = |frames: &RefCell<Vec<Self>>| frames.borrow().iter().any(|frame| is(&frame.instance));
        AT_WORK.try_with(any).unwrap_or(false)
    }
}

/// Sets a frame for as long as it lives; the one before is then set again.
///
/// The frame moves to the thread and back, so that a poll costs no reference count.
pub(crate) struct Scoped<'f> {
    frame: &'f mut Option<Frame>,
    is_set: bool,
}

impl<'f> Scoped<'f> {
    pub(crate) fn enter(frame: &'f mut Option<Frame>) -> Self {
        // On a thread that ends, the frame stays where it is.
        let set = AT_WORK.try_with(|frames| frame.take().map(|frame| frames.borrow_mut().push(frame)).is_some());
        Self { frame, is_set: set.unwrap_or(false) }
    }
}

impl Drop for Scoped<'_> {
    fn drop(&mut self) {
        if self.is_set {
            *self.frame = AT_WORK.try_with(|frames| frames.borrow_mut().pop()).ok().flatten();
        }
    }
}

/// The module that is at work on this thread.
#[derive(Debug, Clone)]
pub struct Current {
    /// Its instance: module, scene, generation.
    pub instance: InstanceId,
    /// When the entry is given up, where that is limited.
    pub deadline: Option<Instant>,
}

/// The module that is at work on this thread, if one is: for log fields, accounting, tenants.
#[must_use]
pub fn current() -> Option<Current> {
    Frame::with_current(|frame| {
        frame.map(|frame| Current { instance: frame.instance.id.clone(), deadline: frame.deadline })
    })
}
