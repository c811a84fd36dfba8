//! One entry or call that waits at a held door: in its place, no longer than it may, shown and counted.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::deploy::Pinned;
use crate::isolation::door::Waited;
use crate::module::InstanceState;
use crate::service::CallError;

/// Waits until the door of an instance is held no more.
pub(crate) struct Waiting {
    instance: Arc<InstanceState>,
    number: u64,
    since: Instant,
    longest: Duration,
    deadline: Option<Instant>,
    /// Rings when it has waited long enough.
    timer: Pin<Box<Sleep>>,
}

/// How a wait ended.
pub(crate) enum Let {
    /// The door is held no more: what it says now is asked anew.
    Ask,
    /// Another composition serves in the instance's place, where that one is still held.
    Elsewhere(Option<Pinned>),
    /// It has waited too long.
    Refused(CallError),
}

impl Waiting {
    /// Waits for `longest` at most, and not beyond the deadline.
    pub(crate) fn new(instance: &Arc<InstanceState>, longest: Duration, deadline: Option<Instant>) -> Self {
        let since = Instant::now();
        // A wait that ends beyond what the clock can say is one of years.
        let until = since.checked_add(longest).unwrap_or_else(|| since + Duration::from_secs(86_400 * 365));
        let until = deadline.map_or(until, |deadline| deadline.min(until));
        instance.stats.waits();
        Self {
            instance: instance.clone(),
            number: instance.door.number(),
            since,
            longest,
            deadline,
            timer: Box::pin(sleep_until(until)),
        }
    }

    /// Whether the wait is over. `target` names what waits.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, target: impl FnOnce() -> String) -> Poll<Let> {
        match self.instance.door.poll_wait(self.number, cx.waker()) {
            Poll::Ready(Waited::Over) => return Poll::Ready(Let::Ask),
            Poll::Ready(Waited::Superseded(by)) => return Poll::Ready(Let::Elsewhere(by)),
            Poll::Pending => {}
        }
        self.timer.as_mut().poll(cx).map(|()| {
            let late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
            Let::Refused(if late {
                CallError::DeadlineExceeded { target: target() }
            } else {
                CallError::Held { target: target(), waited: humantime::format_duration(self.longest).to_string() }
            })
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.instance.door.leave(self.number);
        self.instance.stats.waited(self.since.elapsed());
    }
}
