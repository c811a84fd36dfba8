//! What a module hands to the base, staged until its composition goes live.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::Result;
use crate::module::{Background, ModuleContext, TaskOutcome};

/// A type that a starter reads out of a composition: routes, jobs, consumers.
///
/// Starters implement it for types of theirs and offer a method on [`Exports`] by an extension
/// trait, so that a module writes `to.routes(…)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be exported",
    label = "not an export",
    note = "a module exports types that a starter reads, such as `Routes` of the http starter"
)]
pub trait Export: Send + Sync + 'static {
    /// What `#[starter(reads(…))]` names, so that a type which is no export is shown there.
    #[doc(hidden)]
    fn is_export()
    where
        Self: Sized,
    {
    }
}

/// The exports of one instance, by type.
pub struct Exports {
    context: ModuleContext,
    by_type: FxHashMap<TypeId, Vec<Box<dyn Any + Send + Sync>>>,
    background: Vec<Background>,
    errors: Vec<anyhow::Error>,
}

impl Exports {
    pub(crate) fn new(context: ModuleContext) -> Self {
        Self { context, by_type: FxHashMap::default(), background: Vec::new(), errors: Vec::new() }
    }

    /// Adds one export. Order is kept within a type.
    pub fn add<E: Export>(&mut self, export: E) -> &mut Self {
        self.by_type.entry(TypeId::of::<E>()).or_default().push(Box::new(export));
        self
    }

    /// Adds a background task: it is started when the composition goes live, and ended when the
    /// instance leaves it, without being asked. `work` makes its future, again for every time.
    ///
    /// Its failure (an error, a panic) restarts the module by the base's policy.
    #[track_caller]
    pub fn task<F>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        work: impl Fn() -> F + Send + Sync + 'static,
    ) -> &mut Self
    where
        F: Future<Output: TaskOutcome> + Send + 'static,
    {
        let (name, place, work) = (name.into(), Location::caller(), Arc::new(work));
        self.background.push(Box::new(move |context| {
            let work = work.clone();
            // Called inside the task: what makes the future is the task's code too.
            context.spawn_background(name.clone(), place, async move { work().await });
        }));
        self
    }

    /// Adds whatever a function module returned.
    pub fn add_all(&mut self, exports: impl IntoExports) -> &mut Self {
        exports.add_to(self);
        self
    }

    /// Says that an export could not be made. It fails the deployment, with all the others.
    pub fn fail(&mut self, error: impl Into<anyhow::Error>) -> &mut Self {
        self.errors.push(error.into());
        self
    }

    /// The context of the instance that exports.
    #[must_use]
    pub fn context(&self) -> &ModuleContext {
        &self.context
    }

    /// The exports of one type, in the order they were added.
    pub fn of<E: Export>(&self) -> impl Iterator<Item = &E> {
        self.by_type.get(&TypeId::of::<E>()).into_iter().flatten().filter_map(|export| export.downcast_ref())
    }

    pub(crate) fn start_background(&self) {
        self.background.iter().for_each(|start| start(&self.context));
    }

    pub(crate) fn take_errors(&mut self) -> Vec<anyhow::Error> {
        std::mem::take(&mut self.errors)
    }
}

impl fmt::Debug for Exports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exports").field("types", &self.by_type.len()).finish_non_exhaustive()
    }
}

/// What a function with `#[module]` can return: an export, several as a tuple, nothing, or a
/// `Result` of one.
#[diagnostic::on_unimplemented(
    message = "a function with `#[module]` cannot return `{Self}`",
    label = "not an export",
    note = "return something that a starter reads (such as `Routes` of the http starter), a tuple of such, or a `Result` of one"
)]
pub trait IntoExports {
    /// Adds the value to the exports.
    fn add_to(self, to: &mut Exports);
}

impl<E: Export> IntoExports for E {
    fn add_to(self, to: &mut Exports) {
        to.add(self);
    }
}

impl IntoExports for () {
    fn add_to(self, _: &mut Exports) {}
}

impl<E: IntoExports> IntoExports for Result<E> {
    fn add_to(self, to: &mut Exports) {
        match self {
            Ok(exports) => exports.add_to(to),
            Err(error) => {
                to.fail(error);
            }
        }
    }
}

macro_rules! tuple_exports {
    ($($name:ident),+) => {
        impl<$($name: IntoExports),+> IntoExports for ($($name,)+) {
            fn add_to(self, to: &mut Exports) {
                #[allow(non_snake_case, reason = "the type's letter names its value")]
                let ($($name,)+) = self;
                $($name.add_to(to);)+
            }
        }
    };
}

tuple_exports!(A);
tuple_exports!(A, B);
tuple_exports!(A, B, C);
tuple_exports!(A, B, C, D);
