//! The name of a module: valid because it exists.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The name of a module, by default that of its crate.
///
/// Lower-case letters, digits, `-` and `_`, beginning with a letter, at most 64 bytes:
/// what can stand in a settings key, a label of a metric and the name of a file.
///
/// ```
/// use bedplate::ModuleName;
///
/// assert_eq!(ModuleName::new("red-packet")?.as_str(), "red-packet");
/// assert!(ModuleName::new("Red Packet").is_err());
/// # Ok::<(), bedplate::InvalidName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName(Arc<str>);

/// A name that is not allowed, with what is wrong about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is no valid name: use lower-case letters, digits, `-` and `_`, beginning with a letter, at most 64 bytes"
)]
pub struct InvalidName {
    /// The name as it was given.
    pub name: String,
}

impl ModuleName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] where the text does not follow the rules above.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        if is_valid(name) { Ok(Self(name.into())) } else { Err(InvalidName { name: name.to_owned() }) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `name` follows the rules for names of modules and scenes.
pub(crate) fn is_valid(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for ModuleName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ModuleName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for ModuleName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
