//! The trait that a starter implements.

use std::future::Future;
use std::sync::Arc;

use serde_json::Value;

use crate::Result;
use crate::compose::Composition;
use crate::descriptors::StarterDescriptor;
use crate::module::InstanceId;
use crate::starter::{Around, Inspection, Planned, Provided, Question, Staged, StarterContext};

/// A starter: adds one technology to a base. Write the methods you need, as `async fn`.
///
/// A starter sees deployments, not modules coming and going: [`prepare`](Self::prepare) compiles
/// what it serves for the next composition and may refuse it; what it returns is stored in the
/// composition, and read from there with [`Composition::prepared`], so that one pointer moves
/// all that is served at one instant.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a starter",
    label = "the trait `Starter` is not implemented for this type",
    note = "write `impl bedplate::Starter for {Self}` with `type Prepared` and `async fn start(ctx: &StarterContext) -> Result<Self>`"
)]
pub trait Starter: Sized + Send + Sync + 'static {
    /// What it serves of one composition; `()` for nothing.
    type Prepared: Send + Sync + 'static;

    /// Starts the technology: binds, connects, reads its settings. Nothing is served yet.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from working. It fails the base's start.
    fn start(ctx: &StarterContext) -> impl Future<Output = Result<Self>> + Send;

    /// Hands out typed handles for the fields of one module in one scene. Called for every
    /// instance before it is made; keep what belongs to the module in the scene (pools, caches), so
    /// that a swap finds it warm.
    ///
    /// # Errors
    ///
    /// What is wrong with the module's settings for this starter.
    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        let _ = to;
        Ok(())
    }

    /// What [`migrate`](Self::migrate) would do for the instance, which is made and never starts. Nothing
    /// may change: not the data, and not what serves.
    ///
    /// # Errors
    ///
    /// Why it cannot be found out. It fails the plan, and nothing else.
    fn plan(&self, staged: &Staged<'_>) -> impl Future<Output = Result<Vec<Planned>>> + Send {
        let _ = staged;
        async { Ok(Vec::new()) }
    }

    /// Brings what the module keeps in this technology (its schema) to the state that the new
    /// instance needs. A step of its own, between check and start.
    ///
    /// The generation before may serve on meanwhile: refuse what would take away from it, unless the
    /// deployment [allows](Staged::allows_breaking) that. The future may be dropped at any `.await`: a
    /// migration that hangs is given up at its deadline, and must leave nothing half done or locked.
    ///
    /// # Errors
    ///
    /// What failed. It fails the deployment.
    fn migrate(&self, staged: &Staged<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = staged;
        async { Ok(()) }
    }

    /// Compiles what the starter serves for the next composition. Nothing may be visible yet.
    ///
    /// # Errors
    ///
    /// Why this composition cannot be served. It fails the deployment.
    fn prepare(&self, next: &Composition) -> impl Future<Output = Result<Self::Prepared>> + Send;

    /// A later step failed: what was prepared is not used.
    fn abort(&self, prepared: Self::Prepared) -> impl Future<Output = ()> + Send {
        drop(prepared);
        async {}
    }

    /// The composition serves now. A notification, after the swap.
    fn committed(&self, now: &Composition) {
        let _ = now;
    }

    /// An instance has drained and stopped: free what it was given.
    fn release(&self, instance: &InstanceId) -> impl Future<Output = ()> + Send {
        let _ = instance;
        async {}
    }

    /// Wraps every entry into a module: authentication, audit, tenants. Asked once, after the start.
    fn around(&self) -> Option<Arc<dyn Around>> {
        None
    }

    /// What the starter can show of a composition, for people and tools: its routes, its jobs.
    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        let _ = now;
        Vec::new()
    }

    /// Answers a [`Question`] of people and tools: one that has parameters, or whose answer may come later.
    /// `None` where the question is for another starter.
    ///
    /// # Errors
    ///
    /// What is wrong with the question.
    fn answer(&self, question: &Question<'_>) -> impl Future<Output = Option<Result<Value>>> + Send {
        let _ = question;
        async { None }
    }

    /// The base ends: take no new work from outside, and return when what was taken is done.
    /// Bounded by `drain.deadline`. Modules still serve.
    ///
    /// # Errors
    ///
    /// What could not be ended in order.
    fn drain(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// The base ends, and no module is left: close what was opened.
    ///
    /// # Errors
    ///
    /// What could not be closed.
    fn stop(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// Implemented by `#[starter]`: the type is declared as a starter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a starter",
    label = "no `#[starter]` on this type",
    note = "put `#[bedplate::starter(name = \"…\")]` on the type"
)]
pub trait DeclaredStarter: Starter {
    /// What was registered.
    const DESCRIPTOR: &'static StarterDescriptor;
}
