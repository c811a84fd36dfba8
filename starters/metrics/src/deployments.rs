//! The numbers of deployments, gathered beside the scrapes: some of them take a look at what the kernel lists.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bedplate::WeakBase;
use bedplate::deploy::journal::{Deployment, Outcome};
use bedplate::deploy::operations::Status;
use tokio::sync::Notify;

use crate::exposition::{Exposition, Kind};

/// How often they are gathered where nothing is deployed, and where something is.
const EVERY: Duration = Duration::from_secs(15);
const SOON: Duration = Duration::from_millis(500);

/// The numbers of deployments, as they were gathered last.
#[derive(Debug, Default)]
pub(crate) struct Deployments {
    gathered: Mutex<Gathered>,
    /// Told when something was deployed.
    pub(crate) changed: Notify,
}

#[derive(Debug, Default)]
struct Gathered {
    ended: Ended,
    waiting: usize,
    warm: usize,
    draining: usize,
    retired: Vec<Budget>,
}

/// One budget of what has gone and stays in memory.
#[derive(Debug)]
struct Budget {
    name: String,
    used: Option<u64>,
    limit: u64,
}

/// The deployments that have ended since the base began.
#[derive(Debug, Default)]
struct Ended {
    /// By what was asked for, and by what came of it.
    counted: BTreeMap<(String, &'static str), u64>,
    /// When the newest of them was, in milliseconds since 1970, and how many of that moment are counted.
    newest: Option<(u64, usize)>,
    /// When the last one went live, in milliseconds since 1970.
    live: Option<u64>,
}

impl Ended {
    /// Counts what it has not counted. The deployments of earlier processes are on record as well.
    fn count(&mut self, history: &[Deployment], since: u64) {
        let (newest, mut seen) = self.newest.unwrap_or((since, 0));
        // The newest is first. They take turns, so only the first can be one that has not ended.
        for deployment in history.iter().rev() {
            let Some(outcome) = word(deployment.outcome) else { continue };
            let at = deployment.at_ms;
            if at < newest {
                continue;
            }
            if at == newest && seen > 0 {
                seen -= 1;
                continue;
            }
            *self.counted.entry((deployment.asked.operation.clone(), outcome)).or_default() += 1;
            if deployment.outcome == Outcome::Served {
                self.live = Some(at);
            }
            self.newest = match self.newest {
                Some((moment, count)) if moment == at => Some((at, count + 1)),
                _ => Some((at, 1)),
            };
        }
    }
}

/// What came of a deployment, as a label; `None` where that is still open.
fn word(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Committed => None,
        Outcome::Served => Some("served"),
        Outcome::Failed => Some("failed"),
        Outcome::TakenBack => Some("taken_back"),
    }
}

impl Deployments {
    /// Gathers the numbers of a base until it is gone.
    pub(crate) async fn follow(self: Arc<Self>, base: WeakBase) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let mut wait = EVERY;
        loop {
            let _ = tokio::time::timeout(wait, self.changed.notified()).await;
            let Some(operations) = base.upgrade().map(|base| base.operations()) else { return };
            let status = operations.status().await;
            let history = operations.history(usize::MAX);
            self.gather(&history, &status, since);
            let is_open = history.first().is_some_and(|newest| newest.outcome == Outcome::Committed);
            wait = if is_open || status.queue > 0 { SOON } else { EVERY };
        }
    }

    fn gather(&self, history: &[Deployment], status: &Status, since: u64) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.ended.count(history, since);
        gathered.waiting = status.queue;
        gathered.warm = status.warm.len();
        gathered.draining = status.draining.len();
        let budgets = status.retired.budgets.iter();
        gathered.retired = budgets
            .map(|budget| Budget { name: budget.name.clone(), used: budget.used, limit: budget.limit })
            .collect();
    }

    /// Writes what was gathered last.
    pub(crate) fn write(&self, to: &mut Exposition) {
        let gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut family = to.family(
            "bedplate_deployments_total",
            Kind::Counter,
            "Deployments that have ended, by what was asked for and by what came of it.",
        );
        for ((operation, outcome), count) in &gathered.ended.counted {
            family.sample(&[("operation", operation), ("outcome", outcome)], count);
        }
        if let Some(live) = gathered.ended.live {
            let seconds = Duration::from_millis(live).as_secs_f64();
            to.family(
                "bedplate_last_deployment_timestamp_seconds",
                Kind::Gauge,
                "When the last deployment went live, in seconds since 1970.",
            )
            .sample(&[], seconds);
        }
        for (name, help, value) in [
            ("bedplate_deployments_waiting", "Deployments that are at work or wait for their turn.", gathered.waiting),
            ("bedplate_warm_instances", "Instances that were replaced and could serve again.", gathered.warm),
            (
                "bedplate_draining_instances",
                "Instances that were replaced and are on their way out.",
                gathered.draining,
            ),
        ] {
            to.family(name, Kind::Gauge, help).sample(&[], value);
        }
        if gathered.retired.is_empty() {
            return;
        }
        let mut family = to.family(
            "bedplate_retired_used",
            Kind::Gauge,
            "What retired generations hold, by budget: their count, bytes of memory, mappings, bytes on disk.",
        );
        for budget in &gathered.retired {
            if let Some(used) = budget.used {
                family.sample(&[("budget", &budget.name)], used);
            }
        }
        let mut family =
            to.family("bedplate_retired_limit", Kind::Gauge, "What retired generations may hold, by budget.");
        for budget in &gathered.retired {
            family.sample(&[("budget", &budget.name)], budget.limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use bedplate::deploy::journal::Asked;

    use super::*;

    fn deployment(at_ms: u64, operation: &str, outcome: Outcome) -> Deployment {
        let asked = Asked { operation: operation.to_owned(), ..Asked::default() };
        let (members, removed, problems, steps, later) = Default::default();
        Deployment { number: None, at_ms, asked, outcome, members, removed, problems, steps, later }
    }

    #[test]
    fn each_deployment_counts_once_and_those_of_earlier_processes_do_not() {
        let mut ended = Ended::default();
        let mut history = vec![deployment(90, "start", Outcome::Served), deployment(100, "start", Outcome::Served)];
        let count = |ended: &mut Ended, history: &[Deployment]| {
            let newest_first: Vec<_> = history.iter().rev().cloned().collect();
            ended.count(&newest_first, 95);
            ended.counted.values().sum::<u64>()
        };
        assert_eq!(count(&mut ended, &history), 1);
        assert_eq!(count(&mut ended, &history), 1);
        // Two in one millisecond, and one that is not over.
        history.push(deployment(100, "install", Outcome::Failed));
        history.push(deployment(200, "install", Outcome::Committed));
        assert_eq!(count(&mut ended, &history), 2);
        history[3].outcome = Outcome::Served;
        history.push(deployment(201, "install", Outcome::Failed));
        assert_eq!(count(&mut ended, &history), 4);
        // The oldest are forgotten at some time.
        history.drain(..3);
        assert_eq!(count(&mut ended, &history), 4);
        let counted = |operation: &str, outcome| ended.counted[&(operation.to_owned(), outcome)];
        assert_eq!((counted("start", "served"), counted("install", "served"), counted("install", "failed")), (1, 1, 2));
        assert_eq!(ended.live, Some(200));
    }
}
