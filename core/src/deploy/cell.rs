//! The one pointer: pin what serves now, swap it, and wait until what was is let go.
//!
//! A pin is counted while the pointer is read-locked, and a swap takes the write lock: so once a
//! swap returned, the count of what was can only fall (but for [`Versioned::pin`], which is for
//! those who hold the old value on purpose). Draining is waiting for that count, never for `Arc`s.

use std::future::poll_fn;
use std::ops::Deref;
use std::task::{Poll, Waker};

use crate::sync::{Arc, AtomicU64, Mutex, Ordering, RwLock, lock, with_read, with_write};

/// One holder, in both halves of a [`Count`].
const ONE: u64 = 1 << 32 | 1;

/// The half of a [`Count`] that says how many hold it now.
const NOW: u64 = u32::MAX as u64;

/// How many hold something, and who waits for them to let go.
pub(crate) struct Count {
    /// How many hold it now in the lower half, how many ever did (modulo 2^32) in the upper one.
    held: AtomicU64,
    waiting: Mutex<Vec<Waker>>,
}

impl Count {
    /// Nobody holds it.
    pub(crate) fn new() -> Self {
        Self { held: AtomicU64::new(0), waiting: Mutex::new(Vec::new()) }
    }

    /// One more holds it.
    pub(crate) fn hold(&self) {
        self.held.fetch_add(ONE, Ordering::SeqCst);
    }

    /// One less holds it. The last one wakes who waits.
    pub(crate) fn release(&self) {
        if self.held.fetch_sub(1, Ordering::SeqCst) & NOW == 1 {
            let waiting = std::mem::take(&mut *lock(&self.waiting));
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// How many hold it now.
    pub(crate) fn now(&self) -> usize {
        usize::try_from(self.read() & NOW).unwrap_or(usize::MAX)
    }

    fn read(&self) -> u64 {
        self.held.load(Ordering::SeqCst)
    }

    /// Waits for a moment at which nobody holds it.
    pub(crate) async fn none(&self) {
        poll_fn(|cx| {
            if self.now() == 0 {
                return Poll::Ready(());
            }
            let mut waiting = lock(&self.waiting);
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            drop(waiting);
            // The last holder may have left before the waker was in the list.
            if self.now() == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Whether there was a moment at which nobody held any of these.
///
/// One look at each does not tell: an entry that was seen in one count may have spawned a task into
/// another that had been looked at before. So all are read twice, and nobody may have come between.
pub(crate) fn all_free<'c>(counts: impl Iterator<Item = &'c Count> + Clone) -> bool {
    let before: Vec<u64> = counts.clone().map(Count::read).collect();
    before.iter().all(|count| count & NOW == 0) && counts.map(Count::read).eq(before)
}

/// A value that serves, or served, with the count of those who hold it.
pub(crate) struct Versioned<T> {
    value: T,
    pins: Count,
}

impl<T> Versioned<T> {
    /// A value that nobody holds yet.
    pub(crate) fn new(value: T) -> Arc<Self> {
        Arc::new(Self { value, pins: Count::new() })
    }

    /// The value, without holding it against a drain.
    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// How many hold it.
    pub(crate) fn pins(&self) -> &Count {
        &self.pins
    }

    /// Holds this value, whether or not it serves.
    pub(crate) fn pin(this: &Arc<Self>) -> Guard<T> {
        this.pins.hold();
        Guard { of: this.clone() }
    }
}

/// Holds a value against its drain.
pub(crate) struct Guard<T> {
    of: Arc<Versioned<T>>,
}

impl<T> Clone for Guard<T> {
    fn clone(&self) -> Self {
        Versioned::pin(&self.of)
    }
}

impl<T> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.of.value
    }
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        self.of.pins.release();
    }
}

/// Where work of a generation that has pinned nothing finds a value that holds its generation: in
/// what serves now, else at home.
pub(crate) struct Home<T> {
    home: Mutex<Option<Arc<Versioned<T>>>>,
}

impl<T> Home<T> {
    /// No home: only what serves now.
    pub(crate) fn none() -> Self {
        Self { home: Mutex::new(None) }
    }

    /// Sets the home, or takes it away.
    pub(crate) fn set(&self, home: Option<Arc<Versioned<T>>>) {
        let before = std::mem::replace(&mut *lock(&self.home), home);
        // Dropped after the lock is free: it may be the last reference to the value.
        drop(before);
    }

    /// Holds what serves now where it `holds` the generation, else the home, else nothing.
    pub(crate) fn pin(&self, cell: &Cell<T>, holds: impl Fn(&T) -> bool) -> Option<Guard<T>> {
        let in_current = || Some(cell.pin()).filter(|current| holds(current));
        // Pinned under the lock, so that a retirement which takes the home away sees the pin.
        let at_home = || lock(&self.home).as_ref().map(Versioned::pin);
        // A home is also taken away when its value has just begun to serve, perhaps between the
        // first two looks: then the third one finds it.
        in_current().or_else(at_home).or_else(in_current)
    }
}

/// The pointer to what serves now.
pub(crate) struct Cell<T> {
    current: RwLock<Arc<Versioned<T>>>,
}

impl<T> Cell<T> {
    /// A pointer to a first value.
    pub(crate) fn new(first: Arc<Versioned<T>>) -> Self {
        Self { current: RwLock::new(first) }
    }

    /// Holds what serves now.
    pub(crate) fn pin(&self) -> Guard<T> {
        with_read(&self.current, Versioned::pin)
    }

    /// What serves now, without holding it.
    pub(crate) fn current(&self) -> Arc<Versioned<T>> {
        with_read(&self.current, Arc::clone)
    }

    /// Lets `next` serve, and returns what served until now.
    pub(crate) fn swap(&self, next: Arc<Versioned<T>>) -> Arc<Versioned<T>> {
        with_write(&self.current, |current| std::mem::replace(current, next))
    }
}
