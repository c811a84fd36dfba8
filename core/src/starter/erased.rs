//! A starter of any type, behind one object-safe trait.

use std::any::Any;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::Result;
use crate::compose::Composition;
use crate::module::InstanceId;
use crate::starter::{Around, Inspection, Planned, Provided, Question, Staged, Starter, StarterContext};

/// Starts a starter of a type that the base does not know.
#[doc(hidden)]
pub type ErasedStart = for<'a> fn(&'a StarterContext) -> BoxFuture<'a, Result<ErasedStarter>>;

/// A value that [`Starter::prepare`] returned.
pub(crate) type Prepared = Box<dyn Any + Send + Sync>;

/// A running starter, by its erased type.
#[doc(hidden)]
pub struct ErasedStarter {
    pub(crate) object: Arc<dyn Any + Send + Sync>,
    pub(crate) calls: Arc<dyn StarterCalls>,
}

/// What the base calls on a starter.
pub(crate) trait StarterCalls: Send + Sync {
    fn provide(&self, to: &mut Provided<'_>) -> Result<()>;
    fn plan<'a>(&'a self, staged: &'a Staged<'a>) -> BoxFuture<'a, Result<Vec<Planned>>>;
    fn migrate<'a>(&'a self, staged: &'a Staged<'a>) -> BoxFuture<'a, Result<()>>;
    fn prepare<'a>(&'a self, next: &'a Composition) -> BoxFuture<'a, Result<Prepared>>;
    fn abort(&self, prepared: Prepared) -> BoxFuture<'_, ()>;
    fn committed(&self, now: &Composition);
    fn release<'a>(&'a self, instance: &'a InstanceId) -> BoxFuture<'a, ()>;
    fn around(&self) -> Option<Arc<dyn Around>>;
    fn inspect(&self, now: &Composition) -> Vec<Inspection>;
    fn answer<'a>(&'a self, question: &'a Question<'a>) -> BoxFuture<'a, Option<Result<Value>>>;
    fn drain(&self) -> BoxFuture<'_, Result<()>>;
    fn stop(&self) -> BoxFuture<'_, Result<()>>;
}

struct Typed<S>(Arc<S>);

impl<S: Starter> StarterCalls for Typed<S> {
    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        self.0.provide(to)
    }

    fn plan<'a>(&'a self, staged: &'a Staged<'a>) -> BoxFuture<'a, Result<Vec<Planned>>> {
        self.0.plan(staged).boxed()
    }

    fn migrate<'a>(&'a self, staged: &'a Staged<'a>) -> BoxFuture<'a, Result<()>> {
        self.0.migrate(staged).boxed()
    }

    fn prepare<'a>(&'a self, next: &'a Composition) -> BoxFuture<'a, Result<Prepared>> {
        async { Ok(Box::new(self.0.prepare(next).await?) as Prepared) }.boxed()
    }

    fn abort(&self, prepared: Prepared) -> BoxFuture<'_, ()> {
        async {
            if let Ok(prepared) = prepared.downcast::<S::Prepared>() {
                self.0.abort(*prepared).await;
            }
        }
        .boxed()
    }

    fn committed(&self, now: &Composition) {
        self.0.committed(now);
    }

    fn release<'a>(&'a self, instance: &'a InstanceId) -> BoxFuture<'a, ()> {
        self.0.release(instance).boxed()
    }

    fn around(&self) -> Option<Arc<dyn Around>> {
        self.0.around()
    }

    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        self.0.inspect(now)
    }

    fn answer<'a>(&'a self, question: &'a Question<'a>) -> BoxFuture<'a, Option<Result<Value>>> {
        self.0.answer(question).boxed()
    }

    fn drain(&self) -> BoxFuture<'_, Result<()>> {
        self.0.drain().boxed()
    }

    fn stop(&self) -> BoxFuture<'_, Result<()>> {
        self.0.stop().boxed()
    }
}

/// Starts a starter and erases its type. `#[starter]` registers this function for its type.
#[doc(hidden)]
pub fn erased_start<S: Starter>(ctx: &StarterContext) -> BoxFuture<'_, Result<ErasedStarter>> {
    async {
        let starter = Arc::new(S::start(ctx).await?);
        Ok(ErasedStarter { object: starter.clone(), calls: Arc::new(Typed(starter)) })
    }
    .boxed()
}
