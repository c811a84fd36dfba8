//! The end of instances that left the composition: drain, stop, release, retire.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until, timeout};

use crate::base::Shared;
use crate::compose::{Composition, required_by_index, start_order};
use crate::deploy::{Pinned, Versioned};
use crate::isolation::{Entry, EntryFuture, EntryKind};
use crate::module::{Instance, ModuleState};

/// Ends `leaving`, which `was` held and the composition that serves now does not.
///
/// Waits until no entry, stream or task is left, or until the deadline, then cancels and names
/// what is left; stops the instances in reverse order of their requirements; and lets the
/// starters free what they were given.
pub(super) async fn retire(
    base: Arc<Shared>,
    was: Arc<Versioned<Composition>>,
    leaving: Vec<Arc<Instance>>,
    within: Duration,
) {
    let deadline = Instant::now() + within;
    let drained = tokio::select! {
        () = drained(&base, &leaving) => true,
        () = sleep_until(deadline) => false,
    };
    if !drained {
        cancel_left(&base, &was, &leaving);
        // What was cancelled leaves at its next poll; what blocks its thread cannot be waited for.
        let _ = timeout(base.lifecycle.stop_deadline, self::drained(&base, &leaving)).await;
    }
    stop_all(&base, &was, &leaving).await;
    for instance in &leaving {
        instance.state_cell().cancelled.cancel();
        instance.state_cell().in_flight.cancel_all();
        instance.state_cell().set_home(None);
        for starter in base.starters() {
            starter.calls.release(instance.id()).await;
        }
    }
    base.forget_superseded();
}

/// Waits until nothing can be inside any of the instances.
async fn drained(base: &Shared, leaving: &[Arc<Instance>]) {
    loop {
        for instance in leaving {
            instance.state_cell().tasks.none().await;
            instance.state_cell().streams.none().await;
        }
        let holding = base.superseded_holding(leaving);
        join_all(holding.iter().map(|composition| composition.pins().none())).await;
        let quiet = leaving
            .iter()
            .all(|instance| instance.state_cell().tasks.now() == 0 && instance.state_cell().streams.now() == 0)
            && base.superseded_holding(leaving).iter().all(|composition| composition.pins().now() == 0);
        if quiet {
            return;
        }
    }
}

/// The deadline has passed: cancels what is left, and says what it was.
fn cancel_left(base: &Shared, was: &Arc<Versioned<Composition>>, leaving: &[Arc<Instance>]) {
    let uids: Vec<_> = leaving.iter().map(|instance| instance.uid()).collect();
    // An entry of a neighbour that is pinned to the old composition may still call into it.
    for instance in was.value().instances() {
        let leaves = uids.contains(&instance.uid());
        let state = instance.state_cell();
        if leaves {
            for left in instance.in_flight() {
                tracing::warn!(
                    target: "bedplate::deploy",
                    module = %instance.module(), scene = %instance.scene(), generation = instance.id().generation,
                    "the drain's deadline passed; cancelled {} `{}` of {} after {} ms{}",
                    left.kind, left.label, instance.id(), left.age_ms,
                    left.place.map(|place| format!(", spawned at {place}")).unwrap_or_default(),
                );
            }
            state.in_flight.cancel_all();
            state.cancelled.cancel();
        }
    }
    for composition in base.superseded_holding(leaving) {
        for instance in composition.value().instances().filter(|instance| !uids.contains(&instance.uid())) {
            instance.state_cell().in_flight.cancel_pinned(composition.value().number());
        }
    }
}

/// Calls `stop` on each: whoever requires another first, the deadline for each, all errors told.
pub(super) async fn stop_all(base: &Arc<Shared>, was: &Arc<Versioned<Composition>>, leaving: &[Arc<Instance>]) {
    let specs: Vec<_> = leaving.iter().map(|instance| instance.spec.clone()).collect();
    let order = start_order(&required_by_index(&specs)).unwrap_or_else(|_| (0..leaving.len()).collect());
    for index in order.into_iter().rev() {
        stop_one(base, was, &leaving[index]).await;
    }
}

async fn stop_one(base: &Shared, was: &Arc<Versioned<Composition>>, instance: &Arc<Instance>) {
    let state = instance.state_cell();
    if state.state() == ModuleState::Failed && instance.exports.get().is_none() {
        // It never started: there is nothing to stop.
        return;
    }
    let module = instance.clone();
    let entry = Entry::new(EntryKind::Stop, "stop");
    let work = Box::pin(async move { module.module.stop().await });
    let gated = EntryFuture::new(Some(Pinned::new(was.pin())), state, &entry, None, work);
    let mut task = state.runtime.spawn(gated);
    let cause = match timeout(base.lifecycle.stop_deadline, &mut task).await {
        Ok(Ok(Ok(Ok(())))) => "its stop has ended".to_owned(),
        Ok(Ok(Ok(Err(error)))) => format!("its stop failed: {error:#}"),
        Ok(Ok(Err(error))) => format!("its stop failed: {error}"),
        Ok(Err(error)) => format!("its stop was interrupted: {error}"),
        Err(_) => {
            task.abort();
            format!("its stop did not end within {}", humantime::format_duration(base.lifecycle.stop_deadline))
        }
    };
    if cause != "its stop has ended" {
        tracing::error!(target: "bedplate::lifecycle", module = %instance.module(), scene = %instance.scene(), "{}: {cause}", instance.id());
        base.note_failed_stop();
    }
    state.transition(ModuleState::Stopped, &cause);
}
