//! The end of instances that left the composition: drain, stop, release, retire.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use crate::base::Shared;
use crate::compose::{Composition, Problem, required_among, start_order};
use crate::deploy::bake::Leaving;
use crate::deploy::cell::all_free;
use crate::deploy::outlived::Left;
use crate::deploy::start::place;
use crate::deploy::{Count, LaterStep, Pinned, Versioned, not_longer_than};
use crate::isolation::{Entry, EntryFuture, EntryInfo, EntryKind};
use crate::module::{Instance, InstanceState, ModuleState};
use crate::service::CallError;
use crate::sync::lock;

/// Asks an instance that serves no longer to end: its background work stops, and what is inside ends.
pub(super) fn begin_drain(instance: &Instance, cause: &str) {
    let state = instance.state_cell();
    state.transition(ModuleState::Draining, cause);
    state.draining.cancel();
    lock(&state.background).cancel();
}

/// Ends `leaving`, which the composition that serves now does not hold, and which [`begin_drain`] was called on.
///
/// Waits until no entry, stream or task is left, or until the deadline, then cancels and names
/// what is left; stops the instances in reverse order of their requirements; and lets the
/// starters free what they were given.
pub(super) async fn retire(base: Arc<Shared>, leaving: Vec<Leaving>) {
    let instances: Vec<_> = leaving.iter().map(|leaving| leaving.instance.clone()).collect();
    let (since, limit) = (Instant::now(), base.drain().deadline);
    let mut left = BTreeMap::new();
    if timeout(limit, drained(&base, &instances)).await.is_err() {
        left = instances.iter().map(|instance| (instance.uid(), describe_left(instance))).collect();
        cancel_left(&base, &instances);
        // What was cancelled leaves at its next poll; what blocks its thread cannot be waited for.
        if timeout(base.lifecycle().stop_deadline, drained(&base, &instances)).await.is_err() {
            close_homes(&instances);
        }
    }
    for leaving in &leaving {
        let trouble = left.remove(&leaving.instance.uid()).flatten();
        report(&base, leaving, "drain", since.elapsed(), trouble).await;
    }
    for index in stop_order(&instances) {
        let (leaving, since) = (&leaving[index], Instant::now());
        if let Some(result) = stop_one(&base, &leaving.was, &leaving.instance).await {
            report(&base, leaving, "stop", since.elapsed(), result.err()).await;
        }
    }
    bury(&base, &states(&instances)).await;
    // Still counted as leaving until all of it is let go.
    let counted: Vec<_> = leaving.into_iter().map(Leaving::counted).collect();
    base.forget_superseded();
    base.forget_stats(&instances);
    tell_leaks(&base, instances);
    drop(counted);
}

async fn report(base: &Shared, leaving: &Leaving, name: &'static str, took: Duration, trouble: Option<String>) {
    let (deployment, instance) = (leaving.reporter.deployment, leaving.instance.id().clone());
    leaving.reporter.later(base, LaterStep { deployment, instance, name, took, trouble }).await;
}

/// What is still inside an instance at the drain's deadline, in words.
fn describe_left(instance: &Instance) -> Option<String> {
    let mut left: Vec<_> = instance.in_flight().iter().map(|left| format!("{} `{}`", left.kind, left.label)).collect();
    let streams = instance.state_cell().streams.now();
    if streams > 0 {
        left.push(format!("{streams} streams"));
    }
    (!left.is_empty()).then(|| format!("cancelled at the drain's deadline: {}", left.join(", ")))
}

/// Ends instances of the composition `next`, which does not go live: cancels what they began, and
/// stops those that had started.
pub(super) async fn abandon(
    base: &Arc<Shared>,
    next: &Arc<Versioned<Composition>>,
    instances: &[Arc<Instance>],
    cause: &str,
) {
    for instance in instances {
        let state = instance.state_cell();
        state.transition_where(|state| state == ModuleState::Active, ModuleState::Draining, cause);
        state.cancel();
    }
    let _ = timeout(base.lifecycle().stop_deadline, idle(instances)).await;
    for index in stop_order(instances) {
        stop_one(base, next, &instances[index]).await;
    }
    forget(base, instances, cause).await;
}

/// Ends instances that were made to be looked at.
pub(super) async fn put_aside(base: &Shared, instances: &[Arc<Instance>], cause: &str) {
    instances.iter().for_each(|instance| instance.state_cell().transition(ModuleState::Stopped, cause));
    bury(base, &states(instances)).await;
}

/// Ends instances that were never started.
pub(super) async fn forget(base: &Shared, instances: &[Arc<Instance>], cause: &str) {
    for instance in instances {
        let state = instance.state_cell();
        let is_open = |state| !matches!(state, ModuleState::Failed | ModuleState::Stopped);
        state.transition_where(is_open, ModuleState::Failed, cause);
    }
    bury(base, &states(instances)).await;
}

/// The last step of a life: nothing may be inside any more, and the starters free what they gave.
pub(super) async fn bury(base: &Shared, instances: &[Arc<InstanceState>]) {
    for instance in instances {
        instance.end();
        for starter in base.starters().iter() {
            let releasing = async {
                starter.calls.release(&instance.id).await;
                Ok(())
            };
            if let Err(error) = not_longer_than(base.lifecycle().stop_deadline, releasing).await {
                let name = starter.descriptor.name;
                tracing::error!(target: "bedplate::deploy", starter = name, "the starter `{name}` did not release {}: {error:#}", instance.id);
            }
        }
    }
}

fn states(instances: &[Arc<Instance>]) -> Vec<Arc<InstanceState>> {
    instances.iter().map(|instance| instance.state_cell().clone()).collect()
}

/// Waits until no task and no stream of the instances is left.
pub(super) async fn idle(instances: &[Arc<Instance>]) {
    for instance in instances {
        instance.state_cell().tasks.none().await;
        instance.state_cell().streams.none().await;
    }
}

/// Waits until nothing can be inside any of the instances, and lets nothing in from then on.
async fn drained(base: &Shared, leaving: &[Arc<Instance>]) {
    loop {
        idle(leaving).await;
        // Heard from here on, so that nothing is missed between the look and the wait.
        let given_up = base.given_up.notified();
        let holding = base.superseded_holding(leaving);
        tokio::select! {
            _ = join_all(holding.iter().map(|composition| composition.pins().none())) => {}
            () = given_up => {}
        }
        if is_quiet(base, leaving) {
            close_homes(leaving);
            // Work that nobody tracks may have come in just before.
            if is_quiet(base, leaving) {
                return;
            }
        }
    }
}

/// Waits until no entry can be inside any of the instances: none has pinned a composition that holds one.
pub(super) async fn left_by_entries(base: &Shared, instances: &[Arc<Instance>]) {
    loop {
        let given_up = base.given_up.notified();
        let holding = base.superseded_holding(instances);
        tokio::select! {
            _ = join_all(holding.iter().map(|composition| composition.pins().none())) => {}
            () = given_up => {}
        }
        let holding = base.superseded_holding(instances);
        if all_free(holding.iter().map(|composition| composition.pins())) {
            return;
        }
    }
}

fn is_quiet(base: &Shared, leaving: &[Arc<Instance>]) -> bool {
    let holding = base.superseded_holding(leaving);
    let pins = holding.iter().map(|composition| composition.pins());
    all_free(pins.chain(leaving.iter().flat_map(counts)))
}

fn counts(instance: &Arc<Instance>) -> [&Count; 2] {
    let state = instance.state_cell();
    [&state.tasks, &state.streams]
}

/// From here on a reference of these instances resolves nowhere but in an entry that is inside already.
fn close_homes(leaving: &[Arc<Instance>]) {
    leaving.iter().for_each(|instance| instance.state_cell().set_home(None));
}

/// The deadline has passed: says what is left, and cancels it.
fn cancel_left(base: &Shared, leaving: &[Arc<Instance>]) {
    for instance in leaving {
        let state = instance.state_cell();
        instance.in_flight().iter().for_each(|left| tell_cancelled(left, instance));
        let streams = state.streams.now();
        if streams > 0 {
            tracing::warn!(
                target: "bedplate::deploy",
                module = %instance.module(), scene = %instance.scene(), generation = instance.id().generation,
                "the drain's deadline passed; asked {streams} streams of {} to end", instance.id(),
            );
        }
        state.cancel();
    }
    // An entry of a neighbour that is pinned to an old composition may still call into it.
    for composition in base.superseded_holding(leaving) {
        let number = composition.value().number();
        let stays = |instance: &&Arc<Instance>| leaving.iter().all(|leaving| leaving.uid() != instance.uid());
        for neighbour in composition.value().instances().filter(stays) {
            let in_flight = &neighbour.state_cell().in_flight;
            in_flight.list(neighbour.id(), Some(number)).iter().for_each(|left| tell_cancelled(left, neighbour));
            in_flight.cancel_pinned(number);
        }
    }
}

pub(super) fn tell_cancelled(left: &EntryInfo, instance: &Instance) {
    tracing::warn!(
        target: "bedplate::deploy",
        module = %instance.module(), scene = %instance.scene(), generation = instance.id().generation,
        "the drain's deadline passed; cancelled {} `{}` of {} after {} ms{}",
        left.kind, left.label, left.instance, left.age_ms,
        left.place.as_ref().map(|place| format!(", spawned at {place}")).unwrap_or_default(),
    );
}

/// Lets go of the instances when nothing refers to them any more. Nobody waits for that; what lasts
/// longer than a stop may is told.
fn tell_leaks(base: &Arc<Shared>, leaving: Vec<Arc<Instance>>) {
    let held = base.superseded_holding(&leaving);
    let retired: Vec<_> = leaving.iter().map(Left::of).collect();
    drop(leaving);
    let limit = base.lifecycle().stop_deadline;
    let weak = Arc::downgrade(base);
    base.runtime.spawn(async move {
        join_all(retired.into_iter().map(|left| left.tell(&weak, limit))).await;
    });
    if held.is_empty() {
        return;
    }
    let weak = Arc::downgrade(base);
    base.runtime.spawn(async move {
        join_all(held.iter().map(|composition| composition.pins().none())).await;
        drop(held);
        if let Some(base) = weak.upgrade() {
            base.forget_superseded();
        }
    });
}

/// The order in which instances stop: whoever requires another first.
pub(super) fn stop_order(instances: &[Arc<Instance>]) -> impl Iterator<Item = usize> + use<> {
    let members: Vec<_> = instances.iter().map(|instance| (instance.scene(), &*instance.spec)).collect();
    let needs = required_among(&members);
    let order = start_order(&needs).unwrap_or_else(|_| (0..instances.len()).collect());
    order.into_iter().rev()
}

/// Calls `stop` on an instance that has started, with its deadline; what goes wrong is told, and returned.
pub(super) async fn stop_one(
    base: &Shared,
    was: &Arc<Versioned<Composition>>,
    instance: &Arc<Instance>,
) -> Option<Result<(), String>> {
    let state = instance.state_cell();
    if !state.has_started.load(Ordering::Acquire) {
        return None;
    }
    let module = instance.clone();
    let entry = Entry::new(EntryKind::Stop, "stop");
    // The error becomes a text inside the gate: writing it is the module's code.
    let work = Box::pin(async move { module.object().stop().await.map_err(|error| format!("{error:#}")) });
    let gated = EntryFuture::new(Some(Pinned::new(Versioned::pin(was))), state, &entry, None, work);
    let mut task = state.runtime.spawn(gated);
    let limit = base.lifecycle().stop_deadline;
    let (code, what) = match timeout(limit, &mut task).await {
        Ok(Ok(Ok(Ok(())))) => {
            stopped(instance, "its stop has ended");
            return Some(Ok(()));
        }
        Ok(Ok(Ok(Err(error)))) => ("stop-failed", format!("its stop failed: {error}")),
        Ok(Ok(Err(CallError::Panicked { .. }))) => ("stop-panicked", "its stop panicked".to_owned()),
        Ok(Ok(Err(error))) => ("stop-failed", format!("its stop was interrupted: {error}")),
        Ok(Err(error)) => ("stop-failed", format!("its stop was interrupted: {error}")),
        Err(_) => {
            task.abort();
            ("stop-deadline", format!("its stop did not end within {}", humantime::format_duration(limit)))
        }
    };
    tracing::error!(target: "bedplate::lifecycle", module = %instance.module(), scene = %instance.scene(), "{}: {what}", instance.id());
    base.note_failed_stop(Problem {
        code,
        what: format!("{}: {what}", instance.id()),
        places: vec![place(instance)],
        help: "mend its `stop`, or raise `lifecycle.stop_deadline`".to_owned(),
    });
    stopped(instance, &what);
    Some(Err(what))
}

/// One that has failed stays so, though it was stopped.
fn stopped(instance: &Instance, cause: &str) {
    instance.state_cell().transition_where(|state| state != ModuleState::Failed, ModuleState::Stopped, cause);
}
