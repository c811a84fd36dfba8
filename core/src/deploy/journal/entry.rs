//! What stands in the journal.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::compose::Problem;
use crate::deploy::image::{BuildId, Digest, SourceLabel};
use crate::deploy::{LaterStep, Step};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A process has begun.
    Started(Started),
    /// The pointer is about to move. With this line, synced, a deployment is committed.
    Committed(Committed),
    /// A deployment has ended: it serves, it failed, or it was taken back.
    Ended(Ended),
    /// A step in the end of what a deployment replaced.
    Later(Later),
}

/// A process has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    /// When, in milliseconds since 1970. It tells the deployments of one process from those of another.
    pub(crate) at_ms: u64,
    /// The version of bedplate.
    pub(crate) bedplate: String,
    /// The fingerprint of the base.
    pub(crate) base_fingerprint: String,
}

/// Who asked for a deployment, and for what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// A user of the machine, or the name of a token; empty where nobody said so.
    #[serde(default)]
    pub who: String,
    /// `install`, `redeploy`, `rollback`, `uninstall`, `settings`, `start`.
    #[serde(default)]
    pub operation: String,
    /// The modules that were asked for.
    #[serde(default)]
    pub modules: Vec<String>,
    /// How long reading, checking and loading the objects took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded_us: Option<u64>,
}

/// One module in one scene that serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The module.
    pub module: String,
    /// The scene.
    pub scene: String,
    /// The number of its generation, in its process.
    pub generation: u64,
    /// The object that its code comes from; `None`: it is linked into the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The build id of that object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<BuildId>,
    /// The revision that it was built from.
    #[serde(default)]
    pub source: SourceLabel,
}

/// What is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Committed {
    /// Counted from 1, over all processes.
    pub(crate) number: u64,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// The number of the deployment in its process.
    pub(crate) deployment: u64,
    /// The number of the composition in its process.
    pub(crate) composition: u64,
    /// Who asked for it, and for what.
    pub(crate) asked: Asked,
    /// All that serves from now on.
    pub(crate) members: Vec<Member>,
    /// Modules that have failed and are tried again: they belong to the base.
    #[serde(default)]
    pub(crate) waiting: Vec<String>,
    /// What modules would serve with that belong to the base and do not serve: those that wait to be started again,
    /// and those that settings leave out.
    #[serde(default)]
    pub(crate) absent: BTreeMap<String, Digest>,
    /// Modules that were taken out on purpose, and do not come back by themselves.
    #[serde(default)]
    pub(crate) removed: BTreeSet<String>,
    /// The modules that changed.
    #[serde(default)]
    pub(crate) changed: BTreeSet<String>,
    /// What the bundle held for each module at that time: where it holds another object later, it was built anew.
    #[serde(default)]
    pub(crate) bundle: BTreeMap<String, Digest>,
    /// The sequence that the last signed object of each module was signed with.
    #[serde(default)]
    pub(crate) sequences: BTreeMap<String, u64>,
    /// The digest of the settings, where they changed; secrets do not go into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<Digest>,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// The number of the deployment in its process.
    pub(crate) deployment: u64,
    /// Who asked for it, and for what.
    pub(crate) asked: Asked,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// What was wrong, where it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<ProblemRecord>,
    /// Its steps.
    pub(crate) steps: Vec<StepRecord>,
}

/// What came of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was recorded; whether the pointer moved before the process ended is not known, and does not matter: it is
    /// what a process that comes after serves.
    Committed,
    /// It served.
    Served,
    /// It failed, and changed nothing.
    Failed,
    /// It did not prove itself, and what served before served again.
    TakenBack,
}

/// One thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemRecord {
    /// A stable code.
    pub code: String,
    /// What was wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its name.
    pub name: String,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The instance that it was about, of a step after the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What did not go in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A step in the end of what a deployment replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Later {
    /// The number of the deployment in its process.
    pub(crate) deployment: u64,
    /// The step.
    pub(crate) step: StepRecord,
}

impl From<&Step> for StepRecord {
    fn from(step: &Step) -> Self {
        Self { name: step.name.to_owned(), took_us: micros(step.took), instance: None, trouble: None }
    }
}

impl From<&LaterStep> for StepRecord {
    fn from(step: &LaterStep) -> Self {
        Self {
            name: step.name.to_owned(),
            took_us: micros(step.took),
            instance: Some(step.instance.to_string()),
            trouble: step.trouble.clone(),
        }
    }
}

impl From<&Problem> for ProblemRecord {
    fn from(problem: &Problem) -> Self {
        Self { code: problem.code.to_owned(), what: problem.what.clone(), help: problem.help.clone() }
    }
}

fn micros(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
