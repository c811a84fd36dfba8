//! What a starter is given when it starts.

use std::any::{Any, TypeId};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use crate::Result;
use crate::base::{Base, Shared};
use crate::settings::{KeyPath, Settings, Tree};
use crate::starter::Starter;

/// The starters that run, by type.
pub(crate) type StartedStarters = Vec<(TypeId, Arc<dyn Any + Send + Sync>)>;

/// A base that may be gone by now.
#[derive(Clone)]
pub struct WeakBase(Weak<Shared>);

impl WeakBase {
    /// The base, where it is still there.
    #[must_use]
    pub fn upgrade(&self) -> Option<Base> {
        self.0.upgrade().map(|shared| Base { shared })
    }
}

impl fmt::Debug for WeakBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakBase")
    }
}

/// What a starter is given when it starts: its settings, the base, and the starters it needs.
pub struct StarterContext {
    pub(crate) name: &'static str,
    pub(crate) base: Base,
    pub(crate) settings: Tree,
    pub(crate) started: StartedStarters,
}

impl StarterContext {
    /// The starter's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The base that the starter runs in. It holds no composition before all starters run.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The base, without keeping it: for work of the starter that goes on beside it. The base holds its starters,
    /// so what holds the base keeps both, until the starter lets go of it in its `stop`.
    #[must_use]
    pub fn weak_base(&self) -> WeakBase {
        WeakBase(Arc::downgrade(&self.base.shared))
    }

    /// The starter's settings, read from `[starters.<name>]`.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub fn settings<S: Settings>(&self) -> Result<S> {
        let mut problems = Vec::new();
        let path = KeyPath::of(["starters", self.name]);
        self.settings
            .read::<S>(&[path], &mut problems)
            .ok_or_else(|| crate::compose::CompositionError::from_settings(problems).into())
    }

    /// Another starter that runs already: one that this one `needs`, or comes `after`.
    #[must_use]
    pub fn starter<S: Starter>(&self) -> Option<Arc<S>> {
        let wanted = TypeId::of::<S>();
        self.started
            .iter()
            .find(|(type_id, _)| *type_id == wanted)
            .and_then(|(_, starter)| starter.clone().downcast().ok())
    }

    /// The folder that relative paths in settings start from: that of the settings file, else the
    /// working directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.base.folder()
    }

    /// A path from the settings, made absolute against [`folder`](Self::folder).
    #[must_use]
    pub fn resolve_path(&self, path: &Path) -> PathBuf {
        self.folder().join(path)
    }
}
