//! What a deployment would change, as data for people and tools.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::compose::Problem;
use crate::deploy::changed_settings::ChangedSetting;
use crate::deploy::image::{ChangedCrate, changed_crates};
use crate::descriptors::ModuleName;
use crate::module::{InstanceId, ModuleSpec, RequiredKind};
use crate::scene::SceneName;
use crate::service::Contract;
use crate::settings::{KeyPath, Schema};
use crate::starter::{Content, Inspection, Planned};

/// What a deployment would change. Made without starting or migrating anything.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// What would keep it from going live, as far as that shows before anything starts. Empty: nothing.
    pub refused: Vec<Problem>,
    /// The modules that would come or be replaced.
    pub comes: Vec<PlannedModule>,
    /// The instances that would go, with nothing in their place.
    pub goes: Vec<InstanceId>,
    /// The modules that have to be part of the deployment as well.
    pub come_along: Vec<ComeAlong>,
    /// What the starters show, by its name (`routes`, `jobs`): what would be there, and what would not any more.
    pub shows: BTreeMap<&'static str, Difference<Value>>,
    /// What the starters would do to bring the modules up: migrations.
    pub work: Vec<PlannedWork>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
}

/// One module that would come, be replaced, or serve again.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlannedModule {
    /// The module.
    pub module: ModuleName,
    /// The scene.
    pub scene: SceneName,
    /// The instance that it would replace.
    pub replaces: Option<InstanceId>,
    /// The warm predecessor that would serve again, where it is one.
    pub revives: Option<InstanceId>,
    /// The contracts that it publishes.
    pub publishes: Difference<ContractName>,
    /// The contracts that it requires, be they optional or not.
    pub requires: Difference<ContractName>,
    /// The keys of its settings.
    pub settings: Difference<String>,
    /// Settings that it has now and would have, and whose values would be others.
    pub changed_settings: Vec<ChangedSetting>,
    /// Crates of its object that would be others: the contracts among them also where their version stays.
    pub crates: Vec<ChangedCrate>,
}

/// What there would be more, and what there would be no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference<T> {
    /// What there would be more.
    pub added: Vec<T>,
    /// What there would be no longer.
    pub removed: Vec<T>,
}

/// A contract, as the crate that declares it has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct ContractName {
    /// The contract.
    pub name: &'static str,
    /// The crate that declares it.
    pub crate_name: &'static str,
    /// The version of that crate.
    pub version: &'static str,
}

/// A module that has to be part of the deployment as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct ComeAlong {
    /// The module.
    pub module: ModuleName,
    /// Why.
    pub why: String,
}

/// What a starter would do for a module.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlannedWork {
    /// The module.
    pub module: ModuleName,
    /// The scene.
    pub scene: SceneName,
    /// The starter.
    pub starter: &'static str,
    /// What it would do.
    pub planned: Planned,
}

impl<T> Difference<T> {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl<T> Default for Difference<T> {
    fn default() -> Self {
        Self { added: Vec::new(), removed: Vec::new() }
    }
}

impl<T: Ord + Clone> Difference<T> {
    pub(super) fn between(before: &BTreeSet<T>, after: &BTreeSet<T>) -> Self {
        Self {
            added: after.difference(before).cloned().collect(),
            removed: before.difference(after).cloned().collect(),
        }
    }
}

impl ContractName {
    pub(super) fn of(contract: &'static Contract) -> Self {
        Self { name: contract.name, crate_name: contract.site.crate_name, version: contract.site.version }
    }
}

/// The contracts that a module publishes in a scene.
pub(super) fn published(spec: &ModuleSpec, scene: &SceneName) -> BTreeSet<ContractName> {
    spec.publishes_in(scene).map(|published| ContractName::of(published.contract)).collect()
}

/// The contracts that a module's fields ask for.
pub(super) fn required(spec: &ModuleSpec) -> BTreeSet<ContractName> {
    let contracts = spec.requirements.as_slice().iter().filter_map(|required| match &required.kind {
        RequiredKind::Service { contract, .. } => Some(ContractName::of(contract)),
        _ => None,
    });
    contracts.collect()
}

/// The keys of a module's own settings, as full paths.
pub(super) fn setting_keys(spec: &ModuleSpec) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for required in spec.requirements.as_slice() {
        if let RequiredKind::Settings(settings) = &required.kind {
            gather(&(settings.schema)(), &KeyPath::of(["modules", spec.name.as_str()]), &mut keys);
        }
    }
    keys
}

fn gather(schema: &Schema, path: &KeyPath, to: &mut BTreeSet<String>) {
    for key in &schema.keys {
        let here = path.join(&key.name);
        match &key.nested {
            Some(nested) => gather(nested, &here, to),
            None => {
                to.insert(here.to_string());
            }
        }
    }
}

/// The crates in which what a module is made from would differ; none of what is linked into the program.
pub(super) fn crates(before: Option<&ModuleSpec>, after: &ModuleSpec) -> Vec<ChangedCrate> {
    let object = |spec: &'_ ModuleSpec| spec.origin().object().cloned();
    let before = before.and_then(object);
    let before = before.as_ref().map(|object| object.label());
    object(after).map(|after| changed_crates(before, after.label())).unwrap_or_default()
}

/// What a starter shows of single modules, by its name: a list of objects that name their module.
pub(super) fn shown(inspections: Vec<Inspection>) -> BTreeMap<&'static str, Vec<Value>> {
    let lists = inspections.into_iter().filter_map(|inspection| {
        let Content::Json(mut json) = inspection.content else { return None };
        let list = match json.get_mut(inspection.name) {
            Some(below) => below.take(),
            None => json,
        };
        let Value::Array(list) = list else { return None };
        let list: Vec<_> = list.into_iter().filter_map(declared).collect();
        Some((inspection.name, list))
    });
    lists.collect()
}

/// What of one thing was declared: counts and measurements, which are numbers and objects, say nothing about what
/// a deployment changes.
fn declared(thing: Value) -> Option<Value> {
    let Value::Object(fields) = thing else { return None };
    fields.get("module")?;
    let kept = fields.into_iter().filter(|(_, value)| value.is_string() || value.is_boolean() || value.is_array());
    Some(Value::Object(kept.collect()))
}

/// What differs between two lists of things: each as often as it is in one and not in the other.
pub(super) fn difference(before: &[Value], after: &[Value]) -> Difference<Value> {
    let without = |of: &[Value], taken: &[Value]| {
        let mut taken = taken.to_vec();
        let is_new = |thing: &&Value| match taken.iter().position(|other| other == *thing) {
            Some(index) => {
                taken.swap_remove(index);
                false
            }
            None => true,
        };
        of.iter().filter(is_new).cloned().collect()
    };
    Difference { added: without(after, before), removed: without(before, after) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_of_a_route_are_no_difference() {
        let routes = |generation: u64, paths: &[&str]| {
            let routes: Vec<_> = paths
                .iter()
                .map(|path| json!({"methods": ["GET"], "path": path, "module": "a", "generation": generation}))
                .collect();
            let content = Content::Json(json!({"version": 1, "routes": routes}));
            shown(vec![Inspection { name: "routes", content }]).remove("routes").unwrap()
        };
        let found = difference(&routes(1, &["/a", "/b"]), &routes(2, &["/b", "/c", "/c"]));
        let paths = |list: &[Value]| list.iter().map(|route| route["path"].clone()).collect::<Vec<_>>();
        assert_eq!(paths(&found.added), ["/c", "/c"]);
        assert_eq!(paths(&found.removed), ["/a"]);
    }
}
