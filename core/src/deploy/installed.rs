//! What a base is composed of, as the next deployment finds it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::deploy::Member;
use crate::deploy::turn::Line;
use crate::descriptors::ModuleName;
use crate::module::{InstanceId, ModuleSpec};
use crate::scene::SceneName;
use crate::sync::lock;

/// The deployments of a base: one at a time, others wait for their turn.
pub(crate) struct Deployer {
    pub(super) line: Arc<Line>,
    /// Changed by the deployment whose turn it is, and by no one else.
    installed: Mutex<Installed>,
}

struct Installed {
    specs: BTreeMap<Member, Arc<ModuleSpec>>,
    /// Every module that the base knows: also those that the settings leave out.
    available: BTreeMap<ModuleName, Arc<ModuleSpec>>,
    /// The scenes that an instance was made in, by their index.
    scenes: Vec<SceneName>,
    /// Kept when a module is taken out: the number of a generation never comes again.
    generations: BTreeMap<Member, u64>,
    next_composition: u64,
}

impl Deployer {
    /// Nothing serves yet; these modules are known.
    pub(crate) fn new(available: impl IntoIterator<Item = Arc<ModuleSpec>>) -> Self {
        let available = available.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        let installed = Installed {
            specs: BTreeMap::new(),
            available,
            scenes: vec![SceneName::main()],
            generations: BTreeMap::new(),
            next_composition: 1,
        };
        Self { line: Line::new(), installed: Mutex::new(installed) }
    }

    /// How many deployments are at work or wait.
    pub(crate) fn waiting(&self) -> usize {
        self.line.waiting()
    }

    /// What the base is composed of.
    pub(crate) fn specs(&self) -> BTreeMap<Member, Arc<ModuleSpec>> {
        lock(&self.installed).specs.clone()
    }

    /// The installed module of this name in this scene.
    pub(crate) fn spec(&self, member: &Member) -> Option<Arc<ModuleSpec>> {
        lock(&self.installed).specs.get(member).cloned()
    }

    /// Every module that the base knows, whether or not it is part of the composition.
    pub(crate) fn available(&self) -> BTreeMap<ModuleName, Arc<ModuleSpec>> {
        lock(&self.installed).available.clone()
    }

    /// The base is composed of these from now on; `forgotten` are no longer known at all.
    pub(super) fn install<'n>(
        &self,
        specs: BTreeMap<Member, Arc<ModuleSpec>>,
        forgotten: impl Iterator<Item = &'n ModuleName>,
    ) {
        let mut installed = lock(&self.installed);
        forgotten.for_each(|name| {
            installed.available.remove(name);
        });
        let known = specs.values().map(|spec| (spec.name.clone(), spec.clone())).collect::<Vec<_>>();
        installed.available.extend(known);
        installed.specs = specs;
    }

    /// The identity of the next instance of a module in a scene, and the scene's index.
    pub(super) fn next_instance(&self, (module, scene): &Member) -> (InstanceId, u32) {
        let mut installed = lock(&self.installed);
        let index = installed.scenes.iter().position(|known| known == scene).unwrap_or_else(|| {
            installed.scenes.push(scene.clone());
            installed.scenes.len() - 1
        });
        let generation = installed.generations.entry((module.clone(), scene.clone())).or_default();
        *generation += 1;
        let id = InstanceId { module: module.clone(), scene: scene.clone(), generation: *generation };
        (id, u32::try_from(index).expect("a base has fewer than 2^32 scenes"))
    }

    /// The number of the next composition.
    pub(super) fn next_composition(&self) -> u64 {
        let mut installed = lock(&self.installed);
        installed.next_composition += 1;
        installed.next_composition - 1
    }
}
