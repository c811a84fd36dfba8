//! A composition that is held against its drain.

use std::fmt;
use std::ops::Deref;

use crate::compose::Composition;
use crate::deploy::cell::Guard;

/// A pin on a composition: as long as it lives, nothing that the composition holds is stopped.
///
/// Whatever enters takes one with [`Base::pin`](crate::Base::pin), once, and resolves everything in it.
#[derive(Clone)]
pub struct Pinned(Guard<Composition>);

impl Pinned {
    pub(crate) fn new(guard: Guard<Composition>) -> Self {
        Self(guard)
    }
}

impl Deref for Pinned {
    type Target = Composition;

    fn deref(&self) -> &Composition {
        &self.0
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pinned").field(&**self).finish()
    }
}
