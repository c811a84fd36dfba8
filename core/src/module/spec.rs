//! A module as the composer sees it, whether a macro declared it or a test made it by hand.

use std::any::Any;
use std::any::TypeId;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::Result;
use crate::deploy::image::Origin;
use crate::descriptors::{InvalidName, ModuleDescriptor, ModuleName, Presence, ServiceDescriptor, Site};
use crate::module::erased::Typed;
use crate::module::{Construct, ErasedModule, Fields, Module, Requirements, hands_over};
use crate::scene::SceneName;
#[cfg(feature = "testing")]
use crate::service::Service;
use crate::service::{ImplementedBy, Published};

/// Implemented by `#[module]`: the type is the module of its crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a module",
    label = "no `#[module]` on this type",
    note = "put `#[bedplate::module]` on the type, in the crate's root"
)]
pub trait DeclaredModule: Construct + Module {
    /// What was registered.
    const DESCRIPTOR: &'static ModuleDescriptor;
}

type Make = Arc<dyn Fn(&Fields<'_>) -> Result<Box<dyn ErasedModule>> + Send + Sync>;
/// Shows after the swap that it is this module's code that runs; the error says what is wrong.
pub(crate) type Prover = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;
type Publish = Arc<dyn Fn(Arc<dyn Any + Send + Sync>) -> Option<Published> + Send + Sync>;

/// What a module type is made of: its requirements and its constructor.
pub struct ModuleParts {
    pub(crate) requirements: Requirements,
    pub(crate) make: Make,
    pub(crate) hands_over: bool,
}

/// The parts of a module type. `#[module]` registers this function for its type.
#[must_use]
pub fn module_parts<M: Construct + Module>() -> ModuleParts {
    let mut requirements = Requirements::default();
    M::requirements(&mut requirements);
    ModuleParts {
        requirements,
        make: Arc::new(|fields| Ok(Box::new(Typed(Arc::new(M::construct(fields)?))))),
        hands_over: hands_over::<M>(),
    }
}

/// One contract that a module publishes.
#[derive(Clone)]
pub(crate) struct Publishes {
    pub(crate) contract: &'static crate::service::Contract,
    pub(crate) contract_type: TypeId,
    pub(crate) publish: Publish,
    pub(crate) scenes: &'static [&'static str],
    pub(crate) site: Site,
}

/// A module that can be composed: who it is, what it needs and publishes, how it is made.
#[derive(Clone)]
pub struct ModuleSpec {
    pub(crate) name: ModuleName,
    pub(crate) summary: &'static str,
    pub(crate) site: Site,
    pub(crate) presence: Presence,
    pub(crate) exclusive: bool,
    pub(crate) hands_over: bool,
    pub(crate) requirements: Requirements,
    pub(crate) publishes: Vec<Publishes>,
    pub(crate) make: Make,
    pub(crate) prover: Option<Prover>,
    pub(crate) origin: Origin,
}

impl ModuleSpec {
    /// The module that `#[module]` declared on `M`.
    ///
    /// # Panics
    ///
    /// Where the descriptor carries an invalid name, which the macro does not let through.
    #[must_use]
    pub fn of<M: DeclaredModule>() -> Self {
        Self::from_descriptor(M::DESCRIPTOR).expect("the macro checks the name")
    }

    /// The module that a descriptor describes.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] where the descriptor's name is none.
    pub fn from_descriptor(descriptor: &'static ModuleDescriptor) -> Result<Self, InvalidName> {
        let ModuleParts { requirements, make, hands_over } = (descriptor.parts)();
        let mut publishes: Vec<_> = (descriptor.services)().iter().map(Publishes::from).collect();
        publishes.sort_by_key(|published| (published.contract.name, published.site.file, published.site.line));
        Ok(Self {
            name: ModuleName::new(descriptor.name)?,
            summary: descriptor.summary,
            site: descriptor.site,
            presence: descriptor.presence,
            exclusive: descriptor.exclusive,
            hands_over,
            requirements,
            publishes,
            make,
            prover: None,
            origin: Origin::Linked,
        })
    }

    /// A module of a plain type, without `#[module]`: for tests, or to compose by hand.
    /// `make` is called for every instance.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] where `name` is none.
    #[track_caller]
    pub fn plain<M: Module>(
        name: &str,
        make: impl Fn(&Fields<'_>) -> Result<M> + Send + Sync + 'static,
    ) -> Result<Self, InvalidName> {
        let caller = Location::caller();
        Ok(Self {
            name: ModuleName::new(name)?,
            summary: "",
            site: Site { crate_name: "(by hand)", version: "", file: caller.file(), line: caller.line() },
            presence: Presence::Required,
            exclusive: false,
            hands_over: hands_over::<M>(),
            requirements: Requirements::default(),
            publishes: Vec::new(),
            make: Arc::new(move |fields| Ok(Box::new(Typed(Arc::new(make(fields)?))))),
            prover: None,
            origin: Origin::Linked,
        })
    }

    /// The same module, with more requirements than its type declares.
    #[must_use]
    pub fn requiring(mut self, add: impl FnOnce(&mut Requirements)) -> Self {
        add(&mut self.requirements);
        self
    }

    /// The same module, of type `M`, publishing the contract `S`: `.publishing::<Fake, dyn Profiles>()`.
    #[must_use]
    #[track_caller]
    pub fn publishing<M: Module, S: ImplementedBy<M> + ?Sized>(mut self) -> Self {
        let caller = Location::caller();
        self.publishes.push(Publishes {
            contract: S::CONTRACT,
            contract_type: TypeId::of::<S>(),
            publish: Arc::new(move |module| module.downcast::<M>().ok().map(S::from_object).map(Published::of)),
            scenes: &[],
            site: Site { file: caller.file(), line: caller.line(), ..self.site },
        });
        self
    }

    /// The same module, publishing an object beside itself.
    #[cfg(feature = "testing")]
    #[track_caller]
    pub(crate) fn publishing_object<S: Service + ?Sized>(mut self, object: Arc<S>) -> Self {
        let caller = Location::caller();
        self.publishes.push(Publishes {
            contract: S::CONTRACT,
            contract_type: TypeId::of::<S>(),
            publish: Arc::new(move |_| Some(Published::of(object.clone()))),
            scenes: &[],
            site: Site { file: caller.file(), line: caller.line(), ..self.site },
        });
        self
    }

    /// The same module, which proves after each swap that it is its code that runs. `prove` is called through the
    /// gate, in the new instance; where it returns an error, what served before serves again at once.
    #[must_use]
    pub fn proving(mut self, prove: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.prover = Some(Arc::new(prove));
        self
    }

    /// The same module, which a base can do without.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.presence = Presence::Optional;
        self
    }

    /// The same module, which owns what cannot be there twice: the old generation stops before the new one
    /// starts. See `#[module(exclusive)]`.
    #[must_use]
    pub fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self
    }

    /// The same module, whose code comes from somewhere else.
    pub(crate) fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Where its code comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What it publishes in a scene.
    pub(crate) fn publishes_in<'s>(&'s self, scene: &'s SceneName) -> impl Iterator<Item = &'s Publishes> {
        self.publishes
            .iter()
            .filter(|published| published.scenes.is_empty() || published.scenes.contains(&scene.as_str()))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &ModuleName {
        &self.name
    }

    /// The first paragraph of its doc comment.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// Where it was registered.
    #[must_use]
    pub fn site(&self) -> Site {
        self.site
    }

    /// Whether the base can do without it.
    #[must_use]
    pub fn presence(&self) -> Presence {
        self.presence
    }

    /// Whether the old generation stops before the new one starts.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Whether it writes [`Module::hand_over`](crate::Module::hand_over): its entries are held while it is
    /// replaced.
    #[must_use]
    pub fn hands_over(&self) -> bool {
        self.hands_over
    }

    /// What its fields need.
    #[must_use]
    pub fn requirements(&self) -> &Requirements {
        &self.requirements
    }
}

impl From<&ServiceDescriptor> for Publishes {
    fn from(descriptor: &ServiceDescriptor) -> Self {
        Self {
            contract: descriptor.contract,
            contract_type: descriptor.contract_type,
            publish: Arc::new(descriptor.publish),
            scenes: descriptor.scenes,
            site: descriptor.site,
        }
    }
}

impl fmt::Debug for ModuleSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleSpec").field("name", &self.name).field("site", &self.site).finish_non_exhaustive()
    }
}
