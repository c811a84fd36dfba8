//! The gate: runs one entry inside a module.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use tokio::time::{Instant, Sleep};

use crate::deploy::Pinned;
use crate::isolation::inflight::Record;
use crate::isolation::{Entry, EntryKind, Frame, Let, PanicText, Passage, Scoped, Waiting, Waits, Watched, catch};
use crate::module::{InstanceId, InstanceState};
use crate::service::CallError;
use crate::starter::{Around, Next, Outcome};
use crate::sync::lock;

/// Runs `work` as an entry into an instance, through the starters' wrappers where there are any.
pub(crate) fn run_entry<'a, T: Send + 'a>(
    pin: &Pinned,
    instance: &Arc<InstanceState>,
    entry: Entry,
    work: BoxFuture<'a, T>,
) -> BoxFuture<'a, Result<T, CallError>> {
    let arounds = pin.arounds();
    if arounds.is_empty() {
        return Box::pin(EntryFuture::new(Some(pin.clone()), instance, &entry, None, work));
    }
    let arounds = arounds.clone();
    let (pin, instance) = (pin.clone(), instance.clone());
    Box::pin(async move {
        let result = Mutex::new(None);
        let gated = EntryFuture::new(Some(pin), &instance, &entry, None, work);
        let innermost: BoxFuture<'_, Outcome> = Box::pin(async {
            match gated.await {
                Ok(value) => {
                    *lock(&result) = Some(value);
                    Outcome::Completed
                }
                Err(error) => Outcome::Refused(error),
            }
        });
        let outcome = run_wrapped(&arounds, &entry, &instance.id, innermost).await;
        let outcome = outcome.unwrap_or_else(|text| wrapper_panicked(&instance, &entry, &text));
        match (outcome, lock(&result).take()) {
            (Outcome::Completed, Some(value)) => Ok(value),
            (Outcome::Completed, None) => {
                Err(CallError::Refused { reason: "a starter's wrapper did not run the entry".to_owned() })
            }
            (Outcome::Refused(error), _) => Err(error),
        }
    })
}

/// A starter's wrapper has panicked: the module is not to blame, and the caller gets an answer.
fn wrapper_panicked(instance: &InstanceState, entry: &Entry, text: &PanicText) -> Outcome {
    let target = format!("{} ({})", instance.id.module, entry.label());
    let at = text.at.as_ref();
    tracing::error!(
        target: "bedplate::isolation", module = %instance.id.module, entry = entry.label(), panic = %text,
        at = at.map(|at| &*at.place), backtrace = at.and_then(|at| at.backtrace.as_deref()),
        "a starter's wrapper panicked around {target}: {text}"
    );
    Outcome::Refused(CallError::Panicked { target })
}

/// Runs an entry inside the starters' wrappers; a panic of one becomes its text.
async fn run_wrapped<'a>(
    arounds: &'a [Arc<dyn Around>],
    entry: &'a Entry,
    instance: &'a InstanceId,
    innermost: BoxFuture<'a, Outcome>,
) -> Result<Outcome, PanicText> {
    let mut innermost = Some(innermost);
    let mut wrapped: Option<BoxFuture<'a, Outcome>> = None;
    poll_fn(|cx| {
        let _watched = Watched::begin();
        let polled = catch(|| {
            // Made in here: a wrapper may panic before it returns its future.
            if let Some(innermost) = innermost.take() {
                let around = |rest, around: &'a Arc<dyn Around>| around.around(entry, Next::new(instance, rest));
                wrapped = Some(arounds.iter().rev().fold(innermost, around));
            }
            wrapped.as_mut().map_or(Poll::Pending, |wrapped| wrapped.as_mut().poll(cx))
        });
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(text) => Poll::Ready(Err(text)),
        }
    })
    .await
}

/// An entry at work: sets the frame for each poll, catches panics, keeps the deadline, can be
/// cancelled, and is in the in-flight list until it is dropped.
pub(crate) struct EntryFuture<'a, T> {
    work: Option<BoxFuture<'a, T>>,
    frame: Option<Frame>,
    instance: Arc<InstanceState>,
    deadline: Option<Instant>,
    record: Arc<Record>,
    id: u64,
    timer: Option<Pin<Box<Sleep>>>,
    way: Way,
    /// Whether it has been polled: a wrapper of a starter may not let it come so far.
    entered: bool,
}

/// How far an entry has come.
enum Way {
    /// Into the module.
    In,
    /// To its door, which is held.
    AtTheDoor(Box<Waiting>),
    /// Not farther than the door.
    Refused(CallError),
}

impl<'a, T> EntryFuture<'a, T> {
    pub(crate) fn new(
        pin: Option<Pinned>,
        instance: &Arc<InstanceState>,
        entry: &Entry,
        place: Option<&'static Location<'static>>,
        work: BoxFuture<'a, T>,
    ) -> Self {
        let kind = entry.kind();
        let composition = pin.as_ref().map(|pin| pin.number());
        let (id, record) = instance.in_flight.add(kind, entry.shared_label(), place, composition);
        instance.stats.entered(kind);
        let deadline = entry.time_limit().and_then(|limit| Instant::now().checked_add(limit));
        let way = if instance.door.is_open() { Way::In } else { way_in(instance, &record, deadline) };
        let frame = Frame { pin: pin.map(Arc::new), instance: instance.clone(), deadline, depth: 0 };
        Self {
            work: Some(work),
            frame: Some(frame),
            instance: instance.clone(),
            deadline,
            record,
            id,
            timer: None,
            way,
            entered: false,
        }
    }

    /// Drops what is left of the work, as the module, with its panics caught.
    fn drop_work(&mut self) {
        if let Some(work) = self.work.take() {
            let dropped = {
                let _scope = Scoped::enter(&mut self.frame);
                catch(|| drop(work))
            };
            if let Err(text) = dropped {
                self.instance.report_panic(&self.record.label, &text);
            }
        }
    }

    fn give_up(&mut self, error: CallError) -> Result<T, CallError> {
        self.drop_work();
        self.instance.stats.failed(&error);
        Err(error)
    }

    /// Waits where the door is held, and says why it is not let in.
    fn poll_way(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        let Self { way, instance, record, deadline, .. } = self;
        while let Way::AtTheDoor(waiting) = way {
            *way = match ready!(waiting.poll(cx, || target(instance, record))) {
                Let::Ask => way_in(instance, record, *deadline),
                Let::Elsewhere(_) => Way::Refused(CallError::Superseded { target: target(instance, record) }),
                Let::Refused(error) => Way::Refused(error),
            };
        }
        match way {
            Way::Refused(error) => Poll::Ready(Err(error.clone())),
            Way::In | Way::AtTheDoor(_) => Poll::Ready(Ok(())),
        }
    }

    fn target(&self) -> String {
        target(&self.instance, &self.record)
    }
}

fn target(instance: &InstanceState, record: &Record) -> String {
    format!("{} ({})", instance.id.module, record.label)
}

/// The way of an entry whose door is not open.
#[cold]
fn way_in(instance: &Arc<InstanceState>, record: &Record, deadline: Option<Instant>) -> Way {
    record.set_waiting(Waits::NoMore);
    match record.kind {
        EntryKind::Request | EntryKind::Job | EntryKind::Message | EntryKind::Call => {}
        // The base's own, and the module's.
        _ => return Way::In,
    }
    match instance.door.passage(None) {
        // What enters one that has stopped is cancelled at once: its list is closed.
        Passage::Open | Passage::Stopped => Way::In,
        Passage::Down => Way::Refused(CallError::NotStarted { target: target(instance, record) }),
        Passage::Elsewhere(_) => Way::Refused(CallError::Superseded { target: target(instance, record) }),
        Passage::Held(longest) => {
            record.set_waiting(Waits::AtTheGate);
            Way::AtTheDoor(Box::new(Waiting::new(instance, longest, deadline)))
        }
    }
}

impl<T> Future for EntryFuture<'_, T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.entered = true;
        if !matches!(this.way, Way::Refused(_)) && this.record.poll_cancelled(cx.waker()) {
            let error = CallError::Cancelled { target: this.target() };
            return Poll::Ready(this.give_up(error));
        }
        if let Err(error) = ready!(this.poll_way(cx)) {
            return Poll::Ready(this.give_up(error));
        }
        let Some(work) = this.work.as_mut() else {
            return Poll::Ready(Err(CallError::Cancelled { target: this.target() }));
        };
        let polled = {
            let _scope = Scoped::enter(&mut this.frame);
            catch(|| work.as_mut().poll(cx))
        };
        match polled {
            Ok(Poll::Ready(value)) => {
                this.drop_work();
                Poll::Ready(Ok(value))
            }
            Ok(Poll::Pending) => this.poll_deadline(cx),
            Err(text) => {
                this.instance.report_panic(&this.record.label, &text);
                this.drop_work();
                Poll::Ready(Err(CallError::Panicked { target: this.target() }))
            }
        }
    }
}

impl<T> EntryFuture<'_, T> {
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, CallError>> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        // Asked beside the timer, which tokio does not let fire while the work spends its whole budget.
        if Instant::now() >= deadline {
            return Poll::Ready(self.exceeded());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        match timer.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(self.exceeded()),
        }
    }

    fn exceeded(&mut self) -> Result<T, CallError> {
        let error = CallError::DeadlineExceeded { target: self.target() };
        self.give_up(error)
    }
}

impl<T> Drop for EntryFuture<'_, T> {
    fn drop(&mut self) {
        if self.work.is_some() {
            self.drop_work();
            let target = String::new();
            if self.record.is_cancelled() {
                self.instance.stats.failed(&CallError::Cancelled { target });
            } else if self.entered {
                self.instance.stats.abandoned();
            } else {
                // A starter's wrapper did not let it in.
                self.instance.stats.failed(&CallError::Refused { reason: target });
            }
        }
        self.instance.in_flight.remove(self.id);
        self.instance.stats.left(self.record.kind);
    }
}
