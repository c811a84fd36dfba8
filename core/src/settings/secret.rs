//! A value that is never printed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// What is printed in place of a secret.
pub(super) const MASK: &str = "******";

/// The name under which [`Secret`] asks its deserializer, by which a schema finds out where secrets are.
pub(super) const SECRET_NAME: &str = "$bedplate::Secret";

/// A setting that is never printed: `Debug`, `Display`, the `settings` command and error messages show `******`.
///
/// It cannot be serialized. A type that hides it behind serde's `untagged` or `flatten` must be marked
/// `#[setting(secret)]`, since a schema cannot see through these.
///
/// ```
/// use bedplate::settings::Secret;
///
/// let password = Secret::new("hunter2".to_owned());
/// assert_eq!(format!("{password} {password:?}"), "****** ******");
/// assert_eq!(password.expose(), "hunter2");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Do not print it.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the value. Do not print it.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
                T::deserialize(deserializer)
            }
        }

        deserializer.deserialize_newtype_struct(SECRET_NAME, Inner(std::marker::PhantomData)).map(Self)
    }
}
