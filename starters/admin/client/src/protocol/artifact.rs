//! An object that the base has received and stored.

use serde::{Deserialize, Serialize};

use super::Source;

/// An object in the base's store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The SHA-256 of the file, in hexadecimal: its name from now on.
    pub digest: String,
    /// The file's size in bytes.
    pub size: u64,
    /// The module that it is.
    pub module: String,
    /// The linker's build id, in hexadecimal.
    pub build_id: String,
    /// The fingerprint of the base that it was built for.
    pub base_fingerprint: String,
    /// The sources that it was built from.
    #[serde(default)]
    pub source: Source,
}
