//! A module seen through one of its contracts.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::service::Service;

/// A module as `Arc<dyn Contract>`, with the contract erased.
pub struct Published(Box<dyn Any + Send + Sync>);

impl Published {
    /// Erases the contract.
    #[must_use]
    pub fn of<S: Service + ?Sized>(object: Arc<S>) -> Self {
        Self(Box::new(object))
    }

    /// The object, where it was published as `S`.
    pub(crate) fn get<S: Service + ?Sized>(&self) -> Option<&Arc<S>> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Published")
    }
}
