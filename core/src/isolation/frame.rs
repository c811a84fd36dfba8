//! Who is at work on this thread now: set for each poll of a module's future, and for no longer.

use std::cell::RefCell;
use std::sync::Arc;
use tokio::time::Instant;

use crate::deploy::Pinned;
use crate::isolation::PanicPlace;
use crate::module::{InstanceId, InstanceState};

thread_local! {
    static AT_WORK: RefCell<AtWork> = const { RefCell::new(AtWork { frames: Vec::new(), watched: 0, panic: None }) };
}

/// Who is at work on one thread.
struct AtWork {
    /// Whoever is polled by another stands above it: so this is the path of calls, the innermost last.
    frames: Vec<Frame>,
    /// How many others are at work whose panics are reported.
    watched: u32,
    /// Where a panic happened that nobody has reported yet.
    panic: Option<Box<PanicPlace>>,
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
        AT_WORK.with_borrow(|at_work| look(at_work.frames.last()))
    }

    /// Whether one of the instances on the path of calls that has come to here is as asked for.
    /// `is` runs no module code.
    pub(crate) fn on_call_path(is: impl Fn(&InstanceState) -> bool) -> bool {
        let any = |at_work: &RefCell<AtWork>| at_work.borrow().frames.iter().any(|frame| is(&frame.instance));
        AT_WORK.try_with(any).unwrap_or(false)
    }

    /// Keeps the place of a panic for its report, where one is made of what is at work on this thread. It says whether
    /// it did: not on top of another one, after which nothing may be left to report them.
    pub(super) fn keep_panic(place: impl FnOnce() -> PanicPlace) -> bool {
        let at_work = AT_WORK.try_with(|at_work| {
            let at_work = at_work.try_borrow().ok()?;
            Some((at_work.watched > 0 || !at_work.frames.is_empty(), at_work.panic.is_some()))
        });
        let Ok(Some((true, has_one))) = at_work else { return false };
        if has_one {
            if let Some(first) = Self::take_panic() {
                first.tell();
            }
            return false;
        }
        let place = Box::new(place());
        AT_WORK.try_with(|at_work| at_work.borrow_mut().panic = Some(place)).is_ok()
    }

    /// The place of the panic that was just caught on this thread, where it was kept.
    pub(super) fn take_panic() -> Option<PanicPlace> {
        AT_WORK.try_with(|at_work| at_work.borrow_mut().panic.take()).ok().flatten().map(|place| *place)
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
        let set =
            AT_WORK.try_with(|at_work| frame.take().map(|frame| at_work.borrow_mut().frames.push(frame)).is_some());
        Self { frame, is_set: set.unwrap_or(false) }
    }
}

impl Drop for Scoped<'_> {
    fn drop(&mut self) {
        if !self.is_set {
            return;
        }
        let left = AT_WORK.try_with(|at_work| {
            let mut at_work = at_work.borrow_mut();
            (at_work.frames.pop(), at_work.panic.take())
        });
        if let Ok((frame, panic)) = left {
            *self.frame = frame;
            if let Some(panic) = panic {
                unreported(panic);
            }
        }
    }
}

/// A panic that came no farther than the module. One on its way is reported by who catches it.
#[cold]
fn unreported(panic: Box<PanicPlace>) {
    if std::thread::panicking() {
        let _ = AT_WORK.try_with(|at_work| at_work.borrow_mut().panic = Some(panic));
    } else {
        panic.tell();
    }
}

/// Says that somebody catches and reports a panic of what runs meanwhile, though it is no module's.
pub(crate) struct Watched;

impl Watched {
    pub(crate) fn begin() -> Self {
        let _ = AT_WORK.try_with(|at_work| at_work.borrow_mut().watched += 1);
        Self
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = AT_WORK.try_with(|at_work| at_work.borrow_mut().watched -= 1);
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
