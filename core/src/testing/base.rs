//! The base of a test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::Result;
use crate::base::Base;
use crate::compose::CompositionError;
use crate::deploy::{Change, Deployed};
use crate::descriptors::ModuleName;
use crate::module::{DeclaredModule, ModuleContext, ModuleSpec};
use crate::scene::SceneName;
use crate::service::{ImplementedBy, Service, ServiceRef, ServiceRefs};
use crate::starter::Starter;
use crate::testing::builder::{TestBaseBuilder, substitute};
use crate::testing::probe::{self, Probe};
use crate::testing::time;

/// The base of a test. It starts when it is first used, so that substitutes can be provided before.
#[derive(Clone)]
pub struct TestBase {
    inner: Arc<Inner>,
}

struct Inner {
    stage: Mutex<Stage>,
    context: probe::Slot,
}

enum Stage {
    Building(TestBaseBuilder),
    Running(Base),
    Failed(CompositionError),
}

impl TestBase {
    pub(super) fn new(builder: TestBaseBuilder) -> Self {
        Self { inner: Arc::new(Inner { stage: Mutex::new(Stage::Building(builder)), context: probe::Slot::new() }) }
    }

    /// Checks whether what the test lists fits together, without starting anything.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub async fn check(&self) -> Result<(), CompositionError> {
        match &*self.inner.stage.lock().await {
            Stage::Building(builder) => builder.assemble()?.check().map(|_| ()),
            Stage::Running(_) => Ok(()),
            Stage::Failed(error) => Err(error.clone()),
        }
    }

    /// The running base; starts it where it does not run yet.
    ///
    /// # Errors
    ///
    /// What kept it from starting.
    pub async fn running(&self) -> Result<Base, CompositionError> {
        let mut stage = self.inner.stage.lock().await;
        let started = match &*stage {
            Stage::Running(base) => return Ok(base.clone()),
            Stage::Failed(error) => return Err(error.clone()),
            Stage::Building(builder) => start(builder).await,
        };
        match started {
            Ok((base, context)) => {
                // Set once: the base starts once.
                let _ = self.inner.context.set(context);
                *stage = Stage::Running(base.clone());
                Ok(base)
            }
            Err(error) => {
                *stage = Stage::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Publishes a substitute for a contract. Before the base runs it is part of the first
    /// composition; afterwards it is deployed.
    ///
    /// # Errors
    ///
    /// Where it cannot be deployed: somebody publishes the contract already.
    pub async fn provide<S, T>(&self, fake: T) -> Result<(), CompositionError>
    where
        S: ImplementedBy<T> + ?Sized,
        T: Send + Sync + 'static,
    {
        let base = match &mut *self.inner.stage.lock().await {
            Stage::Building(builder) => {
                builder.publish::<S, T>(fake);
                return Ok(());
            }
            Stage::Failed(error) => return Err(error.clone()),
            Stage::Running(base) => base.clone(),
        };
        base.deploy(Change::new().put(substitute::<S, T>(fake))).await.map(|_| ())
    }

    /// Puts the module that `#[module]` declared on `M` in as a new generation, through the real
    /// deployment. Returns when it serves; the old one drains meanwhile.
    ///
    /// # Errors
    ///
    /// What kept the new generation from serving. The old one serves on.
    pub async fn swap<M: DeclaredModule>(&self) -> Result<Deployed, CompositionError> {
        self.swap_to(ModuleSpec::of::<M>()).await
    }

    /// Puts a module in as a new generation, through the real deployment.
    ///
    /// # Errors
    ///
    /// What kept the new generation from serving. The old one serves on.
    pub async fn swap_to(&self, module: ModuleSpec) -> Result<Deployed, CompositionError> {
        self.running().await?.deploy(Change::new().put(module)).await
    }

    /// A reference to a contract, as a module of its own would have it.
    ///
    /// # Panics
    ///
    /// Where the base does not run yet: await [`running`](Self::running) first.
    #[must_use]
    pub fn service<S: Service + ?Sized>(&self) -> ServiceRef<S> {
        ServiceRef::new(self.context().state(), None)
    }

    /// A reference to a contract as one module publishes it.
    ///
    /// # Panics
    ///
    /// Where the base does not run yet: await [`running`](Self::running) first.
    #[must_use]
    pub fn service_of<S: Service + ?Sized>(&self, module: &ModuleName) -> ServiceRef<S> {
        ServiceRef::new(self.context().state(), Some(module.clone()))
    }

    /// References to every publisher of a contract.
    ///
    /// # Panics
    ///
    /// Where the base does not run yet: await [`running`](Self::running) first.
    #[must_use]
    pub fn services<S: Service + ?Sized>(&self) -> ServiceRefs<S> {
        ServiceRefs::new(self.context().state())
    }

    /// The running starter of this type.
    ///
    /// # Errors
    ///
    /// Where the base does not start, or has no such starter.
    pub async fn starter<S: Starter>(&self) -> Result<Arc<S>> {
        let base = self.running().await?;
        base.starter().ok_or_else(|| {
            anyhow::anyhow!(
                "this test's base has no starter `{}`: add it to the test's list",
                std::any::type_name::<S>()
            )
        })
    }

    /// Moves a paused clock forward, and lets what became due run.
    ///
    /// # Panics
    ///
    /// Where time is not paused.
    pub async fn advance(&self, by: Duration) {
        time::advance(by).await;
    }

    /// Waits until every instance that was replaced has drained and stopped.
    ///
    /// # Errors
    ///
    /// Where the base does not start.
    pub async fn settled(&self) -> Result<()> {
        self.running().await?.settled().await;
        Ok(())
    }

    /// Ends the base, where it runs.
    pub(super) async fn end(&self) -> Result<(), CompositionError> {
        let base = match &*self.inner.stage.lock().await {
            Stage::Running(base) => base.clone(),
            Stage::Building(_) | Stage::Failed(_) => return Ok(()),
        };
        base.shutdown().await
    }

    fn context(&self) -> &ModuleContext {
        self.inner.context.get().expect("the base does not run yet: `base.running().await?` first")
    }
}

async fn start(builder: &TestBaseBuilder) -> Result<(Base, ModuleContext), CompositionError> {
    let base = builder.assemble()?.start().await?;
    let name = ModuleName::new(probe::NAME).expect("a valid name");
    let instance = base.pin().instance(&name, &SceneName::main()).cloned();
    let object = instance.expect("the test's own module is in every list").object().object();
    let probe = object.downcast::<Probe>().expect("the test's own module is a probe");
    Ok((base, probe.context.clone()))
}

impl fmt::Debug for TestBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestBase")
    }
}
