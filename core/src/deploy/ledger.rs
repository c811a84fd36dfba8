//! The ledger of a base: told before the pointer moves, so that what serves is on record first.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::Result;
use crate::base::Shared;
use crate::compose::CompositionError;
use crate::deploy::{Deployed, LaterStep, Progress, Step, Watcher};
use crate::descriptors::ModuleName;
use crate::isolation::catch;
use crate::module::{InstanceId, ModuleSpec};
use crate::settings::Tree;

/// Keeps the record of what a base serves. Called on threads that may block, one deployment at a time.
pub trait Ledger: Send + Sync + 'static {
    /// The pointer is about to move: records what is going to serve, and returns when that would survive a
    /// power failure. (Where a module takes over from another one, the pointer has moved, and nothing has
    /// entered yet: what comes waits until this has returned.)
    ///
    /// # Errors
    ///
    /// Why it cannot be recorded. It fails the deployment, which then changes nothing.
    fn commit(&self, committing: &Committing) -> Result<()>;

    /// A deployment has ended, whether or not it was committed.
    fn ended(&self, ended: &Ended);

    /// A step in the end of an instance has ended: some time after its deployment.
    fn later(&self, step: &LaterStep);

    /// Whether what it does may block its thread, as writing to a disk does. What does not is called in place.
    fn may_block(&self) -> bool {
        true
    }
}

/// Why a deployment is made, as the ledger sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Occasion {
    /// The first composition of the base.
    Start,
    /// Somebody asked for it.
    Asked,
    /// The restart policy did. It is not committed: what comes back does not change by it.
    Restart,
}

/// What is about to serve.
#[derive(Debug)]
#[non_exhaustive]
pub struct Committing {
    /// The number of the deployment in this process.
    pub deployment: u64,
    /// The number of the composition.
    pub composition: u64,
    /// Why it is made.
    pub occasion: Occasion,
    /// Every instance that is going to serve, with the module that it is one of.
    pub members: Vec<(InstanceId, Arc<ModuleSpec>)>,
    /// Modules that belong to the base, and do not serve now: they have failed and are tried again.
    pub waiting: Vec<ModuleName>,
    /// All modules that belong to the base and do not serve now, with what they would serve with: those that wait, and
    /// those that the settings leave out.
    pub absent: Vec<Arc<ModuleSpec>>,
    /// The modules that somebody has taken out on purpose: they no longer belong to the base.
    pub removed: Vec<ModuleName>,
    /// The instances that come.
    pub came: Vec<InstanceId>,
    /// The warm predecessors that serve again.
    pub revived: Vec<InstanceId>,
    /// What serves no longer, whether it stays warm or not.
    pub replaced: Vec<InstanceId>,
    /// The settings, where they change.
    pub settings: Option<Arc<Tree>>,
    /// What the change says about where it comes from.
    pub source: Option<Value>,
    /// The steps so far.
    pub steps: Vec<Step>,
}

/// How a deployment ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The number of the deployment in this process.
    pub deployment: u64,
    /// Why it was made.
    pub occasion: Occasion,
    /// What the change says about where it comes from.
    pub source: Option<Value>,
    /// What came of it.
    pub outcome: DeploymentOutcome,
    /// All steps that were done.
    pub steps: Vec<Step>,
}

/// What came of a deployment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DeploymentOutcome {
    /// It serves.
    Serves(Deployed),
    /// It failed before the pointer moved, and changed nothing.
    Failed(CompositionError),
    /// It was committed and swapped in, did not prove itself, and what served before serves again.
    TakenBack(CompositionError),
}

/// Tells the ledger and the watcher of a deployment what happens, also after it.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub(crate) deployment: u64,
    pub(crate) ledger: Option<Arc<dyn Ledger>>,
    pub(crate) watcher: Option<Watcher>,
}

impl Reporter {
    /// Tells the watcher alone.
    pub(crate) fn tell(&self, progress: Progress) {
        if let Some(watcher) = &self.watcher {
            watcher(progress);
        }
    }

    /// Asks the ledger to record what is about to serve.
    pub(crate) async fn commit(&self, base: &Shared, committing: Committing) -> Result<()> {
        let Some(ledger) = self.ledger.clone() else { return Ok(()) };
        let committed = called(base, ledger, move |ledger| ledger.commit(&committing)).await;
        committed.unwrap_or_else(|error| Err(anyhow::anyhow!("the ledger did not come to its end: {error}")))
    }

    /// Tells the ledger how the deployment ended.
    pub(crate) async fn ended(&self, base: &Shared, ended: Ended) {
        let Some(ledger) = self.ledger.clone() else { return };
        let told = called(base, ledger, move |ledger| ledger.ended(&ended)).await;
        self.check(told);
    }

    /// Tells of a step in the end of an instance.
    pub(crate) async fn later(&self, base: &Shared, step: LaterStep) {
        self.tell(Progress::Later(step.clone()));
        let Some(ledger) = self.ledger.clone() else { return };
        let told = called(base, ledger, move |ledger| ledger.later(&step)).await;
        self.check(told);
    }

    fn check(&self, told: Result<(), String>) {
        if let Err(error) = told {
            tracing::error!(
                target: "bedplate::deploy", deployment = self.deployment,
                "the ledger was not told about deployment {}: {error}", self.deployment
            );
        }
    }
}

/// Calls the ledger, on a thread that may block where it has to be; the error says how it did not come to its end.
async fn called<T: Send + 'static>(
    base: &Shared,
    ledger: Arc<dyn Ledger>,
    call: impl FnOnce(&dyn Ledger) -> T + Send + 'static,
) -> Result<T, String> {
    if ledger.may_block() {
        return base.runtime.spawn_blocking(move || call(&*ledger)).await.map_err(|error| error.to_string());
    }
    catch(|| call(&*ledger)).map_err(|text| format!("it panicked: {text}"))
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("deployment", &self.deployment).finish_non_exhaustive()
    }
}
