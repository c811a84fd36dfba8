//! What is asked of a base, and what it answers.

use std::time::Duration;

use serde::Serialize;

use crate::deploy::Deployed;
use crate::deploy::image::Digest;
use crate::deploy::store::Came;
use crate::descriptors::ModuleName;

/// What is asked of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Lets objects serve that were stored before, all in one swap.
    Install(Vec<ObjectReference>),
    /// Lets new instances of what serves serve: the same code.
    Redeploy(Vec<ModuleName>),
    /// Lets what served before serve again. No module: all that the last deployment changed. A digest: this very
    /// object, of one module.
    Rollback(Vec<ModuleName>, Option<Digest>),
    /// Takes modules out, for good.
    Uninstall(Vec<ModuleName>),
    /// Reads the settings again, and lets new instances serve where they have changed.
    Settings,
}

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReference {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The text of its minisign file. Needed where the object, or the request, came over the network, unless the
    /// object is kept with one.
    pub signature: Option<String>,
}

/// How an operation is carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Who asks, for the history: a user of this machine, or the name of a token.
    pub who: String,
    /// How the request came. Over the network an install takes signed objects alone, however they came; a rollback
    /// also what has served before.
    pub came: Came,
    /// How long what is replaced stays warm; by default `deploy.bake`.
    pub bake: Option<Duration>,
    /// Whether migrations may take away what the generation before uses.
    pub breaking: bool,
    /// Whether the build that serves now is deployed again.
    pub force: bool,
}

/// What came of an operation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Done {
    /// It serves.
    Deployed {
        /// What the engine did.
        deployed: Deployed,
        /// Modules of the request that served this very build already, and were left alone.
        unchanged: Vec<ModuleName>,
    },
    /// The builds that were asked for serve already.
    Unchanged {
        /// The modules.
        unchanged: Vec<ModuleName>,
    },
}

impl Request {
    /// Its name: `install`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Install(_) => "install",
            Self::Redeploy(_) => "redeploy",
            Self::Rollback(..) => "rollback",
            Self::Uninstall(_) => "uninstall",
            Self::Settings => "settings",
        }
    }
}

impl From<Digest> for ObjectReference {
    fn from(digest: Digest) -> Self {
        Self { digest, signature: None }
    }
}
