//! The immutable picture of what serves now.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Configuration;
use crate::descriptors::ModuleName;
use crate::module::{Export, Exports, Instance};
use crate::scene::SceneName;
use crate::service::Service;
use crate::settings::Tree;
use crate::starter::{Around, Starter};

pub(crate) type Prepared = FxHashMap<TypeId, Box<dyn Any + Send + Sync>>;

/// What serves at one time: which instance of which module, with its services and exports, and
/// what the starters have prepared for them. Once it serves it never changes: a deployment builds
/// the next one.
pub struct Composition {
    number: u64,
    instances: BTreeMap<(ModuleName, SceneName), Arc<Instance>>,
    members: FxHashSet<u64>,
    services: FxHashMap<(TypeId, u32), Vec<Provider>>,
    arounds: Arc<[Arc<dyn Around>]>,
    wants_carried: bool,
    configuration: Arc<Configuration>,
    /// Whether it serves with doors held.
    is_held: AtomicBool,
    prepared: OnceLock<Prepared>,
}

/// What the doors of the new instances of a composition are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doors {
    Held,
    Open,
}

/// A module that publishes a contract in a composition.
#[derive(Debug)]
pub struct Provider {
    pub(crate) instance: Arc<Instance>,
    index: usize,
}

impl Provider {
    /// The instance that publishes it.
    #[must_use]
    pub fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    pub(crate) fn object<S: Service + ?Sized>(&self) -> Option<&Arc<S>> {
        self.instance.published.get(self.index).and_then(|published| published.object.get())
    }
}

impl Composition {
    pub(crate) fn new(
        number: u64,
        instances: Vec<Arc<Instance>>,
        arounds: Arc<[Arc<dyn Around>]>,
        configuration: Arc<Configuration>,
    ) -> Self {
        let mut services: FxHashMap<_, Vec<Provider>> = FxHashMap::default();
        let instances: BTreeMap<_, _> = instances
            .into_iter()
            .map(|instance| ((instance.module().clone(), instance.scene().clone()), instance))
            .collect();
        // In the order of the map: providers of one contract come out by module name.
        for instance in instances.values() {
            let scene = instance.state_cell().scene;
            for (index, published) in instance.published.iter().enumerate() {
                let provider = Provider { instance: instance.clone(), index };
                services.entry((published.contract_type, scene)).or_default().push(provider);
            }
        }
        let members = instances.values().map(|instance| instance.uid()).collect();
        let wants_carried = arounds.iter().any(|around| around.wants_carried());
        Self {
            number,
            instances,
            members,
            services,
            arounds,
            wants_carried,
            configuration,
            is_held: AtomicBool::new(false),
            prepared: OnceLock::new(),
        }
    }

    /// The number of this composition, counted from 0 (the empty one before the start).
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The settings that it serves with.
    #[must_use]
    pub fn settings(&self) -> &Arc<Tree> {
        &self.configuration.tree
    }

    pub(crate) fn configuration(&self) -> &Arc<Configuration> {
        &self.configuration
    }

    /// The instances, by module and scene.
    pub fn instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.instances.values()
    }

    /// The instance of a module in a scene.
    #[must_use]
    pub fn instance(&self, module: &ModuleName, scene: &SceneName) -> Option<&Arc<Instance>> {
        self.instances.get(&(module.clone(), scene.clone()))
    }

    /// All exports of one type, with the instance that exports each, in the order of the modules'
    /// names. There are none before the instances have started.
    pub fn exports<E: Export>(&self) -> impl Iterator<Item = (&Arc<Instance>, &E)> {
        self.instances().flat_map(|instance| {
            instance.exports().into_iter().flat_map(Exports::of::<E>).map(move |export| (instance, export))
        })
    }

    /// What the starter `S` has prepared for this composition; `None` before it has.
    #[must_use]
    pub fn prepared<S: Starter>(&self) -> Option<&S::Prepared> {
        self.prepared.get()?.get(&TypeId::of::<S>())?.downcast_ref()
    }

    /// Whether the instance with this number is part of it.
    #[must_use]
    pub fn holds(&self, uid: u64) -> bool {
        self.members.contains(&uid)
    }

    /// Whether a starter wraps the entries, and wants to see what an entry carries: only then is it
    /// worth making.
    #[must_use]
    pub fn wants_carried(&self) -> bool {
        self.wants_carried
    }

    /// Whether some of its instances do not take entries yet, and might never: a starter that dispatches keeps
    /// what it needs to dispatch anew ([`Instance::admitted`]).
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Acquire)
    }

    /// Says whether it serves with doors held.
    pub(crate) fn set_held(&self, held: Doors) {
        self.is_held.store(held == Doors::Held, Ordering::Release);
    }

    pub(crate) fn arounds(&self) -> &Arc<[Arc<dyn Around>]> {
        &self.arounds
    }

    pub(crate) fn providers(&self, contract: TypeId, scene: u32) -> impl Iterator<Item = &Provider> {
        self.services.get(&(contract, scene)).into_iter().flatten()
    }

    pub(crate) fn provider(&self, contract: TypeId, scene: u32, module: Option<&ModuleName>) -> Option<&Provider> {
        let providers = self.services.get(&(contract, scene))?;
        match module {
            None => providers.first(),
            Some(module) => providers.iter().find(|provider| provider.instance.module() == module),
        }
    }

    /// Takes what was prepared for a composition that nobody else has.
    pub(crate) fn take_prepared(&mut self) -> Prepared {
        self.prepared.take().unwrap_or_default()
    }

    pub(crate) fn set_prepared(&self, prepared: Vec<(TypeId, Box<dyn Any + Send + Sync>)>) {
        // Set once, by the one deployment that builds this composition.
        let _ = self.prepared.set(prepared.into_iter().collect());
    }
}

impl fmt::Debug for Composition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Composition")
            .field("number", &self.number)
            .field("instances", &self.instances.values().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
