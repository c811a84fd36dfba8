//! Something of a module that the base holds, and whose drop is module code.

use std::ops::Deref;
use std::sync::Arc;

use crate::module::InstanceState;

/// Drops what it holds as the module: with the module current, and its panics caught and counted.
pub(crate) struct Contained<T> {
    /// Set until the drop.
    value: Option<T>,
    instance: Arc<InstanceState>,
}

impl<T> Contained<T> {
    pub(crate) fn new(value: T, instance: &Arc<InstanceState>) -> Self {
        Self { value: Some(value), instance: instance.clone() }
    }
}

impl<T> Deref for Contained<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("set until the drop")
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        self.instance.run("drop", || drop(value));
    }
}
