//! The deployments that were asked for: each goes on by itself, and anybody can follow it.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bedplate::{LaterStep, Progress};
use bedplate_admin_client::protocol::{Deployment, DeploymentState, LaterStepTime, Operation, Refusal, StepTime};
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::caller::Caller;

/// How many may be undecided at once.
const MOST_OPEN: usize = 64;

/// How many that are decided are kept for those who follow them. The history has all.
const KEPT: usize = 256;

/// How many steps after a deployment are kept of one: three for each instance that it replaced.
const KEPT_LATER: usize = 300;

/// The deployments of one base, since its start.
#[derive(Debug)]
pub(crate) struct Deployments {
    /// What the names begin with: they are unique over restarts.
    boot: String,
    stop: CancellationToken,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    count: u64,
    entries: VecDeque<Followed>,
}

/// One deployment, as whoever carries it out tells of it.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    document: Arc<watch::Sender<Deployment>>,
}

/// What came of a deployment.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was a plan.
    Planned(Value),
    /// It serves.
    Live {
        /// What the engine did; nothing where all of it served already.
        deployed: Option<Value>,
        /// Modules that were left alone.
        unchanged: Vec<String>,
    },
}

impl Deployments {
    /// None yet. Nobody waits for news any more when `stop` is told.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { boot: format!("{:x}", now_ms()), stop, list: Mutex::default() }
    }

    /// Keeps a new one.
    ///
    /// # Errors
    ///
    /// Where too many are undecided.
    pub(crate) fn begin(
        &self,
        operation: &Operation,
        modules: &[String],
        caller: &Caller,
    ) -> Result<Followed, Refusal> {
        let mut list = self.list();
        let open = list.entries.iter().filter(|entry| !entry.document.borrow().state.is_decided()).count();
        if open >= MOST_OPEN {
            let what = format!("{open} deployments wait already");
            return Err(Refusal::new("too-many-deployments", what, "wait until some of them are done"));
        }
        list.count += 1;
        let followed = Followed::new(Deployment {
            id: format!("{}-{}", self.boot, list.count),
            revision: 1,
            state: DeploymentState::Queued,
            operation: operation.name().to_owned(),
            modules: modules.to_vec(),
            who: caller.who.clone(),
            asked_ms: now_ms(),
            position: None,
            step: None,
            steps: Vec::new(),
            plan: None,
            deployed: None,
            unchanged: Vec::new(),
            later: Vec::new(),
            error: None,
        });
        list.entries.push_back(followed.clone());
        while list.entries.len() > KEPT {
            let oldest = list.entries.iter().position(|entry| entry.document.borrow().state.is_decided());
            let Some(oldest) = oldest else { break };
            list.entries.remove(oldest);
        }
        Ok(followed)
    }

    /// All that are kept, the newest first.
    pub(crate) fn all(&self) -> Vec<Deployment> {
        self.list().entries.iter().rev().map(Followed::now).collect()
    }

    /// Who asked for one of them.
    pub(crate) fn asked_by(&self, id: &str) -> Option<String> {
        let list = self.list();
        let documents = list.entries.iter().map(|entry| entry.document.borrow());
        documents.filter(|document| document.id == id).map(|document| document.who.clone()).next()
    }

    /// One of them, as soon as its revision is above `after`; as it is, after a while. `None` where there is
    /// no such deployment.
    pub(crate) async fn news(&self, id: &str, after: u64, limit: Duration) -> Option<Deployment> {
        let found = self.list().entries.iter().find(|entry| entry.document.borrow().id == id).cloned()?;
        let mut document = found.document.subscribe();
        tokio::select! {
            // Its end, or that of the time, is no error: whoever asked gets what there is.
            _ = timeout(limit, document.wait_for(|document| document.revision > after)) => {}
            () = self.stop.cancelled() => {}
        }
        Some(found.now())
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Followed {
    fn new(document: Deployment) -> Self {
        Self { document: Arc::new(watch::Sender::new(document)) }
    }

    /// As it is now.
    pub(crate) fn now(&self) -> Deployment {
        self.document.borrow().clone()
    }

    /// Carries it out on a task of its own, which needs no client.
    pub(crate) fn carry_out(&self, work: impl Future<Output = Result<Outcome, Refusal>> + Send + 'static) {
        let followed = self.clone();
        tokio::spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
                Err(Refusal::new(
                    "internal",
                    "the deployment panicked in the base's own code",
                    "see the base's log, and `status` for what serves",
                ))
            });
            followed.change(|document| {
                document.position = None;
                document.step = None;
                match ended {
                    Ok(Outcome::Planned(plan)) => {
                        document.state = DeploymentState::Planned;
                        document.plan = Some(plan);
                    }
                    Ok(Outcome::Live { deployed, unchanged }) => {
                        document.state = DeploymentState::Live;
                        document.deployed = deployed;
                        document.unchanged = unchanged;
                    }
                    Err(refusal) => {
                        document.state = DeploymentState::Failed;
                        document.error = Some(refusal);
                    }
                }
            });
        });
    }

    /// What the engine tells.
    pub(crate) fn progress(&self, progress: Progress) {
        self.change(|document| match progress {
            Progress::Queued { position } => {
                document.state = DeploymentState::Queued;
                document.position = Some(position);
            }
            Progress::Begun { .. } => {
                document.state = DeploymentState::Running;
                document.position = None;
            }
            Progress::Step(done) => {
                document.state = DeploymentState::Running;
                document.position = None;
                document.steps.push(step(done.name, done.took));
            }
            Progress::Later(later) if document.later.len() < KEPT_LATER => document.later.push(after(later)),
            _ => {}
        });
    }

    fn change(&self, change: impl FnOnce(&mut Deployment)) {
        self.document.send_modify(|document| {
            let decided = document.state.is_decided().then_some(document.state);
            change(document);
            // News of the engine may come late.
            if let Some(decided) = decided {
                document.state = decided;
                document.position = None;
            }
            document.revision += 1;
        });
    }
}

fn step(name: &str, took: Duration) -> StepTime {
    StepTime { name: name.to_owned(), took_us: micros(took) }
}

fn after(later: LaterStep) -> LaterStepTime {
    let id = &later.instance;
    LaterStepTime {
        instance: format!("{}@{}#{}", id.module, id.scene, id.generation),
        name: later.name.to_owned(),
        took_us: micros(later.took),
        trouble: later.trouble,
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::{Arrival, Permissions};

    /// Longer than any test takes.
    const LONG: Duration = Duration::from_secs(600);

    fn caller() -> Caller {
        Caller { who: "anna (uid 1000)".to_owned(), arrival: Arrival::Socket, may: Permissions::All }
    }

    fn deployments() -> Deployments {
        Deployments::new(CancellationToken::new())
    }

    #[tokio::test]
    async fn news_come_when_there_are_some() {
        let deployments = deployments();
        let followed = deployments.begin(&Operation::Settings {}, &[], &caller()).unwrap();
        let first = followed.now();
        assert_eq!((first.state, first.who.as_str()), (DeploymentState::Queued, "anna (uid 1000)"));
        followed.progress(Progress::Queued { position: 2 });
        let queued = deployments.news(&first.id, first.revision, LONG).await.unwrap();
        assert_eq!(queued.position, Some(2));
        followed.carry_out(async { Ok(Outcome::Live { deployed: None, unchanged: Vec::new() }) });
        let live = deployments.news(&first.id, queued.revision, LONG).await.unwrap();
        assert_eq!((live.state, live.position), (DeploymentState::Live, None));
        // What comes after does not undo it.
        followed.progress(Progress::Queued { position: 1 });
        assert_eq!(followed.now().state, DeploymentState::Live);
        assert!(deployments.news("other", 0, LONG).await.is_none());
    }

    #[tokio::test]
    async fn whoever_waits_is_answered_when_the_base_ends() {
        let stop = CancellationToken::new();
        let deployments = Deployments::new(stop.clone());
        let followed = deployments.begin(&Operation::Settings {}, &[], &caller()).unwrap().now();
        stop.cancel();
        assert_eq!(deployments.news(&followed.id, followed.revision, LONG).await.unwrap(), followed);
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_of_the_deployment() {
        let deployments = deployments();
        let followed = deployments.begin(&Operation::Settings {}, &[], &caller()).unwrap();
        followed.carry_out(async { panic!("on purpose") });
        let failed = deployments.news(&followed.now().id, 1, LONG).await.unwrap();
        assert_eq!((failed.state, failed.error.unwrap().code.as_str()), (DeploymentState::Failed, "internal"));
    }

    #[tokio::test]
    async fn the_line_and_the_memory_are_bounded() {
        let deployments = deployments();
        let operation = Operation::Settings {};
        let open: Vec<_> = (0..MOST_OPEN).map(|_| deployments.begin(&operation, &[], &caller()).unwrap()).collect();
        assert_eq!(deployments.begin(&operation, &[], &caller()).unwrap_err().code, "too-many-deployments");
        for followed in &open {
            followed.carry_out(async { Ok(Outcome::Planned(Value::Null)) });
            deployments.news(&followed.now().id, 1, LONG).await.unwrap();
        }
        for _ in 0..KEPT {
            let followed = deployments.begin(&operation, &[], &caller()).unwrap();
            followed.carry_out(async { Ok(Outcome::Planned(Value::Null)) });
            deployments.news(&followed.now().id, 1, LONG).await.unwrap();
        }
        assert_eq!(deployments.all().len(), KEPT);
        assert!(deployments.news(&open[0].now().id, 0, LONG).await.is_none());
    }
}
