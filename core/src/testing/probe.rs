//! The module that stands for the test itself: its references are the ones the test calls with.

use std::sync::OnceLock;

use crate::module::{Module, ModuleContext, ModuleSpec};

/// The name of the test's own module.
pub(super) const NAME: &str = "test";

/// The module that stands for the test.
pub(super) struct Probe {
    pub(super) context: ModuleContext,
}

impl Module for Probe {}

pub(super) fn spec() -> ModuleSpec {
    ModuleSpec::plain(NAME, |fields| Ok(Probe { context: fields.context().clone() })).expect("a valid name")
}

/// Where the test's context is kept once the base runs.
pub(super) type Slot = OnceLock<ModuleContext>;
