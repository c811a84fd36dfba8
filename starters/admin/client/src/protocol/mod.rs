//! What goes over the wire: versioned JSON. The server and all clients share these types.
//!
//! A request with a field that the server does not know is refused: it might have mattered. An answer may
//! carry fields that a client does not know: a newer base says more.

mod artifact;
mod deployment;
mod refusal;

use serde::{Deserialize, Serialize};

pub use artifact::Artifact;
pub use deployment::{
    ArtifactReference, Deployment, DeploymentRequest, DeploymentState, LaterStepTime, Operation, Options, Source,
    StepTime,
};
pub use refusal::{Place, Problem, Refusal, RefusalAnswer};

/// The version of this protocol. A base that speaks another one is told apart by it.
pub const VERSION: u32 = 1;

/// The largest JSON document that a base accepts in a request, in bytes.
pub const LARGEST_DOCUMENT: usize = 64 * 1024;

/// A document with the protocol's version beside its own fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// The version of the protocol: [`VERSION`].
    pub version: u32,
    /// The document.
    #[serde(flatten)]
    pub value: T,
}

impl<T> Versioned<T> {
    /// A document of this version.
    pub fn new(value: T) -> Self {
        Self { version: VERSION, value }
    }
}
