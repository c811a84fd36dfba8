//! The restart policy: a module whose task or start failed is started again, later and later, and
//! given up when that does not help.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::base::Shared;
use crate::compose::{CompositionError, Problem};
use crate::deploy::{Change, Reason, deploy};
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
pub struct RestartInfo {
    /// The module.
    pub module: ModuleName,
    /// How many failures there were in a row.
    pub failures: u32,
    /// How many restarts are tried before it is given up.
    pub attempts: u32,
    /// The last failure.
    pub cause: String,
    /// What is done about it, in words: `restarts in 2s`, `restarted`, `given up`.
    pub action: String,
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
pub(crate) struct Restarts {
    policy: RestartPolicy,
    records: Mutex<BTreeMap<ModuleName, Record>>,
}

enum Verdict {
    After(Duration),
    GiveUp,
    AlreadyPending,
}

impl Restarts {
    pub(crate) fn new(policy: RestartPolicy) -> Self {
        Self { policy, records: Mutex::default() }
    }

    /// What is done about each module that has failed.
    pub(crate) fn list(&self) -> Vec<RestartInfo> {
        lock(&self.records).values().map(|record| record.info.clone()).collect()
    }

    /// Whether a module has failed, and has not been deployed anew since.
    pub(crate) fn knows(&self, module: &ModuleName) -> bool {
        lock(&self.records).contains_key(module)
    }

    /// Somebody has deployed the module anew, or has taken it out: its failures are over.
    pub(crate) fn forget(&self, module: &ModuleName) {
        lock(&self.records).remove(module);
    }

    /// Whether this restart is still wanted.
    fn is_pending(&self, module: &ModuleName, failed: Failed) -> bool {
        lock(&self.records).get(module).is_some_and(|record| record.pending == Some(failed))
    }

    /// A task of an instance that serves has failed.
    pub(crate) fn failed(&self, base: &Arc<Shared>, instance: &InstanceState, cause: String) {
        // A generation that is on its way out is not worth a restart.
        if instance.state() != ModuleState::Active || !base.pin().holds(instance.uid) {
            return;
        }
        let failed = Failed::Serving(instance.uid);
        match self.judge(&instance.id.module, failed, &cause) {
            Verdict::After(wait) => restart_later(base, instance.id.module.clone(), failed, None, wait),
            Verdict::GiveUp => {
                let cause = format!("given up after {} restarts: {cause}", self.policy.attempts);
                instance.transition_where(|state| state == ModuleState::Active, ModuleState::Failed, &cause);
            }
            Verdict::AlreadyPending => {}
        }
    }

    /// An optional module that is not part of the composition did not start.
    pub(crate) fn did_not_start(&self, base: &Arc<Shared>, spec: Arc<ModuleSpec>, cause: &str) {
        match self.judge(&spec.name, Failed::Outside, cause) {
            Verdict::After(wait) => restart_later(base, spec.name.clone(), Failed::Outside, Some(spec), wait),
            Verdict::GiveUp => tracing::error!(
                target: "bedplate::lifecycle", module = %spec.name,
                "`{}` is given up after {} attempts: {cause}", spec.name, self.policy.attempts
            ),
            Verdict::AlreadyPending => {}
        }
    }

    /// A restart has failed. The generation that was to be replaced serves on, where there is one.
    fn failed_again(&self, base: &Arc<Shared>, failed: Failed, spec: Arc<ModuleSpec>, cause: &str) {
        let now = base.pin();
        let serving =
            now.instance(&spec.name, &SceneName::main()).filter(|serving| failed == Failed::Serving(serving.uid()));
        match serving {
            Some(serving) => self.failed(base, serving.state_cell(), cause.to_owned()),
            None => self.did_not_start(base, spec, cause),
        }
    }

    fn judge(&self, module: &ModuleName, failed: Failed, cause: &str) -> Verdict {
        let mut records = lock(&self.records);
        let record = records.entry(module.clone()).or_insert_with(|| Record {
            info: RestartInfo {
                module: module.clone(),
                failures: 0,
                attempts: self.policy.attempts,
                cause: String::new(),
                action: String::new(),
            },
            last: Instant::now(),
            pending: None,
        });
        if record.pending == Some(failed) {
            return Verdict::AlreadyPending;
        }
        if record.last.elapsed() > self.policy.reset_after {
            record.info.failures = 0;
        }
        record.last = Instant::now();
        record.info.failures += 1;
        cause.clone_into(&mut record.info.cause);
        if record.info.failures > self.policy.attempts {
            "given up".clone_into(&mut record.info.action);
            record.pending = None;
            return Verdict::GiveUp;
        }
        let doublings = record.info.failures.saturating_sub(1).min(31);
        let wait = self.policy.initial.saturating_mul(1 << doublings).min(self.policy.longest);
        record.info.action = format!("restarts in {}", humantime::format_duration(wait));
        record.pending = Some(failed);
        tracing::warn!(
            target: "bedplate::lifecycle", %module, attempt = record.info.failures, of = self.policy.attempts,
            "`{module}` {}: {cause}", record.info.action
        );
        Verdict::After(wait)
    }

    /// A restart was carried out, or not: says so, unless the next failure is there already.
    fn settle(&self, module: &ModuleName, failed: Failed, action: &str) {
        let mut records = lock(&self.records);
        if let Some(record) = records.get_mut(module).filter(|record| record.pending == Some(failed)) {
            record.pending = None;
            action.clone_into(&mut record.info.action);
        }
    }
}

/// Waits, then deploys the module anew: `spec` for one that is not in the composition.
fn restart_later(
    base: &Arc<Shared>,
    module: ModuleName,
    failed: Failed,
    spec: Option<Arc<ModuleSpec>>,
    wait: Duration,
) {
    let weak = Arc::downgrade(base);
    base.runtime.spawn(async move {
        tokio::time::sleep(wait).await;
        let Some(base) = weak.upgrade() else { return };
        if !base.restarts.is_pending(&module, failed) {
            return;
        }
        let Some(again) = base.deployer.spec(&module).await.or(spec) else {
            return base.restarts.settle(&module, failed, "taken out meanwhile");
        };
        let mut change = Change::new();
        change.put.insert(module.clone(), again.clone());
        let result = deploy(&base, change, Reason::Restart(failed)).await;
        if !result.as_ref().is_err_and(|error| error.has(OVERTAKEN)) {
            base.stats_of(&module, &SceneName::main()).restarted();
        }
        match result {
            Ok(_) => base.restarts.settle(&module, failed, "restarted"),
            Err(error) if error.has(OVERTAKEN) => base.restarts.settle(&module, failed, "deployed anew meanwhile"),
            Err(_) if base.is_ending() => {}
            Err(error) => {
                // The verdict on this failure may wait again: the record must be free for it.
                base.restarts.settle(&module, failed, "failed again");
                base.restarts.failed_again(&base, failed, again, &error.to_string());
            }
        }
    });
}
