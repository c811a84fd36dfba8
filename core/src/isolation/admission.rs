//! The question of a starter whether an entry may enter, asked before it has consumed anything.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, ready};

use tokio::time::Instant;

use crate::deploy::Pinned;
use crate::isolation::{Entry, Let, Passage, Tracked, Waiting};
use crate::module::InstanceState;
use crate::service::CallError;

/// What the gate of an instance answers to an entry that has not begun.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Admission {
    /// Enter: [`Instance::enter`](crate::Instance::enter).
    Enter,
    /// Another composition serves in the place of the one that the entry has pinned: this one now. Nothing
    /// of the entry has run: dispatch it there.
    Superseded(Pinned),
    /// It has waited as long as it may, or was cancelled.
    Refused(CallError),
}

/// Waits at the door of an instance, where it is held, as this entry.
pub(crate) fn admitted(
    instance: &Arc<InstanceState>,
    entry: &Entry,
    composition: Option<u64>,
) -> impl Future<Output = Admission> + Send + use<> {
    let instance = instance.clone();
    let (kind, label) = (entry.kind(), entry.shared_label());
    let deadline = entry.time_limit().and_then(|limit| Instant::now().checked_add(limit));
    async move {
        let target = || format!("{} ({label})", instance.id.module);
        while !instance.door.is_open() {
            let longest = match instance.door.passage(None) {
                Passage::Held(longest) => longest,
                Passage::Elsewhere(_) => return elsewhere(&instance, target()),
                Passage::Open | Passage::Stopped => return Admission::Enter,
                Passage::Down => return Admission::Refused(CallError::NotStarted { target: target() }),
            };
            let tracked = Tracked::waiting(&instance, kind, label.clone(), composition);
            let mut waiting = Waiting::new(&instance, longest, deadline);
            let wait = poll_fn(|cx| {
                if tracked.poll_cancelled(cx.waker()) {
                    return Poll::Ready(Let::Refused(CallError::Cancelled { target: target() }));
                }
                Poll::Ready(ready!(waiting.poll(cx, target)))
            });
            match wait.await {
                Let::Ask => {}
                Let::Elsewhere(_) => return elsewhere(&instance, target()),
                Let::Refused(error) => {
                    instance.stats.failed(&error);
                    return Admission::Refused(error);
                }
            }
        }
        Admission::Enter
    }
}

/// What serves now: it may be newer than where the door leads to.
fn elsewhere(instance: &InstanceState, target: String) -> Admission {
    match instance.base.upgrade() {
        Some(base) => Admission::Superseded(base.pin()),
        None => Admission::Refused(CallError::Superseded { target }),
    }
}
