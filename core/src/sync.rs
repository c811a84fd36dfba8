//! The primitives that `deploy/cell.rs` is written with.
//!
//! The model checker in `tests/loom` compiles that very file with loom's primitives under these
//! names: what is checked there is what ships.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use std::sync::PoisonError;

/// Locks, whether or not a holder panicked: what these locks guard is never half written.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `f` under the read lock.
pub(crate) fn with_read<T, R>(lock: &RwLock<T>, f: impl FnOnce(&T) -> R) -> R {
    f(&lock.read().unwrap_or_else(PoisonError::into_inner))
}

/// Runs `f` under the write lock.
pub(crate) fn with_write<T, R>(lock: &RwLock<T>, f: impl FnOnce(&mut T) -> R) -> R {
    f(&mut lock.write().unwrap_or_else(PoisonError::into_inner))
}
