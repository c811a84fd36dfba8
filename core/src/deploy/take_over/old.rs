//! The old side of a take-over: comes to rest, hands over its state, stops.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use crate::compose::{Composition, Problem};
use crate::deploy::bake::end;
use crate::deploy::engine::{Deployment, Reason};
use crate::deploy::retire::{idle, left_by_entries, stop_one, stop_order, tell_cancelled};
use crate::deploy::start::place;
use crate::deploy::take_over::flow::left;
use crate::deploy::take_over::{How, Pair, TakeOver};
use crate::deploy::{Pinned, Versioned};
use crate::isolation::{Entry, EntryFuture, EntryKind};
use crate::module::{HandOver, HandedOver, Instance, ModuleState};
use crate::service::CallError;
use crate::sync::lock;

/// States that were handed over, by the number of the instance that did.
pub(super) type States = BTreeMap<u64, Arc<HandedOver>>;

impl Deployment<'_> {
    /// Waits until nothing is inside the old instances but their tasks and streams, or until the limit.
    pub(super) async fn come_to_rest(&self, take_over: &TakeOver, limit: Duration) {
        let olds: Vec<_> = take_over.pairs.iter().map(|pair| pair.old.clone()).collect();
        let rest = async {
            for old in &olds {
                old.state_cell().background_tasks.none().await;
            }
            left_by_entries(self.base, &olds).await;
        };
        if timeout(limit, rest).await.is_ok() {
            return;
        }
        for old in take_over.olds(How::WithItsState) {
            let left: Vec<_> = old.in_flight().iter().map(|left| format!("{} `{}`", left.kind, left.label)).collect();
            tracing::warn!(
                target: "bedplate::deploy",
                module = %old.module(), scene = %old.scene(), generation = old.id().generation,
                "{} hands over while it is still in use: what changes from now on is lost{}{}",
                old.id(), if left.is_empty() { "" } else { "; inside: " }, left.join(", "),
            );
        }
    }

    /// Has the old instances hand over their state.
    ///
    /// # Errors
    ///
    /// Those that cannot. A restart goes on without: what has failed must not be kept by what fails with it.
    pub(super) async fn hand_over(
        &self,
        was: &Arc<Versioned<Composition>>,
        take_over: &TakeOver,
        limit: Duration,
    ) -> Result<States, Vec<Problem>> {
        let handing = take_over.pairs.iter().filter(|pair| self.keeps_state(&pair.old)).map(|Pair { old, .. }| async {
            let kept = lock(&old.state_cell().handed_over).take();
            let state = match kept {
                // It has stopped, and nobody could start since: this is the state it left.
                Some(kept) => Ok(Some(kept)),
                None if !old.state_cell().has_started.load(Ordering::Acquire) => Ok(None),
                None => ask(was, old, limit)
                    .await
                    .map(|state| state.map(|state| Arc::new(HandedOver { from: old.id().clone(), state }))),
            };
            (old.uid(), state)
        });
        let mut states = States::new();
        let mut problems = Vec::new();
        for (uid, state) in join_all(handing).await {
            match state {
                Ok(state) => states.extend(state.map(|state| (uid, state))),
                Err(problem) if matches!(self.reason, Reason::Restart(_)) => {
                    tracing::error!(target: "bedplate::deploy", "{}; it is restarted without its state", problem.what);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(states) } else { Err(problems) }
    }

    /// Stops the old instances of exclusive modules. From here on they do not come back.
    pub(super) async fn stop_old(
        &self,
        was: &Arc<Versioned<Composition>>,
        take_over: &TakeOver,
        until: Instant,
    ) -> Vec<Arc<Instance>> {
        let olds = take_over.olds(How::Alone);
        if olds.is_empty() {
            return olds;
        }
        for old in &olds {
            let state = old.state_cell();
            state.transition_where(is_up, ModuleState::Draining, "its successor is to start, and must not meet it");
            state.draining.cancel();
        }
        // What was warm from before it was exclusive must not be met either.
        let members: Vec<_> = olds.iter().map(|old| old.member()).collect();
        end(self.base, self.base.bakes.take(|member| members.contains(member)), "its successor is to start").await;
        let is_former = |former: &Arc<Instance>| {
            members.contains(&former.member()) && olds.iter().all(|old| old.uid() != former.uid())
        };
        let former: Vec<_> = self.base.leaving().into_iter().filter(is_former).collect();
        let in_time = timeout(left(until) / 2, async {
            idle(&olds).await;
            for former in &former {
                former.state_cell().over().await;
            }
        });
        let in_time = in_time.await.is_ok();
        for old in &olds {
            let left = old.in_flight();
            if in_time && left.is_empty() {
                continue;
            }
            left.iter().for_each(|left| tell_cancelled(left, old));
            old.state_cell().cancel();
        }
        // What was cancelled leaves at its next poll; what blocks its thread cannot be waited for.
        let _ = timeout(self.base.lifecycle().stop_deadline, idle(&olds)).await;
        for index in stop_order(&olds) {
            let old = &olds[index];
            // What goes wrong is told; whether the successor can start all the same, it will show.
            let _ = stop_one(self.base, was, old).await;
            old.state_cell().has_started.store(false, Ordering::Release);
        }
        olds
    }
}

fn is_up(state: ModuleState) -> bool {
    !matches!(state, ModuleState::Stopped | ModuleState::Failed)
}

/// Asks one instance for its state, on a task of its own: one that blocks its thread holds nothing else up.
async fn ask(
    was: &Arc<Versioned<Composition>>,
    old: &Arc<Instance>,
    limit: Duration,
) -> Result<Option<HandOver>, Problem> {
    let module = old.clone();
    let entry = Entry::new(EntryKind::HandOver, "hand-over");
    // The error becomes a text inside the gate: writing it is the module's code.
    let work = Box::pin(async move { module.object().hand_over().await.map_err(|error| format!("{error:#}")) });
    let gated = EntryFuture::new(Some(Pinned::new(Versioned::pin(was))), old.state_cell(), &entry, None, work);
    let mut task = old.state_cell().runtime.spawn(gated);
    let problem = |code, what: String| Problem {
        code,
        what: format!("{} cannot hand over its state: {what}", old.id()),
        places: vec![place(old)],
        help: "mend its `hand_over`, which is in the generation that serves; or deploy with `without_state`, which \
               lets the next one start without"
            .to_owned(),
    };
    match timeout(limit, &mut task).await {
        Ok(Ok(Ok(Ok(state)))) => Ok(state),
        Ok(Ok(Ok(Err(error)))) => Err(problem("hand-over-failed", error)),
        Ok(Ok(Err(CallError::Panicked { .. }))) => {
            Err(problem("hand-over-panicked", "it panicked; the log has the panic's text".to_owned()))
        }
        Ok(Ok(Err(error))) => Err(problem("hand-over-failed", error.to_string())),
        Ok(Err(error)) => Err(problem("hand-over-failed", error.to_string())),
        Err(_) => {
            task.abort();
            let limit = humantime::format_duration(limit);
            Err(problem("hand-over-deadline", format!("it was not ready within {limit}, a part of `deploy.hold`")))
        }
    }
}
