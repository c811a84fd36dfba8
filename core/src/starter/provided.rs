//! What starters hand to one module in one scene.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::Result;
use crate::base::ModuleSettings;
use crate::descriptors::ModuleName;
use crate::module::{Handle, InstanceId, RequiredKind, Requirements};
use crate::scene::SceneName;
use crate::settings::Settings;

/// Typed handles, one of each type.
#[derive(Default)]
pub struct Handles {
    by_type: FxHashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl Handles {
    pub(crate) fn get<T: Handle>(&self) -> Option<T> {
        self.by_type.get(&TypeId::of::<T>()).and_then(|handle| handle.downcast_ref::<T>()).cloned()
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles").field("types", &self.by_type.len()).finish()
    }
}

/// An instance that is about to be made, as a starter sees it.
#[derive(Clone, Copy)]
pub struct Staged<'a> {
    pub(crate) id: &'a InstanceId,
    pub(crate) requirements: &'a Requirements,
    pub(crate) settings: &'a ModuleSettings<'a>,
    /// Whether the deployment may take away what the generation before uses.
    pub(crate) breaking: bool,
}

impl Staged<'_> {
    /// The instance: module, scene, generation.
    #[must_use]
    pub fn id(&self) -> &InstanceId {
        self.id
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &ModuleName {
        &self.id.module
    }

    /// The scene.
    #[must_use]
    pub fn scene(&self) -> &SceneName {
        &self.id.scene
    }

    /// Whether the deployment may take away what a generation before it uses (drop a table, say): it was
    /// asked for so, or it is the first of its base and nothing serves yet.
    #[must_use]
    pub fn allows_breaking(&self) -> bool {
        self.breaking
    }

    /// Whether a field of the module asks for the handle `T`.
    #[must_use]
    pub fn needs<T: Handle>(&self) -> bool {
        self.handles().any(|(type_id, _)| type_id == TypeId::of::<T>())
    }

    /// What `#[with(…)]` says about the handle `T`, where it is there.
    #[must_use]
    pub fn options<T: Handle>(&self) -> Option<Arc<T::Options>> {
        self.handles()
            .filter(|(type_id, _)| *type_id == TypeId::of::<T>())
            .find_map(|(_, options)| options.cloned()?.downcast().ok())
    }

    /// The module's settings for the starter of this name: `[modules.<module>.<starter>]`.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub fn module_settings<S: Settings>(&self, starter: &str) -> Result<S> {
        self.settings.read_section(starter)
    }

    fn handles(&self) -> impl Iterator<Item = (TypeId, Option<&Arc<dyn Any + Send + Sync>>)> {
        self.requirements.as_slice().iter().filter_map(|required| match &required.kind {
            RequiredKind::Handle { type_id, options, .. } => Some((*type_id, options.as_ref())),
            _ => None,
        })
    }
}

/// What a starter's [`provide`](crate::Starter::provide) hands its handles to.
pub struct Provided<'a> {
    pub(crate) staged: Staged<'a>,
    pub(crate) handles: &'a mut Handles,
}

impl<'a> Provided<'a> {
    /// The instance that is about to be made.
    #[must_use]
    pub fn staged(&self) -> Staged<'a> {
        self.staged
    }

    /// Hands out a handle: the module's field of type `T` gets a clone.
    pub fn insert<T: Handle>(&mut self, handle: T) {
        self.handles.by_type.insert(TypeId::of::<T>(), Box::new(handle));
    }
}
