//! One linked starter, as `#[starter]` registers it.

use std::any::TypeId;

use crate::descriptors::{SettingsInfo, Site};
use crate::starter::ErasedStart;

/// A type that a starter names: one that it hands to modules, reads from them, or another starter.
#[derive(Debug, Clone, Copy)]
pub struct HandleInfo {
    /// The type.
    pub type_id: fn() -> TypeId,
    /// Its name as it is written in the source.
    pub type_name: fn() -> &'static str,
}

/// When a starter starts, among those whose needs are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartOrder {
    /// Before the others: `#[starter(early)]`, for what the others log and report through.
    Early,
    /// In the order of the names.
    Normal,
}

/// What `#[starter]` registers: who the starter is, what it needs and how it is started.
pub struct StarterDescriptor {
    /// Its name, which is its section in the settings: `[starters.<name>]`.
    pub name: &'static str,
    /// The first paragraph of its doc comment.
    pub summary: &'static str,
    /// Where `#[starter]` stands.
    pub site: Site,
    /// The version of bedplate that it was built with.
    pub bedplate: &'static str,
    /// The starter's own type.
    pub type_id: fn() -> TypeId,
    /// When it starts, among those whose needs are met.
    pub order: StartOrder,
    /// Starters that must be there and start first: type and name.
    pub needs: &'static [HandleInfo],
    /// Starters that start first where they are there.
    pub after: &'static [HandleInfo],
    /// The types that it hands to modules.
    pub provides: &'static [HandleInfo],
    /// The exports of modules that it reads.
    pub reads: &'static [HandleInfo],
    /// Its settings, below `[starters.<name>]`.
    pub settings: SettingsInfo,
    /// Its settings per module, below `[modules.<module>.<name>]`.
    pub module_settings: SettingsInfo,
    /// What `bedplate::testing` puts below `[starters.<name>]` where a test says nothing, as TOML:
    /// `#[starter(test_settings = "address = '127.0.0.1:0'")]`.
    pub test_settings: &'static str,
    /// Starts it.
    pub start: ErasedStart,
    /// Commands that it adds to the base's binary.
    pub commands: &'static [crate::base::Command],
}

inventory::collect!(&'static StarterDescriptor);
