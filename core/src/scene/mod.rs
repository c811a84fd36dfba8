//! Scenes: the named domains in which services are published.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::descriptors::InvalidName;

/// The name of a scene. The same rules as for a [`ModuleName`](crate::ModuleName).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SceneName(Arc<str>);

impl SceneName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] where the text does not follow the rules.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        crate::descriptors::ModuleName::new(name).map(|valid| Self(valid.as_str().into()))
    }

    /// The scene that every module is in while none is configured.
    #[must_use]
    pub fn main() -> Self {
        Self("main".into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SceneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for SceneName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for SceneName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
