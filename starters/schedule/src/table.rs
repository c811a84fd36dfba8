//! The jobs of one composition, by module, scene and name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bedplate::{Composition, InstanceId, ModuleName, SceneName};

use crate::export::twice;
use crate::job::ScheduledJob;

/// Which job: it keeps its rhythm over generations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) module: ModuleName,
    pub(crate) scene: SceneName,
    pub(crate) name: String,
}

/// One job of a composition.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) job: ScheduledJob,
    pub(crate) paused: bool,
}

/// The jobs of one composition. What the starter prepares.
#[derive(Debug, Default)]
pub struct JobTable {
    pub(crate) jobs: BTreeMap<Key, Planned>,
}

impl JobTable {
    pub(crate) fn of(next: &Composition, paused: &BTreeSet<InstanceId>) -> bedplate::Result<Self> {
        let mut jobs: BTreeMap<Key, Planned> = BTreeMap::new();
        for (instance, job) in next.exports::<ScheduledJob>() {
            let key =
                Key { module: instance.module().clone(), scene: instance.scene().clone(), name: job.name.to_string() };
            if let Some(error) = twice(jobs.get(&key).map(|planned| &planned.job).into_iter(), job) {
                return Err(error.context(format!("the jobs of `{}` cannot be told apart", key.module)));
            }
            jobs.insert(key, Planned { job: job.clone(), paused: paused.contains(instance.id()) });
        }
        Ok(Self { jobs })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {}@{}", self.name, self.module, self.scene)
    }
}
