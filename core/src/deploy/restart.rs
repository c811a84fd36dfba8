//! The restart policy: a module whose task or start failed is started again, later and later, and
//! given up when that does not help.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::base::Shared;
use crate::deploy::{Change, deploy};
use crate::descriptors::ModuleName;
use crate::module::{InstanceState, ModuleSpec, ModuleState};
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
    pending: bool,
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

    /// A task of an instance that serves has failed.
    pub(crate) fn failed(&self, base: &Arc<Shared>, instance: &InstanceState, cause: String) {
        // A generation that is on its way out is not worth a restart.
        if instance.state() != ModuleState::Active || !base.pin().holds(instance.uid) {
            return;
        }
        match self.judge(&instance.id.module, &cause) {
            Verdict::After(wait) => restart_later(base.clone(), instance.id.module.clone(), None, wait),
            Verdict::GiveUp => {
                instance.transition(
                    ModuleState::Failed,
                    &format!("given up after {} restarts: {cause}", self.policy.attempts),
                );
            }
            Verdict::AlreadyPending => {}
        }
    }

    /// An optional module that is not part of the composition did not start.
    pub(crate) fn did_not_start(&self, base: &Arc<Shared>, spec: Arc<ModuleSpec>, cause: &str) {
        match self.judge(&spec.name, cause) {
            Verdict::After(wait) => restart_later(base.clone(), spec.name.clone(), Some(spec), wait),
            Verdict::GiveUp => tracing::error!(
                target: "bedplate::lifecycle", module = %spec.name,
                "`{}` is given up after {} attempts: {cause}", spec.name, self.policy.attempts
            ),
            Verdict::AlreadyPending => {}
        }
    }

    fn judge(&self, module: &ModuleName, cause: &str) -> Verdict {
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
            pending: false,
        });
        if record.pending {
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
            return Verdict::GiveUp;
        }
        let doublings = record.info.failures.saturating_sub(1).min(31);
        let wait = self.policy.initial.saturating_mul(1 << doublings).min(self.policy.longest);
        record.info.action = format!("restarts in {}", humantime::format_duration(wait));
        record.pending = true;
        tracing::warn!(
            target: "bedplate::lifecycle", %module, attempt = record.info.failures, of = self.policy.attempts,
            "`{module}` {}: {cause}", record.info.action
        );
        Verdict::After(wait)
    }

    fn settle(&self, module: &ModuleName, action: &str) {
        if let Some(record) = lock(&self.records).get_mut(module) {
            record.pending = false;
            action.clone_into(&mut record.info.action);
        }
    }
}

/// Waits, then deploys the module anew: `spec` for one that is not in the composition.
fn restart_later(base: Arc<Shared>, module: ModuleName, spec: Option<Arc<ModuleSpec>>, wait: Duration) {
    let weak = Arc::downgrade(&base);
    let runtime = base.runtime.clone();
    drop(base);
    runtime.spawn(async move {
        tokio::time::sleep(wait).await;
        let Some(base) = weak.upgrade() else { return };
        if base.is_ending() {
            return;
        }
        let Some(again) = base.deployer.spec(&module).await.or(spec) else { return };
        base.stats_of(&module, &crate::scene::SceneName::main()).restarted();
        let mut change = Change::new();
        change.put.insert(module.clone(), again.clone());
        // The verdict on a failure may wait again: the record must be free for it.
        match deploy(&base, change).await {
            Ok(_) => base.restarts.settle(&module, "restarted"),
            Err(error) => {
                base.restarts.settle(&module, "failed again");
                base.restarts.did_not_start(&base, again, &error.to_string());
            }
        }
    });
}
