//! What a deployment changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::descriptors::ModuleName;
use crate::module::ModuleSpec;
use crate::scene::SceneName;
use crate::settings::Tree;

/// One module in one scene: what a composition holds one instance of.
pub(crate) type Member = (ModuleName, SceneName);

/// What a deployment changes. Several changes go live in one swap.
///
/// ```
/// use std::time::Duration;
/// use bedplate::{Change, Module, ModuleName, ModuleSpec};
///
/// struct Quiet;
/// impl Module for Quiet {}
///
/// let change = Change::new()
///     .put(ModuleSpec::plain("quiet", |_| Ok(Quiet))?)
///     .remove(ModuleName::new("noisy")?)
///     .bake(Duration::from_secs(30));
/// # Ok::<(), bedplate::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Change {
    pub(crate) put: BTreeMap<Member, Arc<ModuleSpec>>,
    pub(crate) again: BTreeSet<ModuleName>,
    pub(crate) remove: BTreeSet<ModuleName>,
    pub(crate) revive: BTreeSet<ModuleName>,
    pub(crate) settings: Option<Arc<Tree>>,
    pub(crate) bake: Duration,
    pub(crate) breaking: Breaking,
    pub(crate) source: Option<Value>,
    pub(crate) without_state: BTreeSet<ModuleName>,
}

/// Whether a migration may take away what the generation before uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Breaking {
    #[default]
    Refused,
    Allowed,
}

impl Change {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Installs a module, or replaces it by a new generation: in the scene `main`.
    #[must_use]
    pub fn put(self, module: ModuleSpec) -> Self {
        self.put_in(SceneName::main(), module)
    }

    /// Installs a module in a scene, or replaces it there by a new generation.
    #[must_use]
    pub fn put_in(mut self, scene: SceneName, module: ModuleSpec) -> Self {
        self.put.insert((module.name.clone(), scene), Arc::new(module));
        self
    }

    /// Puts a new instance of what serves in the place of a module, in every scene that it is in.
    #[must_use]
    pub fn again(mut self, module: ModuleName) -> Self {
        self.again.insert(module);
        self
    }

    /// Takes a module out of every scene that it is in.
    #[must_use]
    pub fn remove(mut self, module: ModuleName) -> Self {
        self.remove.insert(module);
        self
    }

    /// Lets the warm predecessor of a module serve again, in every scene that has one. It was made, migrated
    /// and started before, and is only swapped in. What it replaces does not stay warm.
    #[must_use]
    pub fn revive(mut self, module: ModuleName) -> Self {
        self.revive.insert(module);
        self
    }

    /// Serves with other settings: each module in each scene whose settings differ gets a new instance.
    /// `[modules]`, `[scenes]` and the core's own sections can change while the base serves; a change of others
    /// (`[starters]`) is refused.
    #[must_use]
    pub fn settings(mut self, settings: Tree) -> Self {
        self.settings = Some(Arc::new(settings));
        self
    }

    /// Keeps what leaves warm for this time: not drained and not stopped, so that [`revive`](Self::revive) can
    /// bring it back. By default nothing stays warm.
    #[must_use]
    pub fn bake(mut self, bake: Duration) -> Self {
        self.bake = bake;
        self
    }

    /// Allows migrations that take away what the generation before uses.
    #[must_use]
    pub fn breaking(mut self) -> Self {
        self.breaking = Breaking::Allowed;
        self
    }

    /// Does not have the module hand over its state to the next generation, which starts without: what a
    /// `hand_over` with a mistake in it is mended by.
    #[must_use]
    pub fn without_state(mut self, module: ModuleName) -> Self {
        self.without_state.insert(module);
        self
    }

    /// Says where the change comes from (who, which commit): the ledger keeps it as it is.
    #[must_use]
    pub fn source(mut self, source: Value) -> Self {
        self.source = Some(source);
        self
    }
}
