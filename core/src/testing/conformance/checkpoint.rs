//! Starters of the suite's own, one before and one after the starter that is tried: they stop a deployment half way,
//! refuse it, and wrap entries.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::Result;
use crate::compose::Composition;
use crate::descriptors::{SettingsInfo, StartOrder, StarterDescriptor};
use crate::isolation::Entry;
use crate::service::CallError;
use crate::starter::{Around, DeclaredStarter, Next, Outcome, Starter, StarterContext, declared_start, type_info};
use crate::sync::lock;

/// The reason with which an entry is refused.
pub(super) const REASON: &str = "the conformance suite refuses this entry";

/// What a deployment is refused with.
pub(super) const REFUSAL: &str = "the conformance suite refuses this deployment";

/// Why the starter that fails does so.
pub(super) const NO_STARTER: &str = "a starter of the conformance suite does not start";

/// What is to happen at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Pass,
    /// Refuse the next deployment.
    Refuse,
    /// Stop the next deployment, until it is told to go on.
    Hold,
}

/// What is to happen to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    Refuses,
    Panics,
}

/// What the test tells a checkpoint, and hears from it.
pub(super) struct Checkpoint {
    order: Mutex<Order>,
    door: Arc<Mutex<Door>>,
    /// A permit for each deployment that stands here.
    stands: Semaphore,
    /// A permit for each that may go on.
    goes_on: Semaphore,
}

impl Checkpoint {
    fn new() -> Self {
        Self {
            order: Mutex::new(Order::Pass),
            door: Arc::new(Mutex::new(Door::Open)),
            stands: Semaphore::new(0),
            goes_on: Semaphore::new(0),
        }
    }

    /// Says what happens to the next deployment.
    pub(super) fn next(&self, order: Order) {
        *lock(&self.order) = order;
    }

    /// Says what happens to entries from now on.
    pub(super) fn door(&self, door: Door) {
        *lock(&self.door) = door;
    }

    /// Waits until a deployment stands here.
    pub(super) async fn reached(&self) {
        self.stands.acquire().await.expect("never closed").forget();
    }

    /// Lets the deployment that stands here go on.
    pub(super) fn go_on(&self) {
        self.goes_on.add_permits(1);
    }

    async fn pass(&self) -> Result<()> {
        let order = std::mem::replace(&mut *lock(&self.order), Order::Pass);
        match order {
            Order::Pass => {}
            Order::Refuse => anyhow::bail!(REFUSAL),
            Order::Hold => {
                self.stands.add_permits(1);
                self.goes_on.acquire().await.expect("never closed").forget();
            }
        }
        Ok(())
    }

    fn around(&self) -> Option<Arc<dyn Around>> {
        Some(Arc::new(Doorkeeper(self.door.clone())))
    }
}

struct Doorkeeper(Arc<Mutex<Door>>);

impl Around for Doorkeeper {
    fn around<'a>(&'a self, _: &'a Entry, next: Next<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let door = *lock(&self.0);
            match door {
                Door::Open => next.run().await,
                Door::Refuses => Outcome::Refused(CallError::Refused { reason: REASON.into() }),
                Door::Panics => panic!("the conformance suite panics around an entry"),
            }
        })
    }

    fn wants_carried(&self) -> bool {
        false
    }
}

/// Starts before all others: its `prepare` comes before that of the starter that is tried, its wrapper is outside.
pub(super) struct First(pub(super) Checkpoint);

/// Starts after the starter that is tried: its `prepare` comes later, its wrapper is inside.
pub(super) struct Last<S>(pub(super) Checkpoint, PhantomData<fn() -> S>);

/// Starts after the starter that is tried, and cannot.
pub(super) struct Failing<S>(PhantomData<fn() -> S>);

impl Starter for First {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self(Checkpoint::new()))
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        self.0.pass().await
    }

    fn around(&self) -> Option<Arc<dyn Around>> {
        self.0.around()
    }
}

impl<S: DeclaredStarter> Starter for Last<S> {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self(Checkpoint::new(), PhantomData))
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        self.0.pass().await
    }

    fn around(&self) -> Option<Arc<dyn Around>> {
        self.0.around()
    }
}

impl<S: DeclaredStarter> Starter for Failing<S> {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        anyhow::bail!(NO_STARTER)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}

/// The descriptor of a starter of the suite: not linked, listed by the suite alone.
const fn own<T: DeclaredStarter>(name: &'static str, order: StartOrder) -> StarterDescriptor {
    StarterDescriptor {
        name,
        summary: "",
        site: crate::__private::site!(),
        bedplate: crate::__private::VERSION,
        type_id: TypeId::of::<T>,
        order,
        needs: &[],
        after: &[],
        provides: &[],
        reads: &[],
        settings: SettingsInfo::of::<()>(),
        module_settings: SettingsInfo::of::<()>(),
        test_settings: "",
        start: declared_start::<T>,
        commands: &[],
    }
}

// The names stand in the settings as sections. Among those that start early the first goes by its name.
impl DeclaredStarter for First {
    const DESCRIPTOR: &'static StarterDescriptor = &own::<Self>("0-conformance-first", StartOrder::Early);
}

impl<S: DeclaredStarter> DeclaredStarter for Last<S> {
    const DESCRIPTOR: &'static StarterDescriptor =
        &StarterDescriptor { after: &[type_info::<S>()], ..own::<Self>("conformance-last", StartOrder::Normal) };
}

impl<S: DeclaredStarter> DeclaredStarter for Failing<S> {
    const DESCRIPTOR: &'static StarterDescriptor =
        &StarterDescriptor { after: &[type_info::<S>()], ..own::<Self>("conformance-failing", StartOrder::Normal) };
}
