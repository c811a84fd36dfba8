//! One linked module, as `#[module]` registers it.

use crate::descriptors::{ServiceDescriptor, Site};
use crate::module::ModuleParts;

/// Whether a base can do without a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The base does not start without it.
    Required,
    /// The base starts without it where it fails, and tries again.
    Optional,
}

/// What `#[module]` registers: who the module is and how an instance of it is made.
pub struct ModuleDescriptor {
    /// Its name, by default that of its package.
    pub name: &'static str,
    /// The first paragraph of its doc comment.
    pub summary: &'static str,
    /// Where `#[module]` stands.
    pub site: Site,
    /// Whether a base can do without it.
    pub presence: Presence,
    /// Whether it owns what cannot be there twice: the old generation stops before the new one starts.
    pub exclusive: bool,
    /// The version of bedplate that it was built with.
    pub bedplate: &'static str,
    /// Its requirements and its constructor.
    pub parts: fn() -> ModuleParts,
    /// What it publishes.
    pub services: fn() -> &'static [ServiceDescriptor],
}
