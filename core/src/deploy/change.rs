//! What a deployment changes, and what it reports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::descriptors::ModuleName;
use crate::module::{InstanceId, ModuleSpec};

/// What a deployment changes. Several changes go live in one swap.
#[derive(Debug, Default)]
pub struct Change {
    pub(crate) put: BTreeMap<ModuleName, Arc<ModuleSpec>>,
    pub(crate) remove: Vec<ModuleName>,
}

impl Change {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Installs a module, or replaces it by a new generation.
    #[must_use]
    pub fn put(mut self, module: ModuleSpec) -> Self {
        self.put.insert(module.name.clone(), Arc::new(module));
        self
    }

    /// Takes a module out.
    #[must_use]
    pub fn remove(mut self, module: ModuleName) -> Self {
        self.remove.push(module);
        self
    }
}

/// One step of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name: `check`, `construct`, `migrate`, `start`, `prepare`, `swap`.
    pub name: &'static str,
    /// How long it took.
    #[serde(serialize_with = "as_microseconds", rename = "took_us")]
    pub took: Duration,
}

fn as_microseconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

/// A deployment that went live.
#[derive(Debug, Clone, Serialize)]
pub struct Deployed {
    /// The number of the composition that serves now.
    pub composition: u64,
    /// The instances that came.
    pub came: Vec<InstanceId>,
    /// The instances that leave: they drain, and stop when nothing is left in them.
    pub leaving: Vec<InstanceId>,
    /// Optional modules that failed and are tried again, with the reason.
    pub left_out: Vec<(ModuleName, String)>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}
