//! What is known of a stored object file, beside its bytes.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::deploy::image::{BuildId, Digest, SourceLabel};

/// One stored object file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// The module that it is.
    pub module: String,
    /// The linker's build id.
    pub build_id: BuildId,
    /// The fingerprint of the base that it was built for.
    pub base_fingerprint: String,
    /// The revision that it was built from.
    pub source: SourceLabel,
    /// Its size, in bytes.
    pub size: u64,
    /// How it came.
    pub came: Came,
    /// When it came, in milliseconds since 1970.
    pub received_ms: u64,
    /// When it was last deployed, in milliseconds since 1970; when it came, before that. The time of its file.
    #[serde(default)]
    pub used_ms: u64,
    /// Its signature, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// How an artifact, or a request, came to the base.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// With the bundle, or through the local socket: from somebody who could write the base's files.
    #[default]
    Locally,
    /// Over the network: it has to be signed.
    Remotely,
}

impl Artifact {
    /// Whether it came over the network, and nothing has shown yet that somebody who is trusted made it.
    pub(super) fn is_unverified(&self) -> bool {
        self.came == Came::Remotely && self.signature.is_none()
    }
}

/// A signature that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The text of the minisign file: it is verified again whenever the artifact is used.
    pub text: String,
    /// The name of the key that signed.
    pub key: String,
    /// The sequence that it was signed with.
    pub sequence: u64,
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    ms_of(SystemTime::now())
}

/// A time in milliseconds since 1970.
pub(super) fn ms_of(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
