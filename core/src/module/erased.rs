//! A module of any type, behind one object-safe trait.

use std::any::Any;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::Result;
use crate::module::{Exports, HandOver, Module, ModuleContext};

/// What the base calls on a module whose type it does not know.
pub(crate) trait ErasedModule: Send + Sync {
    fn object(&self) -> Arc<dyn Any + Send + Sync>;
    fn start<'a>(&'a self, ctx: &'a ModuleContext) -> BoxFuture<'a, Result<()>>;
    fn ready(&self) -> BoxFuture<'_, Result<()>>;
    fn exports(&self, to: &mut Exports);
    fn hand_over(&self) -> BoxFuture<'_, Result<Option<HandOver>>>;
    fn stop(&self) -> BoxFuture<'_, Result<()>>;
}

/// The one implementation: holds the module by its type.
pub(crate) struct Typed<M>(pub(crate) Arc<M>);

impl<M: Module> ErasedModule for Typed<M> {
    fn object(&self) -> Arc<dyn Any + Send + Sync> {
        self.0.clone()
    }

    fn start<'a>(&'a self, ctx: &'a ModuleContext) -> BoxFuture<'a, Result<()>> {
        self.0.start(ctx).boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        self.0.ready().boxed()
    }

    fn exports(&self, to: &mut Exports) {
        Module::exports(&self.0, to);
    }

    fn hand_over(&self) -> BoxFuture<'_, Result<Option<HandOver>>> {
        self.0.hand_over().boxed()
    }

    fn stop(&self) -> BoxFuture<'_, Result<()>> {
        self.0.stop().boxed()
    }
}
