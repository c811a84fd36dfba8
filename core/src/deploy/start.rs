//! Starts the new instances of a composition: in the order of what they require, in parallel where
//! they can, each with its deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;

use crate::compose::{Composition, Place, Problem, required_among};
use crate::deploy::{Pinned, Versioned};
use crate::isolation::{Contained, Entry, EntryFuture, EntryKind};
use crate::module::{Exports, Instance, ModuleState};
use crate::service::CallError;

/// The code of a module that was not started because of another one.
pub(super) const START_SKIPPED: &str = "start-skipped";

/// What became of the start of some instances.
pub(super) struct Started {
    /// Why instances did not start, by index.
    pub(super) failed: BTreeMap<usize, Problem>,
}

/// Starts `instances` on the composition `next`, which is not visible yet.
pub(super) async fn start_all(
    next: &Arc<Versioned<Composition>>,
    instances: &[Arc<Instance>],
    deadlines: &[Duration],
) -> Started {
    let members: Vec<_> = instances.iter().map(|instance| (instance.scene(), &*instance.spec)).collect();
    let needs = required_among(&members);
    let mut needed_by = vec![Vec::new(); instances.len()];
    for (index, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|needed| needed_by[*needed].push(index));
    }
    let mut waits_for: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut failed: BTreeMap<usize, Problem> = BTreeMap::new();
    let mut unstarted: BTreeSet<usize> = (0..instances.len()).collect();
    let mut ready: Vec<usize> = (0..instances.len()).filter(|index| waits_for[*index] == 0).collect();
    let mut running = FuturesUnordered::new();
    loop {
        for index in ready.drain(..) {
            unstarted.remove(&index);
            let start = start_one(next.clone(), instances[index].clone(), deadlines[index]);
            running.push(start.map(move |result| (index, result)));
        }
        let Some((index, result)) = running.next().await else { break };
        match result {
            Ok(()) => {
                for waiting in &needed_by[index] {
                    waits_for[*waiting] -= 1;
                    if waits_for[*waiting] == 0 {
                        ready.push(*waiting);
                    }
                }
            }
            Err(problem) => {
                instances[index].state_cell().transition(ModuleState::Failed, &problem.what);
                failed.insert(index, problem);
            }
        }
    }
    // Whoever waited for one that failed was not started at all.
    for index in unstarted {
        let started = |cause: &&usize| instances[**cause].state() == ModuleState::Active;
        let causes: Vec<_> = needs[index]
            .iter()
            .filter(|cause| !started(cause))
            .map(|cause| format!("`{}`", instances[*cause].module()))
            .collect();
        let problem = Problem {
            code: START_SKIPPED,
            what: format!(
                "`{}` was not started: it requires {}, which did not start",
                instances[index].module(),
                causes.join(", ")
            ),
            places: vec![place(&instances[index])],
            help: "see the failure of the module that it requires".to_owned(),
        };
        instances[index].state_cell().transition(ModuleState::Failed, &problem.what);
        failed.insert(index, problem);
    }
    Started { failed }
}

async fn start_one(
    next: Arc<Versioned<Composition>>,
    instance: Arc<Instance>,
    deadline: Duration,
) -> Result<(), Problem> {
    instance.state_cell().transition(ModuleState::Starting, "its requirements have started");
    // Always so, where it ever is so: a module that exports what its start makes fails the first time.
    if instance.spec.exclusive || instance.spec.hands_over {
        export(&next, &instance, deadline).await?;
    }
    step(&next, &instance, EntryKind::Start, deadline).await?;
    instance.state_cell().has_started.store(true, Ordering::Release);
    step(&next, &instance, EntryKind::Ready, deadline).await?;
    export(&next, &instance, deadline).await?;
    instance.state_cell().transition(ModuleState::Active, "it has started and is ready");
    Ok(())
}

/// Asks an instance for what it exports, once.
pub(super) async fn export(
    next: &Arc<Versioned<Composition>>,
    instance: &Arc<Instance>,
    deadline: Duration,
) -> Result<(), Problem> {
    if instance.exports.get().is_none() {
        let exports = gather_exports(next, instance, deadline).await?;
        let _ = instance.exports.set(Contained::new(exports, instance.state_cell()));
    }
    Ok(())
}

/// Runs `start` or `ready` on a task of its own: one that blocks its thread holds nothing else up.
async fn step(
    next: &Arc<Versioned<Composition>>,
    instance: &Arc<Instance>,
    kind: EntryKind,
    deadline: Duration,
) -> Result<(), Problem> {
    let module = instance.clone();
    // The error becomes a text inside the gate: writing it is the module's code.
    let work = async move {
        let result = match kind {
            EntryKind::Start => module.object().start(&module.context).await,
            _ => module.object().ready().await,
        };
        result.map_err(|error| format!("{error:#}"))
    };
    match run(next, instance, kind, deadline, work).await? {
        Ok(()) => Ok(()),
        Err(error) => Err(Problem {
            code: if kind == EntryKind::Start { "start-failed" } else { "not-ready" },
            what: match kind {
                EntryKind::Start => format!("`{}` did not start: {error}", instance.module()),
                _ => format!("`{}` started, and is not ready: {error}", instance.module()),
            },
            places: vec![place(instance)],
            help: format!("mend what its `{kind}` reports"),
        }),
    }
}

pub(super) async fn gather_exports(
    next: &Arc<Versioned<Composition>>,
    instance: &Arc<Instance>,
    deadline: Duration,
) -> Result<Exports, Problem> {
    let module = instance.clone();
    let work = async move {
        let mut exports = Exports::new(module.context.clone());
        module.object().exports(&mut exports);
        let errors = exports.take_errors();
        let errors: Vec<_> = errors.iter().map(|error| format!("{error:#}")).collect();
        (exports, errors)
    };
    let (exports, errors) = run(next, instance, EntryKind::Start, deadline, work).await?;
    if errors.is_empty() {
        return Ok(exports);
    }
    Err(Problem {
        code: "exports-failed",
        what: format!("`{}` cannot export what it wants to: {}", instance.module(), errors.join("; ")),
        places: vec![place(instance)],
        help: "mend its `exports`".to_owned(),
    })
}

async fn run<T: Send + 'static>(
    next: &Arc<Versioned<Composition>>,
    instance: &Arc<Instance>,
    kind: EntryKind,
    deadline: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    let state = instance.state_cell();
    let entry = Entry::new(kind, kind.as_str());
    let gated = EntryFuture::new(Some(Pinned::new(Versioned::pin(next))), state, &entry, None, Box::pin(work));
    let mut task = state.runtime.spawn(gated);
    match timeout(deadline, &mut task).await {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(CallError::Panicked { .. }))) => Err(Problem {
            code: "start-panicked",
            what: format!("`{}` panicked in its `{kind}`; the log has the panic's text", instance.module()),
            places: vec![place(instance)],
            help: "mend the panic; an `Err` would tell the reason".to_owned(),
        }),
        Ok(Ok(Err(error))) => Err(interrupted(instance, kind, &error.to_string())),
        Ok(Err(error)) => Err(interrupted(instance, kind, &error.to_string())),
        Err(_) => {
            task.abort();
            Err(Problem {
                code: "start-deadline",
                what: format!(
                    "`{}` did not end its `{kind}` within {}",
                    instance.module(),
                    humantime::format_duration(deadline)
                ),
                places: vec![place(instance)],
                help: format!(
                    "find what it waits for, or give it more time: `start_deadline` under `[modules.{}]`",
                    instance.module()
                ),
            })
        }
    }
}

fn interrupted(instance: &Instance, kind: EntryKind, why: &str) -> Problem {
    Problem {
        code: "start-failed",
        what: format!("the `{kind}` of `{}` was interrupted: {why}", instance.module()),
        places: vec![place(instance)],
        help: "the base was shutting down, or the module aborted the task".to_owned(),
    }
}

pub(super) fn place(instance: &Instance) -> Place {
    Place::source(format!("the module `{}`", instance.module()), instance.spec.site)
}
