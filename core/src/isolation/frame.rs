//! Who is at work on this thread now: set for each poll of a module's future, and for no longer.

use std::cell::RefCell;
use std::sync::Arc;
use tokio::time::Instant;

use crate::deploy::Pinned;
use crate::module::{InstanceId, InstanceState};

thread_local! {
    static CURRENT: RefCell<Option<Arc<Frame>>> = const { RefCell::new(None) };
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
    /// The frame that is set on this thread.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }
}

/// Sets a frame for as long as it lives, and restores the one before.
pub(crate) struct Scoped {
    before: Option<Arc<Frame>>,
}

impl Scoped {
    pub(crate) fn enter(frame: Arc<Frame>) -> Self {
        Self { before: CURRENT.replace(Some(frame)) }
    }
}

impl Drop for Scoped {
    fn drop(&mut self) {
        let ours = CURRENT.replace(self.before.take());
        // Dropped after the cell is free again: the drop may run module code that looks at it.
        drop(ours);
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
    Frame::current().map(|frame| Current { instance: frame.instance.id.clone(), deadline: frame.deadline })
}
