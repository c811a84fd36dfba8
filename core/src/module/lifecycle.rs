//! The trait that a module implements: start, readiness, exports, stop.

use std::future::Future;
use std::sync::Arc;

use crate::Result;
use crate::module::{Exports, HandOver, ModuleContext, NothingHandedOver};

/// A business module. Every method has a default; write the ones you need, as `async fn`.
///
/// Each of them runs behind the gate: with a deadline, with the module as the current one for
/// logs and calls, and with panics caught.
///
/// ```
/// use bedplate::{Module, ModuleContext, Result};
///
/// struct Greeter {
///     greeting: String,
/// }
///
/// impl Module for Greeter {
///     async fn start(&self, ctx: &ModuleContext) -> Result<()> {
///         anyhow::ensure!(!self.greeting.is_empty(), "{} has nothing to say", ctx.module());
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    label = "the trait `Module` is not implemented for this type",
    note = "write `impl bedplate::Module for {Self} {{}}`: every method has a default"
)]
pub trait Module: Sized + Send + Sync + 'static {
    /// Makes the instance ready to serve. It may call the services that it requires: they have
    /// started before. An error, a panic or a missed deadline fails the deployment.
    ///
    /// # Errors
    ///
    /// Whatever keeps the module from serving.
    fn start(&self, ctx: &ModuleContext) -> impl Future<Output = Result<()>> + Send {
        let _ = ctx;
        async { Ok(()) }
    }

    /// Whether the instance can serve now. Asked before it takes over, and by `/readyz` afterwards.
    ///
    /// # Errors
    ///
    /// What it is waiting for.
    fn ready(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// What the module hands to the base: routes, jobs, consumers. What is added goes live with the
    /// composition, and leaves with the instance.
    ///
    /// Called after [`start`](Self::start); but before it, on every start, where the module is
    /// `#[module(exclusive)]` or [hands over](Self::hand_over) its state: such a module is routed to before it
    /// has started, and what comes waits. So there, what `start` makes is looked up by the handlers, not by
    /// `exports`. (A module that is deployed together with one that it requires, and that is such a one, is
    /// started late as well.)
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let _ = to;
    }

    /// Ends what the module owns. Called after the drain, when no entry is left.
    ///
    /// # Errors
    ///
    /// What could not be ended: it is logged and counted, and holds nothing up.
    fn stop(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// The state that the next generation of the module is to go on with: it gets it in its `start`, with
    /// [`ModuleContext::handed_over`]. Without this method nothing is handed over.
    ///
    /// A module that has it is replaced so: what comes waits at the module's gate (`deploy.hold`, 5 s, at
    /// most); what is inside ends; this is called; the next generation starts with the state, and what waited
    /// enters. Where the next generation does not come up, the old one serves on, with its state, and what
    /// waited enters there: so take a copy, and leave the state where it is.
    ///
    /// It runs while nothing of the module does, with two exceptions: requests that did not end in time (they
    /// are told in the log), and tasks and streams, which end later. What those change after this is lost.
    /// Where the restart policy replaces a module that has failed, and this fails as well, the next generation
    /// starts without.
    ///
    /// The next generation may be older (a rollback), or have changed the form of the state. It finds out by
    /// the version:
    ///
    /// ```
    /// use std::sync::Mutex;
    /// use bedplate::{HandOver, Module, ModuleContext, Result};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Default, Clone, Serialize, Deserialize)]
    /// struct Visits {
    ///     people: u64,
    ///     robots: u64,
    /// }
    ///
    /// /// What version 1 counted: everybody alike.
    /// #[derive(Deserialize)]
    /// struct VisitsV1 {
    ///     all: u64,
    /// }
    ///
    /// struct Counter {
    ///     visits: Mutex<Visits>,
    /// }
    ///
    /// impl Module for Counter {
    ///     async fn start(&self, ctx: &ModuleContext) -> Result<()> {
    ///         let visits = match ctx.handed_over_version() {
    ///             Some(2) => ctx.handed_over::<Visits>()?,
    ///             Some(1) => ctx.handed_over::<VisitsV1>()?.map(|old| Visits { people: old.all, robots: 0 }),
    ///             Some(newer) => {
    ///                 tracing::warn!("the state has version {newer}, which this code does not know: it counts anew");
    ///                 None
    ///             }
    ///             None => None,
    ///         };
    ///         *self.visits.lock().expect("nothing panics while it is held") = visits.unwrap_or_default();
    ///         Ok(())
    ///     }
    ///
    ///     async fn hand_over(&self) -> Result<Option<HandOver>> {
    ///         let visits = self.visits.lock().expect("nothing panics while it is held").clone();
    ///         Ok(Some(HandOver::of(2, &visits)?))
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Why the state cannot be had. It fails the deployment, and the old generation serves on.
    fn hand_over(&self) -> impl Future<Output = Result<Option<HandOver>>> + Send {
        // Its type says that there is nothing: see `hands_over`.
        NothingHandedOver
    }
}
