//! How settings of a type that the base does not know are described and checked.

use std::fmt;

use crate::settings::{KeyPath, Schema, SettingProblem, Settings, Tree};

/// A settings type, by its functions.
#[derive(Clone, Copy)]
pub struct SettingsInfo {
    /// The keys.
    pub schema: fn() -> Schema,
    /// Reads the type, for what is wrong with it.
    pub check: fn(&Tree, &[KeyPath], &mut Vec<SettingProblem>),
}

impl SettingsInfo {
    /// The functions of `S`.
    #[must_use]
    pub const fn of<S: Settings>() -> Self {
        Self {
            schema: S::schema,
            check: |tree, paths, problems| {
                tree.read::<S>(paths, problems);
            },
        }
    }
}

impl fmt::Debug for SettingsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SettingsInfo")
    }
}
