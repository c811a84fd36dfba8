//! The orderly end of a base, and the signals that ask for it.

use std::sync::Arc;

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
        tracing::info!(target: "bedplate::lifecycle", grace = ?shared.drain.grace, "the base drains");
        if !shared.drain.grace.is_zero() {
            sleep(shared.drain.grace).await;
        }
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

async fn drain_starters(shared: &Arc<Shared>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for starter in shared.starters().iter().rev() {
        let name = starter.descriptor.name;
        let Err(error) = not_longer_than(shared.drain.deadline, starter.calls.drain()).await else { continue };
        let what = format!("the starter `{name}` did not drain: {error:#}; what is left is cancelled");
        tracing::warn!(target: "bedplate::lifecycle", starter = name, "{what}");
        problems.push(Problem {
            code: "drain-failed",
            what,
            places: vec![Place::source(format!("the starter `{name}`"), starter.descriptor.site)],
            help: "raise `drain.deadline`, or find what takes so long".to_owned(),
        });
    }
    problems
}

async fn remove_modules(shared: &Arc<Shared>) -> Vec<Problem> {
    deploy(shared, Change::new(), Reason::Ending).await.err().map(|error| error.problems).unwrap_or_default()
}

pub(super) async fn stop_starters(shared: &Arc<Shared>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for starter in shared.starters().iter().rev() {
        let name = starter.descriptor.name;
        let Err(error) = not_longer_than(shared.lifecycle.stop_deadline, starter.calls.stop()).await else {
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

/// Waits for SIGTERM or SIGINT.
pub(super) async fn asked_to_end() -> std::io::Result<&'static str> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        })
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await?;
        Ok("Ctrl-C")
    }
}
