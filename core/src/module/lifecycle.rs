//! The trait that a module implements: start, readiness, exports, stop.

use std::future::Future;
use std::sync::Arc;

use crate::Result;
use crate::module::{Exports, ModuleContext};

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

    /// What the module hands to the base: routes, jobs, consumers. Called after [`start`](Self::start);
    /// what is added goes live with the composition, and leaves with the instance.
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
}
