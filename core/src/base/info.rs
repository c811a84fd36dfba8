//! What `base!` knows of the base that it stands in.

use serde::Serialize;

use crate::descriptors::Site;

/// The base's own crate, and the starters and modules that its `Cargo.toml` lists.
#[derive(Debug, Clone, Copy)]
pub struct BaseInfo {
    /// Where `base!` stands.
    pub site: Site,
    /// The starters and modules among the base's dependencies.
    pub listed: &'static [Listed],
    /// In the executable of a bundle, the label of the base that it was built for: what a module's
    /// object has to agree with. `None` in one static binary.
    pub label: Option<&'static str>,
}

/// One starter or module that the base's `Cargo.toml` lists.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Listed {
    /// The package.
    pub package: &'static str,
    /// What it says it is, in `[package.metadata.bedplate]`.
    pub kind: Kind,
    /// Whether this build has it.
    pub linked: Linked,
}

/// What a crate says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A starter.
    Starter,
    /// A module.
    Module,
}

/// Whether a dependency is part of the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Linked {
    /// It is.
    Yes,
    /// It is optional, and its feature is off; or it is for another platform.
    NotEnabled,
}
