//! What a deployment is asked to do, and how far it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Refusal, VERSION};

/// Asks for a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentRequest {
    /// The version of the protocol.
    pub version: u32,
    /// What to do.
    pub operation: Operation,
    /// How.
    #[serde(default)]
    pub options: Options,
}

impl DeploymentRequest {
    /// A request of this version.
    #[must_use]
    pub fn new(operation: Operation, options: Options) -> Self {
        Self { version: VERSION, operation, options }
    }
}

/// What a deployment does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// Lets objects serve that were uploaded before, all of them in one swap.
    Install {
        /// The objects.
        artifacts: Vec<ArtifactReference>,
    },
    /// Lets new instances of what serves now serve.
    Redeploy {
        /// The modules.
        modules: Vec<String>,
    },
    /// Goes back to the generation before the one that serves.
    Rollback {
        /// The modules; none means all that the last deployment changed.
        modules: Vec<String>,
        /// The digest of the object to go back to, of one module; by default the one that served before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Takes modules out.
    Uninstall {
        /// The modules.
        modules: Vec<String>,
    },
    /// Reads the base's own settings anew, and lets new instances of what they change serve.
    Settings {},
}

impl Operation {
    /// Its name: `install`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Install { .. } => "install",
            Self::Redeploy { .. } => "redeploy",
            Self::Rollback { .. } => "rollback",
            Self::Uninstall { .. } => "uninstall",
            Self::Settings {} => "settings",
        }
    }

    /// The modules that it names. Those of an install are known by their labels alone.
    #[must_use]
    pub fn modules(&self) -> &[String] {
        match self {
            Self::Redeploy { modules } | Self::Rollback { modules, .. } | Self::Uninstall { modules } => modules,
            Self::Install { .. } | Self::Settings {} => &[],
        }
    }
}

/// An object that was uploaded before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactReference {
    /// Its sha256 in hexadecimal, as the upload's answer has it.
    pub digest: String,
    /// The text of its signature, in minisign's format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// How a deployment is carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Changes nothing, and says what would change.
    pub plan: bool,
    /// Deploys also builds that serve already.
    pub force: bool,
    /// Accepts migrations that drop or rename.
    pub breaking: bool,
    /// How long what left stays warm, in milliseconds; by default the base's setting `deploy.bake`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bake_ms: Option<u64>,
}

/// One step in the end of an instance that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaterStepTime {
    /// The instance, as `module@scene#generation`.
    pub instance: String,
    /// Its name: `bake`, `drain`, `stop`.
    pub name: String,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// What did not go in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The sources that an object was built from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The commit.
    #[serde(default)]
    pub commit: Option<String>,
    /// The branch.
    #[serde(default)]
    pub branch: Option<String>,
    /// Whether files differed from the commit.
    #[serde(default)]
    pub dirty: bool,
}

/// How far a deployment is. It goes on when whoever asked for it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its name; unique in one base, also after a restart.
    pub id: String,
    /// Grows with every change of this document.
    pub revision: u64,
    /// Where it stands.
    pub state: DeploymentState,
    /// What it does: [`Operation::name`].
    pub operation: String,
    /// The modules that it is about, as far as they are known.
    pub modules: Vec<String>,
    /// Who asked for it: a user of this machine, or a token.
    pub who: String,
    /// When it was asked for, in milliseconds since 1970.
    pub asked_ms: u64,
    /// How many are before it, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// The step that it is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The steps that are done.
    pub steps: Vec<StepTime>,
    /// What would change, of a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Value>,
    /// What serves now, of one that is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Value>,
    /// The end of what it replaced: each step of each instance, some time after the deployment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<LaterStepTime>,
    /// Modules that serve the very build that was asked for already, and were left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchanged: Vec<String>,
    /// Why it failed. What served before serves on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
}

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// It waits for those before it.
    Queued,
    /// It is at work.
    Running,
    /// It was a plan, and is made.
    Planned,
    /// It serves.
    Live,
    /// It changed nothing.
    Failed,
}

impl DeploymentState {
    /// Whether it is decided: what comes after is only the end of what left.
    #[must_use]
    pub fn is_decided(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// One step that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTime {
    /// Its name: `check`, `start`, `swap`.
    pub name: String,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

impl StepTime {
    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_micros(self.took_us)
    }
}
