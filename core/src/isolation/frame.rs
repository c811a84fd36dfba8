//! Who is at work on this thread now: set for each poll of a module's future, and for no longer.

use std::cell::RefCell;
use std::sync::Arc;
use tokio::time::Instant;

use crate::deploy::Pinned;
use crate::module::{InstanceId, InstanceState};

thread_local! {
    static CURRENT: RefCell<Option<Frame>> = const { RefCell::new(None) };
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
        if CURRENT.try_with(|_| ()).is_err() {
            return look(None);
        }
        CURRENT.with_borrow(|frame| look(frame.as_ref()))
    }

    /// Sets a frame on this thread, and returns the one before; on a thread that ends, the same.
    fn swap(mut frame: Option<Self>) -> Option<Self> {
        let _ = CURRENT.try_with(|current| std::mem::swap(&mut *current.borrow_mut(), &mut frame));
        frame
    }
}

/// Sets a frame for as long as it lives, and restores the one before.
///
/// The frame moves to the thread and back, so that a poll costs no reference count.
pub(crate) struct Scoped<'f> {
    frame: &'f mut Option<Frame>,
    before: Option<Frame>,
}

impl<'f> Scoped<'f> {
    pub(crate) fn enter(frame: &'f mut Option<Frame>) -> Self {
        let before = Frame::swap(frame.take());
        Self { frame, before }
    }
}

impl Drop for Scoped<'_> {
    fn drop(&mut self) {
        *self.frame = Frame::swap(self.before.take());
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
