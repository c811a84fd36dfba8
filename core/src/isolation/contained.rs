//! Something of a module that the base holds, and whose drop is module code.

use std::ops::Deref;
use std::sync::Arc;

use crate::isolation::{Frame, Scoped, catch};
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
        let mut frame = Some(Frame { pin: None, instance: self.instance.clone(), deadline: None, depth: 0 });
        let dropped = {
            let _scope = Scoped::enter(&mut frame);
            catch(|| drop(value))
        };
        if let Err(text) = dropped {
            self.instance.report_panic("drop", &text);
        }
    }
}
