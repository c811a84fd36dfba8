//! The modules' objects that a check has had made, without holding them: what became of each.

use std::any::Any;
use std::sync::{Arc, Mutex, Weak};

use crate::module::{InstanceId, ModuleSpec};
use crate::sync::lock;

type Made = (InstanceId, Weak<dyn Any + Send + Sync>);

/// The objects that were made of the modules of a check.
#[derive(Clone, Default)]
pub(super) struct Objects(Arc<Mutex<Vec<Made>>>);

impl Objects {
    /// The same module, whose objects are listed here.
    pub(super) fn of(&self, mut spec: ModuleSpec) -> ModuleSpec {
        let (make, made) = (spec.make.clone(), self.0.clone());
        spec.make = Arc::new(move |fields| {
            let module = make(fields)?;
            let object = Arc::downgrade(&module.object());
            lock(&made).push((fields.context().id().clone(), object));
            Ok(module)
        });
        spec
    }

    /// The instances whose objects something refers to.
    pub(super) fn alive(&self) -> Vec<InstanceId> {
        let mut alive: Vec<_> =
            lock(&self.0).iter().filter(|(_, object)| object.strong_count() > 0).map(|(id, _)| id.clone()).collect();
        alive.sort();
        alive
    }

    /// The object of an instance, where it is left.
    pub(super) fn get(&self, id: &InstanceId) -> Option<Arc<dyn Any + Send + Sync>> {
        lock(&self.0).iter().rev().find(|(made, _)| made == id)?.1.upgrade()
    }
}
