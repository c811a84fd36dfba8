//! From stored objects to modules that can be deployed: read, checked, compared with what serves, loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bundled::{Bundled, Checked};
use super::request::ObjectReference;
use crate::base::{DeploySettings, Shared};
use crate::compose::{Place, Problem};
use crate::deploy::Member as Placed;
use crate::deploy::image::{Digest, Disagreement, Member, ObjectLabel, disagreements};
use crate::deploy::store::{Came, outdated};
use crate::descriptors::ModuleName;
use crate::module::{ModuleSpec, ModuleState};

/// What serves, as an operation finds it.
pub(super) struct Serving {
    pub(super) specs: BTreeMap<Placed, Arc<ModuleSpec>>,
    /// The modules all of whose instances are well.
    pub(super) active: BTreeSet<ModuleName>,
}

/// Whether the sequence of a signature may go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    Rises,
    MayFall,
}

/// What to do with the objects of a request.
pub(super) struct Incoming {
    pub(super) checked: Vec<Checked>,
    /// Modules that serve this very build, and are left alone.
    pub(super) unchanged: Vec<ModuleName>,
    /// What the objects would not agree on, with each other or with what stays.
    pub(super) disagreements: Vec<Disagreement>,
}

/// Whether a build that serves already is deployed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    No,
    Yes,
}

impl Serving {
    pub(super) fn of(base: &Shared) -> Self {
        let specs = base.deployer.specs();
        let current = base.cell.current();
        let is_well = |(module, scene): &Placed| {
            current.value().instance(module, scene).is_some_and(|instance| instance.state() == ModuleState::Active)
        };
        let ill: BTreeSet<_> = specs.keys().filter(|member| !is_well(member)).map(|(module, _)| module).collect();
        let active = specs.keys().map(|(module, _)| module).filter(|module| !ill.contains(module)).cloned().collect();
        Self { specs, active }
    }

    /// The objects that a module serves with: one, unless its scenes differ.
    pub(super) fn digests(&self, module: &ModuleName) -> BTreeSet<Digest> {
        let own = self.specs.iter().filter(|((name, _), _)| name == module);
        own.filter_map(|(_, spec)| spec.origin().object()).map(|object| object.digest()).collect()
    }

    /// Whether a module serves with this object in every scene, and is well.
    fn serves_with(&self, module: &ModuleName, digest: Digest) -> bool {
        self.active.contains(module) && self.digests(module) == BTreeSet::from([digest])
    }
}

/// Reads and checks the objects of a request that came like this, where `leaving` do not stay as they are. All that is
/// wrong with any of them is told.
pub(super) fn check(
    bundled: &Bundled,
    objects: &[ObjectReference],
    serving: &Serving,
    leaving: &BTreeSet<ModuleName>,
    again: Again,
    request: Came,
    settings: &DeploySettings,
) -> Result<Incoming, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut checked: BTreeMap<ModuleName, Checked> = BTreeMap::new();
    for object in objects {
        match bundled.checked(object.digest, None, object.signature.as_deref(), request, settings) {
            Ok(one) => match checked.get(&one.module) {
                Some(other) if other.file.digest() != object.digest => problems.push(twice(&one, other)),
                _ => drop(checked.insert(one.module.clone(), one)),
            },
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let is_same =
        |_: &ModuleName, one: &mut Checked| again == Again::No && serving.serves_with(&one.module, one.file.digest());
    let unchanged = checked.extract_if(.., is_same).map(|(module, _)| module).collect();
    let disagreements = next_disagreements(&checked, serving, leaving);
    Ok(Incoming { checked: checked.into_values().collect(), unchanged, disagreements })
}

fn next_disagreements(
    checked: &BTreeMap<ModuleName, Checked>,
    serving: &Serving,
    leaving: &BTreeSet<ModuleName>,
) -> Vec<Disagreement> {
    let leaves = |module: &ModuleName| checked.contains_key(module) || leaving.contains(module);
    let stays = serving.specs.values().filter(|spec| !leaves(spec.name()));
    let stays = labels(stays.map(|spec| &**spec));
    let comes = checked.iter().map(|(module, one)| (module.clone(), one.file.label()));
    let mut members: Vec<(ModuleName, &ObjectLabel)> = stays.into_iter().chain(comes).collect();
    members.sort_by(|one, other| one.0.cmp(&other.0));
    let members: Vec<_> = members.iter().map(|(module, label)| Member { module, label }).collect();
    disagreements(&members)
}

/// What these modules would not agree on.
pub(crate) fn disagreeing<'s>(specs: impl Iterator<Item = &'s ModuleSpec>) -> Vec<Problem> {
    let labels = labels(specs);
    let members: Vec<_> = labels.iter().map(|(module, label)| Member { module, label }).collect();
    disagreements(&members).iter().map(Disagreement::problem).collect()
}

/// The labels of modules that are objects, each object once.
fn labels<'s>(specs: impl Iterator<Item = &'s ModuleSpec>) -> Vec<(ModuleName, &'s ObjectLabel)> {
    let mut seen = BTreeSet::new();
    let objects = specs.filter_map(|spec| spec.origin().object().map(|object| (spec.name().clone(), object)));
    objects.filter(|(_, object)| seen.insert(object.digest())).map(|(name, object)| (name, object.label())).collect()
}

/// Whether the signatures are not older than what was deployed before.
pub(super) fn check_sequences(
    bundled: &Bundled,
    checked: &[Checked],
    last: &BTreeMap<String, u64>,
    sequence: Sequence,
) -> Vec<Problem> {
    let outdated = |one: &Checked| {
        let signature = bundled.store.artifact(one.file.digest())?.signature?;
        let last = last.get(one.module.as_str()).copied()?;
        (signature.sequence < last).then(|| outdated(one.module.as_str(), signature.sequence, last))
    };
    match sequence {
        Sequence::Rises => checked.iter().filter_map(outdated).collect(),
        Sequence::MayFall => Vec::new(),
    }
}

/// Loads checked objects. From here on their code is part of the process, whatever becomes of the deployment.
pub(super) fn load(
    bundled: &Bundled,
    checked: &[Checked],
    settings: &DeploySettings,
) -> Result<Vec<ModuleSpec>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut specs = Vec::new();
    for one in checked {
        match bundled.load(one, settings) {
            Ok(spec) => specs.push(spec),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(specs) } else { Err(problems) }
}

fn twice(one: &Checked, other: &Checked) -> Problem {
    let place = |checked: &Checked| {
        let digest = checked.file.digest();
        Place { what: "an object".to_owned(), at: format!("{}.so", digest.short()) }
    };
    Problem {
        code: "module-twice",
        what: format!("two objects of the request are the module `{}`", one.module),
        places: vec![place(other), place(one)],
        help: "install one of them".to_owned(),
    }
}
