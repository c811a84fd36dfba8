//! What is retired and still referred to: told once, and listed for as long as it lasts.
//!
//! The base lets go of an instance when it is retired. A thread of the module's own, a static, a task that
//! blocks its thread may hold it, or the module in it, for ever: nothing waits for that, and its code and its
//! memory stay.

use std::any::Any;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

use crate::base::Shared;
use crate::isolation::EntryInfo;
use crate::module::{Instance, InstanceId};
use crate::sync::lock;

/// An instance that is retired, without holding it.
#[derive(Clone)]
pub(super) struct Left {
    id: InstanceId,
    instance: Weak<Instance>,
    /// The module's own state.
    object: Weak<dyn Any + Send + Sync>,
}

/// A retired instance that something still refers to, for people and tools.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct OutlivedInfo {
    /// The instance.
    pub instance: InstanceId,
    /// What of it is still at work: it has not come back since it was cancelled.
    pub holding: Vec<EntryInfo>,
    /// How many references there are to the module's own state (`Arc<Self>`): those of threads and tasks that
    /// the base knows nothing of among them.
    pub references: usize,
}

/// The retired instances of a base that something still refers to.
#[derive(Default)]
pub(crate) struct Outlived {
    left: Mutex<Vec<Left>>,
}

impl Outlived {
    /// Those that are there now.
    pub(crate) fn list(&self) -> Vec<OutlivedInfo> {
        let mut left = lock(&self.left);
        left.retain(|left| left.object.strong_count() > 0);
        left.iter().map(Left::info).collect()
    }

    fn add(&self, left: Left) {
        let mut all = lock(&self.left);
        all.retain(|left| left.object.strong_count() > 0);
        all.push(left);
    }
}

impl Left {
    pub(super) fn of(instance: &Arc<Instance>) -> Self {
        Self {
            id: instance.id().clone(),
            instance: Arc::downgrade(instance),
            object: Arc::downgrade(&instance.object().object()),
        }
    }

    /// Waits for as long as a stop may take, and tells whether it is still there. One that is kept for somebody
    /// else (a warm neighbour, say) may be: then it is looked at again later.
    pub(super) async fn tell(self, base: &Weak<Shared>, limit: Duration) {
        loop {
            sleep(limit).await;
            if self.object.strong_count() == 0 {
                return;
            }
            let Some(base) = base.upgrade() else { return };
            if self.instance.upgrade().is_some_and(|instance| base.keeps_for_others(&instance)) {
                continue;
            }
            self.warn();
            base.outlived.add(self);
            return;
        }
    }

    fn info(&self) -> OutlivedInfo {
        let instance = self.instance.upgrade();
        // The instance's own: one to call the module by, and one for each contract that it publishes.
        let own = instance.as_ref().map_or(0, |instance| 1 + instance.published().len());
        OutlivedInfo {
            instance: self.id.clone(),
            holding: instance.map(|instance| instance.in_flight()).unwrap_or_default(),
            references: self.object.strong_count().saturating_sub(own),
        }
    }

    fn warn(&self) {
        let OutlivedInfo { instance: id, holding, references } = self.info();
        let left: Vec<_> = holding.iter().map(|left| format!("{} `{}`", left.kind, left.label)).collect();
        tracing::warn!(
            target: "bedplate::deploy",
            module = %id.module, scene = %id.scene, generation = id.generation, references,
            "{id} is retired, and something still refers to it ({references} references to the module): a thread of \
             its own, a leak, or work that blocks its thread{}{}",
            if left.is_empty() { "" } else { ": " }, left.join(", "),
        );
    }
}
