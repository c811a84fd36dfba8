//! The restart policy: a module whose task or start failed is started again, later and later, and
//! given up when that does not help.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::base::Shared;
use crate::compose::{Composition, CompositionError, Problem};
use crate::deploy::{Change, Member, Reason, deploy};
use crate::descriptors::ModuleName;
use crate::module::{InstanceState, ModuleSpec, ModuleState};
use crate::scene::SceneName;
use crate::sync::lock;

/// How failed modules are started again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestartPolicy {
    /// How many restarts are tried before the module is given up.
    pub(crate) attempts: u32,
    /// The wait before the first; it doubles with each.
    pub(crate) initial: Duration,
    /// The longest wait.
    pub(crate) longest: Duration,
    /// After this time without a failure, counting begins anew.
    pub(crate) reset_after: Duration,
}

/// What the restart policy does about a module.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RestartInfo {
    /// The module.
    pub module: ModuleName,
    /// The scene.
    pub scene: SceneName,
    /// How many failures there were in a row.
    pub failures: u32,
    /// How many restarts are tried before it is given up.
    pub attempts: u32,
    /// The last failure.
    pub cause: String,
    /// What is done about it.
    pub action: RestartAction,
}

/// What the restart policy does about a failure. Written as [`Display`](fmt::Display) says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestartAction {
    /// It is restarted after this wait.
    RestartsIn(Duration),
    /// It was restarted.
    Restarted,
    /// The restart has failed too.
    FailedAgain,
    /// No more restarts are tried.
    GivenUp,
    /// Somebody has deployed it anew before the restart.
    DeployedAnew,
    /// Somebody has taken it out before the restart.
    TakenOut,
}

impl fmt::Display for RestartAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RestartsIn(wait) => write!(f, "restarts in {}", humantime::format_duration(*wait)),
            Self::Restarted => f.write_str("restarted"),
            Self::FailedAgain => f.write_str("failed again"),
            Self::GivenUp => f.write_str("given up"),
            Self::DeployedAnew => f.write_str("deployed anew meanwhile"),
            Self::TakenOut => f.write_str("taken out meanwhile"),
        }
    }
}

impl Serialize for RestartAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct Record {
    info: RestartInfo,
    last: Instant,
    /// Whose failure a restart is on its way for.
    pending: Option<Failed>,
}

/// What has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// A task of the instance with this number, which serves.
    Serving(u64),
    /// The start of a module that is not part of the composition.
    Outside,
}

impl Failed {
    /// Whether it is still so: `serves` is the number of the module's instance that serves now.
    pub(super) fn is_still(self, serves: Option<u64>) -> bool {
        match self {
            Self::Serving(uid) => serves == Some(uid),
            Self::Outside => serves.is_none(),
        }
    }
}

/// Why a restart is not carried out: somebody else has deployed the module meanwhile.
const OVERTAKEN: &str = "overtaken";

/// What a restart answers that finds another generation, or none, where it was asked for.
pub(super) fn overtaken(module: &ModuleName) -> CompositionError {
    let problem = Problem {
        code: OVERTAKEN,
        what: format!("`{module}` is not restarted: it has been deployed anew, or taken out"),
        places: Vec::new(),
        help: "nothing".to_owned(),
    };
    CompositionError::new("check", vec![problem])
}

/// The failures of a base's modules.
#[derive(Default)]
pub(crate) struct Restarts {
    records: Mutex<BTreeMap<Member, Record>>,
}

enum Verdict {
    After(Duration),
    GiveUp,
    AlreadyPending,
}

impl Restarts {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// What is done about each module that has failed.
    pub(crate) fn list(&self) -> Vec<RestartInfo> {
        lock(&self.records).values().map(|record| record.info.clone()).collect()
    }

    /// Whether a module has failed in a scene, and has not been deployed anew since.
    pub(crate) fn knows(&self, member: &Member) -> bool {
        lock(&self.records).contains_key(member)
    }

    /// Whether a module has failed in any scene, and has not been deployed anew since.
    pub(super) fn knows_module(&self, module: &ModuleName) -> bool {
        lock(&self.records).keys().any(|(name, _)| name == module)
    }

    /// The modules that have failed and are not part of a composition.
    pub(super) fn waiting(&self, composition: &Composition) -> Vec<ModuleName> {
        let is_out = |(module, scene): &&Member| composition.instance(module, scene).is_none();
        lock(&self.records).keys().filter(is_out).map(|(module, _)| module.clone()).collect()
    }

    /// Somebody has deployed the module anew, or has taken it out: its failures are over.
    pub(crate) fn forget(&self, member: &Member) {
        lock(&self.records).remove(member);
    }

    /// Somebody has taken the module out: it is not waited for in any scene.
    pub(super) fn forget_module(&self, module: &ModuleName) {
        lock(&self.records).retain(|(name, _), _| name != module);
    }

    /// Whether this restart is still wanted.
    fn is_pending(&self, member: &Member, failed: Failed) -> bool {
        lock(&self.records).get(member).is_some_and(|record| record.pending == Some(failed))
    }

    /// A task of an instance that serves has failed; or an exclusive one is down, since neither it nor what
    /// was to replace it came up again.
    pub(crate) fn failed(&self, base: &Arc<Shared>, instance: &InstanceState, cause: String) {
        // A generation that is on its way out is not worth a restart.
        let is_up = instance.state() == ModuleState::Active;
        if !(is_up || instance.door.is_down()) || !base.pin().holds(instance.uid) {
            return;
        }
        let failed = Failed::Serving(instance.uid);
        let member = (instance.id.module.clone(), instance.id.scene.clone());
        let policy = base.restart_policy();
        match self.judge(&policy, &member, failed, &cause) {
            Verdict::After(wait) => restart_later(base, member, failed, None, wait),
            Verdict::GiveUp => {
                let cause = format!("given up after {} restarts: {cause}", policy.attempts);
                instance.transition_where(|state| state == ModuleState::Active, ModuleState::Failed, &cause);
            }
            Verdict::AlreadyPending => {}
        }
    }

    /// An optional module that is not part of the composition did not start.
    pub(crate) fn did_not_start(&self, base: &Arc<Shared>, member: &Member, spec: &Arc<ModuleSpec>, cause: &str) {
        let policy = base.restart_policy();
        match self.judge(&policy, member, Failed::Outside, cause) {
            Verdict::After(wait) => restart_later(base, member.clone(), Failed::Outside, Some(spec.clone()), wait),
            Verdict::GiveUp => tracing::error!(
                target: "bedplate::lifecycle", module = %spec.name,
                "`{}` is given up after {} attempts: {cause}", spec.name, policy.attempts
            ),
            Verdict::AlreadyPending => {}
        }
    }

    /// A restart has failed. The generation that was to be replaced serves on, where there is one.
    fn failed_again(&self, base: &Arc<Shared>, failed: Failed, member: &Member, spec: &Arc<ModuleSpec>, cause: &str) {
        let now = base.pin();
        let serving = now.instance(&member.0, &member.1).filter(|serving| failed == Failed::Serving(serving.uid()));
        match serving {
            Some(serving) => self.failed(base, serving.state_cell(), cause.to_owned()),
            None => self.did_not_start(base, member, spec, cause),
        }
    }

    fn judge(&self, policy: &RestartPolicy, member: &Member, failed: Failed, cause: &str) -> Verdict {
        let (module, scene) = member;
        let mut records = lock(&self.records);
        let record = records.entry(member.clone()).or_insert_with(|| Record {
            info: RestartInfo {
                module: module.clone(),
                scene: scene.clone(),
                failures: 0,
                attempts: policy.attempts,
                cause: String::new(),
                action: RestartAction::FailedAgain,
            },
            last: Instant::now(),
            pending: None,
        });
        if record.pending == Some(failed) {
            return Verdict::AlreadyPending;
        }
        if record.last.elapsed() > policy.reset_after {
            record.info.failures = 0;
        }
        record.last = Instant::now();
        record.info.attempts = policy.attempts;
        record.info.failures += 1;
        cause.clone_into(&mut record.info.cause);
        if record.info.failures > policy.attempts {
            record.info.action = RestartAction::GivenUp;
            record.pending = None;
            return Verdict::GiveUp;
        }
        let doublings = record.info.failures.saturating_sub(1).min(31);
        let wait = policy.initial.saturating_mul(1 << doublings).min(policy.longest);
        record.info.action = RestartAction::RestartsIn(wait);
        record.pending = Some(failed);
        tracing::warn!(
            target: "bedplate::lifecycle", %module, attempt = record.info.failures, of = policy.attempts,
            "`{module}` {}: {cause}", record.info.action
        );
        Verdict::After(wait)
    }

    /// A restart was carried out, or not: says so, unless the next failure is there already.
    fn settle(&self, member: &Member, failed: Failed, action: RestartAction) {
        let mut records = lock(&self.records);
        if let Some(record) = records.get_mut(member).filter(|record| record.pending == Some(failed)) {
            record.pending = None;
            record.info.action = action;
        }
    }
}

/// Waits, then deploys the module anew: `spec` for one that is not in the composition.
fn restart_later(base: &Arc<Shared>, member: Member, failed: Failed, spec: Option<Arc<ModuleSpec>>, wait: Duration) {
    let weak = Arc::downgrade(base);
    base.runtime.spawn(async move {
        tokio::time::sleep(wait).await;
        let Some(base) = weak.upgrade() else { return };
        if !base.restarts.is_pending(&member, failed) {
            return;
        }
        let Some(again) = base.deployer.spec(&member).or(spec) else {
            return base.restarts.settle(&member, failed, RestartAction::TakenOut);
        };
        let mut change = Change::new();
        change.put.insert(member.clone(), again.clone());
        let result = deploy(&base, change, Reason::Restart(failed), None).await;
        if !result.as_ref().is_err_and(|error| error.has(OVERTAKEN)) {
            base.stats_of(&member.0, &member.1).restarted();
        }
        match result {
            Ok(_) => base.restarts.settle(&member, failed, RestartAction::Restarted),
            Err(error) if error.has(OVERTAKEN) => base.restarts.settle(&member, failed, RestartAction::DeployedAnew),
            Err(_) if base.is_ending() => {}
            Err(error) => {
                // The verdict on this failure may wait again: the record must be free for it.
                base.restarts.settle(&member, failed, RestartAction::FailedAgain);
                base.restarts.failed_again(&base, failed, &member, &again, &error.to_string());
            }
        }
    });
}
