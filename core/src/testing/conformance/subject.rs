//! What the author of a starter says about it, so that the suite can try it.

use std::time::Duration;

use crate::Result;
use crate::isolation::{Entry, EntryKind};
use crate::module::ModuleSpec;
use crate::starter::DeclaredStarter;
use crate::testing::TestBaseBuilder;
use crate::testing::conformance::Look;

/// A starter, and how the suite can see what it does: a module that uses it, and a probe.
///
/// The module leaves a **trace** through the starter: its instance's id as text (`context.id().to_string()`), or
/// [`Look::member`] where the technology does not tell generations apart. The probe [`seen`](Self::seen) finds traces.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how its starter can be tried",
    label = "the trait `Subject` is not implemented for this type",
    note = "write `impl bedplate::testing::conformance::Subject for {Self}`"
)]
#[allow(async_fn_in_trait, reason = "the suite awaits it on the test's own thread")]
pub trait Subject: Sized + 'static {
    /// The starter that is tried.
    type Starter: DeclaredStarter;

    /// Whether what a generation left can still be found when the next one serves.
    const GENERATIONS: Generations = Generations::Apart;

    /// How long what must come may take: an answer, the end of a task. Only what never comes is waited for so long.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A module of this name that uses the starter: it has the starter's handles, or exports what it serves.
    ///
    /// It is called for each module, each scene and each generation that a check needs. Whatever one of them leaves
    /// has to be found at the same place as what the others leave (one key, one table), so that the suite sees whether
    /// they are kept apart; but what the starter wants to be unique in a base (a path) contains name and scene.
    fn module(name: &str) -> ModuleSpec;

    /// The traces that can be found at a place now, as whoever uses the base finds them: by a request, in what the
    /// starter shows, in what the handle of the module there reads. Nothing where nothing can be found.
    ///
    /// Look from outside first ([`Look::shown`], a request): what is read through [`Look::object`] alone says
    /// nothing about modules that do not serve.
    ///
    /// # Errors
    ///
    /// What kept it from looking. That is a finding too.
    async fn seen(at: &Look<'_>) -> Result<Vec<String>>;

    /// Whether what the starter gave to one instance does its work, which may have left: the handles in the
    /// [`Look::object`]. A starter that hands out handles writes it.
    async fn given(to: &Look<'_>) -> Given {
        let _ = to;
        Given::Nothing
    }

    /// Settings that the starter refuses, each as the text of a `bedplate.toml`: values that its rules forbid, and
    /// what only its start finds out (an address that is in use). None for a starter without settings alone.
    fn refused_settings() -> Vec<String>;

    /// A module of this name that the starter refuses beside the [`module`](Self::module)s: one that exports what
    /// cannot be served. `None` for a starter that refuses no module.
    fn refused_module(name: &str) -> Option<ModuleSpec>;

    /// What a base needs for the starter: settings, starters that it `needs`. Paths in settings are relative to a
    /// folder of the test's own. Two bases of this run side by side: no port but 0.
    fn base(with: TestBaseBuilder) -> TestBaseBuilder {
        with
    }

    /// An entry that the starter's wrapper lets in, where it has one.
    fn entry() -> Entry {
        Entry::new(EntryKind::Request, "conformance")
    }
}

/// Whether what a generation left can still be found when the next one serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generations {
    /// No: the starter serves each generation anew (routes, jobs, typed caches).
    Apart,
    /// Yes: handles and data belong to the module in its scene, and stay while it does (a database, a pool).
    Shared,
}

/// What became of what the starter gave to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The starter hands out no handles.
    Nothing,
    /// It does its work.
    Works,
    /// It is closed, and says so to whoever still has it.
    Freed,
}
