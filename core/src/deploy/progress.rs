//! What a deployment tells: its place in the line, its steps, its result, and what comes after it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::descriptors::ModuleName;
use crate::module::InstanceId;

/// One step of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Its name: `check`, `construct`, `migrate`, `start` (which includes readiness), `prepare`, `record`, `swap`,
    /// `prove`. Some are left out where there is nothing to do in them. Where a module takes over from another
    /// one, `hold` (swapped in, and what comes waits), `drain`, `hand-over`, `stop`, `take-over` (its start),
    /// `prove`, `record` and `open` come after `prepare`; and `back` where it does not.
    pub name: &'static str,
    /// How long it took.
    #[serde(serialize_with = "as_microseconds", rename = "took_us")]
    pub took: Duration,
}

/// One step in the end of an instance, after the deployment that replaced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LaterStep {
    /// The deployment by which the instance left.
    pub deployment: u64,
    /// The instance.
    pub instance: InstanceId,
    /// Its name: `bake`, `drain`, `stop`.
    pub name: &'static str,
    /// How long it took.
    #[serde(serialize_with = "as_microseconds", rename = "took_us")]
    pub took: Duration,
    /// What did not go in order, where something did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

pub(crate) fn as_microseconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

/// What a deployment tells whoever watches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Progress {
    /// It waits for its turn. Told again when it moves up.
    Queued {
        /// How many deployments come before it, that at work included.
        position: usize,
    },
    /// It has begun; its number is the one that the ledger knows it by.
    Begun {
        /// The number of the deployment in this process, counted from 1.
        deployment: u64,
    },
    /// A step has ended.
    Step(Step),
    /// A step in the end of what it replaced has ended: after the deployment itself.
    Later(LaterStep),
}

/// Follows a deployment. Called on the tasks of the deployment: it must not block.
pub(crate) type Watcher = Arc<dyn Fn(Progress) + Send + Sync>;

/// A deployment that went live.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Deployed {
    /// The number of the deployment in this process, counted from 1.
    pub deployment: u64,
    /// The number of the composition that serves now.
    pub composition: u64,
    /// The instances that came.
    pub came: Vec<InstanceId>,
    /// The warm predecessors that serve again.
    pub revived: Vec<InstanceId>,
    /// The instances that leave: they drain, and stop when nothing is left in them.
    pub leaving: Vec<InstanceId>,
    /// The instances that stay warm for the bake time, and leave then.
    pub warm: Vec<InstanceId>,
    /// Optional modules that failed and are tried again, with the reason.
    pub left_out: Vec<(ModuleName, String)>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}
