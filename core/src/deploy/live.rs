//! A change of settings while the base serves: what of it can be, and whom it concerns.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Configuration, CoreSettings, Shared, forgive_former, known_sections};
use crate::compose::Problem;
use crate::deploy::Member;
use crate::module::{Instance, ModuleSpec};
use crate::settings::{KeyPath, Known, SettingProblem, Tree};

/// The sections of the core that a base reads anew for each composition.
const LIVE: [&str; 4] = ["lifecycle", "drain", "restart", "deploy"];

/// Keys within them that it does not.
const FIXED: [[&str; 2]; 1] = [["deploy", "folder"]];

/// The settings that a deployment brings.
pub(super) struct LiveSettings<'a> {
    base: &'a Shared,
    tree: &'a Arc<Tree>,
    known: Known,
}

impl<'a> LiveSettings<'a> {
    /// The settings `tree` of a base that is going to be composed of `specs`.
    pub(super) fn new(base: &'a Shared, tree: &'a Arc<Tree>, specs: &BTreeMap<Member, Arc<ModuleSpec>>) -> Self {
        let available = base.deployer.available();
        let others = available.values().filter(|spec| !specs.keys().any(|(name, _)| *name == spec.name));
        let known = known_sections(&base.linked, specs.values().chain(others).map(|spec| &**spec));
        Self { base, tree, known }
    }

    /// What no section knows, and what is wrong with the core's own; `None` where those cannot be read.
    pub(super) fn check(&self) -> (Option<Arc<Configuration>>, Vec<SettingProblem>) {
        let mut problems = self.tree.unknown(&self.known);
        forgive_former(&mut problems, &self.base.operations().journal.modules());
        let core = CoreSettings::read(self.tree, &mut problems);
        (core.map(|core| Configuration::new(self.tree.clone(), core)), problems)
    }

    /// The keys that differ, and cannot while the base serves.
    pub(super) fn refused(&self) -> Option<Problem> {
        let differ = self.base.settings().differences(self.tree, &[KeyPath::root()], &self.known);
        let fixed: Vec<_> = differ.iter().filter(|key| !may_change(key)).map(|key| format!("`{key}`")).collect();
        (!fixed.is_empty()).then(|| Problem {
            code: "settings-fixed",
            what: format!("these settings cannot change while the base serves: {}", fixed.join(", ")),
            places: Vec::new(),
            help: "restart the base; or leave them as they are, and deploy the rest".to_owned(),
        })
    }

    /// Whether the settings of an instance are others than those that it was made with.
    pub(super) fn differ_for(&self, instance: &Instance) -> bool {
        let paths = [
            KeyPath::of(["modules", instance.module().as_str()]),
            KeyPath::of(["scenes", instance.scene().as_str(), "modules", instance.module().as_str()]),
        ];
        !instance.settings.differences(self.tree, &paths, &self.known).is_empty()
    }
}

fn may_change(key: &KeyPath) -> bool {
    let [section, below @ ..] = key.segments() else { return true };
    let is_fixed = FIXED.iter().any(|[fixed, key]| section == fixed && below.first().is_some_and(|below| below == key));
    let is_live = LIVE.contains(&section.as_str()) || section == "modules" || section == "scenes";
    is_live && !is_fixed
}
