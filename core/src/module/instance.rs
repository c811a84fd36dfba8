//! One start of a module's generation in a scene.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::deploy::Pinned;
use crate::descriptors::{ModuleName, Site};
use crate::isolation::{Admission, Contained, Entry, EntryInfo, Stats, StreamGuard, admitted, run_entry};
use crate::module::{ErasedModule, Exports, InstanceState, ModuleContext, ModuleSpec, ModuleState};
use crate::scene::SceneName;
use crate::service::{CallError, Contract, Published};
use crate::settings::Tree;

/// Which instance: module, scene and the number of its generation, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct InstanceId {
    /// The module.
    pub module: ModuleName,
    /// The scene.
    pub scene: SceneName,
    /// The generation, counted from 1 per module.
    pub generation: u64,
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}", self.module, self.scene, self.generation)
    }
}

/// One contract that an instance publishes.
pub struct PublishedService {
    pub(crate) contract: &'static Contract,
    pub(crate) contract_type: TypeId,
    pub(crate) object: Published,
    pub(crate) site: Site,
}

impl PublishedService {
    /// The contract.
    #[must_use]
    pub fn contract(&self) -> &'static Contract {
        self.contract
    }

    /// Where the implementation stands.
    #[must_use]
    pub fn site(&self) -> Site {
        self.site
    }
}

impl fmt::Debug for PublishedService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedService").field("contract", &self.contract.name).finish_non_exhaustive()
    }
}

/// One start of a module's generation in a scene.
pub struct Instance {
    pub(crate) spec: Arc<ModuleSpec>,
    pub(crate) context: ModuleContext,
    pub(crate) module: Contained<Box<dyn ErasedModule>>,
    pub(crate) published: Contained<Vec<PublishedService>>,
    pub(crate) exports: OnceLock<Contained<Exports>>,
    /// The settings that it was made with.
    pub(crate) settings: Arc<Tree>,
}

impl Instance {
    /// Module, scene and generation.
    #[must_use]
    pub fn id(&self) -> &InstanceId {
        &self.state_cell().id
    }

    /// A number that no other instance in this process has or will have.
    #[must_use]
    pub fn uid(&self) -> u64 {
        self.state_cell().uid
    }

    /// The module's name.
    #[must_use]
    pub fn module(&self) -> &ModuleName {
        &self.id().module
    }

    /// The scene.
    #[must_use]
    pub fn scene(&self) -> &SceneName {
        &self.id().scene
    }

    pub(crate) fn member(&self) -> (ModuleName, SceneName) {
        (self.module().clone(), self.scene().clone())
    }

    /// The module as it was registered.
    #[must_use]
    pub fn spec(&self) -> &ModuleSpec {
        &self.spec
    }

    /// Where it is in its life.
    #[must_use]
    pub fn state(&self) -> ModuleState {
        self.state_cell().state()
    }

    /// What is counted for the module in this scene, across generations.
    #[must_use]
    pub fn stats(&self) -> &Arc<Stats> {
        &self.state_cell().stats
    }

    /// The contracts that it publishes.
    #[must_use]
    pub fn published(&self) -> &[PublishedService] {
        &self.published
    }

    /// What it exports; `None` before it has started.
    #[must_use]
    pub fn exports(&self) -> Option<&Exports> {
        self.exports.get().map(|exports| &**exports)
    }

    /// What is inside it now: entries and tasks, the oldest first.
    #[must_use]
    pub fn in_flight(&self) -> Vec<EntryInfo> {
        self.state_cell().in_flight.list(self.id(), None)
    }

    /// Lets work enter the instance, through the gate: `pin` is the composition that the entry
    /// has pinned.
    ///
    /// # Errors
    ///
    /// [`CallError`] where the entry was refused, panicked, met its deadline or was cancelled.
    pub fn enter<'a, T: Send + 'a>(
        &self,
        pin: &Pinned,
        entry: Entry,
        work: impl Future<Output = T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, CallError>> {
        run_entry(pin, self.state_cell(), entry, work.boxed())
    }

    /// Whether whatever comes may enter: nearly always. Where not, ask [`admitted`](Self::admitted).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state_cell().door.is_open()
    }

    /// Waits until the gate lets this entry in, where it is held: its module is being replaced by one that
    /// takes over state, or that cannot be there twice. The entry stands in the list of what is in flight
    /// meanwhile, and can be cancelled; its deadline counts from here.
    ///
    /// For a starter that can still go elsewhere: one that asks before it has consumed anything of what it
    /// brings, and dispatches anew on [`Admission::Superseded`]. [`enter`](Self::enter) waits as well, but can
    /// only be refused then ([`CallError::Superseded`]).
    pub fn admitted(&self, pin: &Pinned, entry: &Entry) -> impl Future<Output = Admission> + Send + use<> {
        admitted(self.state_cell(), entry, Some(pin.number()))
    }

    /// Opens a stream that outlives its entry: the drain counts it until the guard is dropped.
    #[must_use]
    pub fn stream(&self) -> StreamGuard {
        self.state_cell().stream()
    }

    /// Waits until the instance is asked to end.
    pub async fn draining(&self) {
        self.context.draining().await;
    }

    pub(crate) fn state_cell(&self) -> &Arc<InstanceState> {
        self.context.state()
    }

    pub(crate) fn object(&self) -> &dyn ErasedModule {
        &**self.module
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("id", self.id()).field("state", &self.state()).finish_non_exhaustive()
    }
}
