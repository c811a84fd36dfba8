//! The orderly end of a base, and the signals that ask for it.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::base::{Base, Phase, Shared};
use crate::compose::{CompositionError, Place, Problem};
use crate::deploy::{Change, Reason, deploy, not_longer_than};
use crate::descriptors::Presence;
use crate::module::ModuleState;

impl Base {
    /// Ends the base: not ready any more for `drain.grace`; takes nothing new, and ends what it
    /// has; stops modules in reverse order of their requirements; stops starters in reverse.
    ///
    /// # Errors
    ///
    /// All that did not end in order. The base has ended all the same.
    pub async fn shutdown(&self) -> Result<(), CompositionError> {
        let shared = &self.shared;
        let first = shared.phase.send_if_modified(|phase| {
            let serving = !matches!(phase, Phase::Draining | Phase::Stopped);
            if serving {
                *phase = Phase::Draining;
            }
            serving
        });
        if !first {
            self.phases().wait_for(|phase| *phase == Phase::Stopped).await.ok();
            return Ok(());
        }
        // On a task of its own: it comes to its end even where the caller goes away.
        let base = self.clone();
        shared.runtime.spawn(async move { base.end().await }).await.unwrap_or_else(|error| {
            Err(CompositionError::new(
                "shutdown",
                vec![Problem {
                    code: "shutdown-interrupted",
                    what: format!("the end of the base was interrupted: {error}"),
                    places: Vec::new(),
                    help: "its runtime was shut down before it, or this is a fault of bedplate".to_owned(),
                }],
            ))
        })
    }

    async fn end(&self) -> Result<(), CompositionError> {
        let shared = &self.shared;
        let grace = shared.drain().grace;
        tracing::info!(
            target: "bedplate::lifecycle", grace = %humantime::format_duration(grace), "the base drains"
        );
        if !grace.is_zero() {
            sleep(grace).await;
        }
        // Long-lived handlers and tasks that wait for this end now: the starters wait for them.
        let (current, warm) = (shared.cell.current(), shared.bakes.instances());
        current.value().instances().chain(&warm).for_each(|instance| instance.state_cell().draining.cancel());
        drop((current, warm));
        let mut problems = given_up(shared);
        problems.extend(drain_starters(shared).await);
        problems.extend(remove_modules(shared).await);
        self.settled().await;
        problems.extend(stop_starters(shared).await);
        problems.extend(shared.take_failed_stops());
        shared.let_go();
        shared.phase.send_replace(Phase::Stopped);
        tracing::info!(target: "bedplate::lifecycle", "the base has stopped");
        if problems.is_empty() { Ok(()) } else { Err(CompositionError::new("shutdown", problems)) }
    }
}

/// Required modules that have failed for good: a base that ends without them did not do its work.
fn given_up(shared: &Shared) -> Vec<Problem> {
    let current = shared.cell.current();
    let failed = current.value().instances().filter(|instance| {
        instance.state() == ModuleState::Failed && shared.presence(instance.spec()) == Presence::Required
    });
    failed
        .map(|instance| Problem {
            code: "module-failed",
            what: format!("`{}` had failed and was given up before the base ended", instance.module()),
            places: vec![Place::source(format!("the module `{}`", instance.module()), instance.spec().site())],
            help: "see `/restarts` of the admin interface, or the log, for its last failure".to_owned(),
        })
        .collect()
}

/// Lets all starters drain at once: none takes new work while another one finishes its own.
async fn drain_starters(shared: &Arc<Shared>) -> Vec<Problem> {
    let (starters, limit) = (shared.starters(), shared.drain().deadline);
    let draining = starters.iter().map(|starter| async {
        let name = starter.descriptor.name;
        let error = not_longer_than(limit, starter.calls.drain()).await.err()?;
        let what = format!("the starter `{name}` did not drain: {error:#}; what is left is cancelled");
        tracing::warn!(target: "bedplate::lifecycle", starter = name, "{what}");
        Some(Problem {
            code: "drain-failed",
            what,
            places: vec![Place::source(format!("the starter `{name}`"), starter.descriptor.site)],
            help: "raise `drain.deadline`, or find what takes so long".to_owned(),
        })
    });
    join_all(draining).await.into_iter().flatten().collect()
}

async fn remove_modules(shared: &Arc<Shared>) -> Vec<Problem> {
    deploy(shared, Change::new(), Reason::Ending, None).await.err().map(|error| error.problems).unwrap_or_default()
}

pub(super) async fn stop_starters(shared: &Arc<Shared>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for starter in shared.starters().iter().rev() {
        let name = starter.descriptor.name;
        let Err(error) = not_longer_than(shared.lifecycle().stop_deadline, starter.calls.stop()).await else {
            tracing::info!(target: "bedplate::lifecycle", starter = name, "starter `{name}` has stopped");
            continue;
        };
        let what = format!("the starter `{name}` did not stop in order: {error:#}");
        tracing::error!(target: "bedplate::lifecycle", starter = name, "{what}");
        problems.push(Problem {
            code: "stop-failed",
            what,
            places: vec![Place::source(format!("the starter `{name}`"), starter.descriptor.site)],
            help: "mend its `stop`, or raise `lifecycle.stop_deadline`".to_owned(),
        });
    }
    problems
}

/// The signals that ask a base to end. None is lost between two waits.
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on, in place of what the signals do by default.
    #[cfg(unix)]
    pub(super) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Listens from now on.
    #[cfg(not(unix))]
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Waits for the next one.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
