//! One space of a module: moka's cache, with its hits and misses counted.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bedplate::{Field, Fields, Requirement, Requirements, Result};

use crate::cache::{Cache, Spaces};
use crate::counts::Counts;
use crate::kept::Native;
use crate::weigh::{Entries, Weigh};

/// What a key must be.
pub trait Key: Hash + Eq + Send + Sync + 'static {}

impl<T: Hash + Eq + Send + Sync + 'static> Key for T {}

/// What a value must be. Each read clones it: what is not cheap to clone stands behind an `Arc`.
pub trait Value: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Value for T {}

/// A cache of one generation of a module in one scene. A field of this type makes it, under the field's name.
///
/// It derefs to the [`moka::future::Cache`]. The methods below are moka's own, counted; what goes around them
/// (`entry`, `contains_key`, `iter`) is not. Clones share the entries.
///
/// `W` is what the bound counts: [`Entries`], or bytes by a type that says what an entry [weighs](Weigh).
pub struct Space<K, V, W = Entries> {
    native: Arc<Native<K, V, W>>,
    /// Its numbers are shown while somebody has a space.
    spaces: Arc<Spaces>,
}

impl<K: Key, V: Value, W: Weigh<K, V>> Space<K, V, W> {
    pub(crate) fn new(native: Arc<Native<K, V, W>>, spaces: Arc<Spaces>) -> Self {
        Self { native, spaces }
    }

    /// The cache itself, for what wants one by value: it is a handle, and cheap to clone.
    #[must_use]
    pub fn native(&self) -> &moka::future::Cache<K, V> {
        &self.native.cache
    }

    /// The value of a key, where it is there.
    pub async fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized + Sync,
    {
        let found = self.native.cache.get(key).await;
        match found {
            Some(_) => self.native.counts.hit(),
            None => self.native.counts.miss(),
        }
        found
    }

    /// The value of a key; `load` makes it where it is not there. Of callers that come at once, one loads, and the
    /// others wait for it.
    ///
    /// `load` runs in its caller. Where that one is cancelled or panics, nothing is put in, and another one that waits
    /// loads with its own.
    pub async fn get_with(&self, key: K, load: impl Future<Output = V>) -> V {
        let count = Look::new(&self.native.counts);
        let value = self.native.cache.get_with(key, count.loading(load)).await;
        count.ended();
        value
    }

    /// As [`get_with`](Self::get_with), with a key that is cloned only where it is put in.
    pub async fn get_with_by_ref<Q>(&self, key: &Q, load: impl Future<Output = V>) -> V
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized + Sync,
    {
        let count = Look::new(&self.native.counts);
        let value = self.native.cache.get_with_by_ref(key, count.loading(load)).await;
        count.ended();
        value
    }

    /// As [`get_with`](Self::get_with); where `load` finds nothing, nothing is put in.
    pub async fn optionally_get_with(&self, key: K, load: impl Future<Output = Option<V>>) -> Option<V> {
        let count = Look::new(&self.native.counts);
        let value = self.native.cache.optionally_get_with(key, count.loading(load)).await;
        count.ended();
        value
    }

    /// As [`optionally_get_with`](Self::optionally_get_with), with a key that is cloned only where it is put in.
    pub async fn optionally_get_with_by_ref<Q>(&self, key: &Q, load: impl Future<Output = Option<V>>) -> Option<V>
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized + Sync,
    {
        let count = Look::new(&self.native.counts);
        let value = self.native.cache.optionally_get_with_by_ref(key, count.loading(load)).await;
        count.ended();
        value
    }

    /// As [`get_with`](Self::get_with), where `load` can fail: nothing is put in then.
    ///
    /// # Errors
    ///
    /// That of `load`, shared by those who waited for it. The next one who comes loads again.
    pub async fn try_get_with<E>(&self, key: K, load: impl Future<Output = Result<V, E>>) -> Result<V, Arc<E>>
    where
        E: Send + Sync + 'static,
    {
        let count = Look::new(&self.native.counts);
        let value = self.native.cache.try_get_with(key, count.loading(load)).await;
        count.ended();
        value
    }

    /// As [`try_get_with`](Self::try_get_with), with a key that is cloned only where it is put in.
    ///
    /// # Errors
    ///
    /// That of `load`, shared by those who waited for it. The next one who comes loads again.
    pub async fn try_get_with_by_ref<Q, E>(
        &self,
        key: &Q,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<V, Arc<E>>
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized + Sync,
        E: Send + Sync + 'static,
    {
        let count = Look::new(&self.native.counts);
        let value = self.native.cache.try_get_with_by_ref(key, count.loading(load)).await;
        count.ended();
        value
    }
}

/// One look into a space: a miss where it begins to load, else a hit.
struct Look<'a> {
    counts: &'a Counts,
    loads: AtomicBool,
}

impl<'a> Look<'a> {
    fn new(counts: &'a Counts) -> Self {
        Self { counts, loads: AtomicBool::new(false) }
    }

    /// Counted as it begins, so that a load that is cancelled is counted too.
    async fn loading<T>(&self, load: impl Future<Output = T>) -> T {
        self.loads.store(true, Ordering::Relaxed);
        self.counts.miss();
        load.await
    }

    fn ended(self) {
        if !self.loads.into_inner() {
            self.counts.hit();
        }
    }
}

impl<K: Key, V: Value, W: Weigh<K, V>> Requirement for Space<K, V, W> {
    fn describe(field: Field, to: &mut Requirements) {
        Cache::describe(field, to);
    }

    fn resolve(field: &Field, from: &Fields<'_>) -> Result<Self> {
        Cache::resolve(field, from)?.build(field.name, |moka| moka)
    }
}

impl<K, V, W> Deref for Space<K, V, W> {
    type Target = moka::future::Cache<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.native.cache
    }
}

// Not derived: neither keys nor weighers need be cloned.
impl<K, V, W> Clone for Space<K, V, W> {
    fn clone(&self) -> Self {
        Self { native: self.native.clone(), spaces: self.spaces.clone() }
    }
}

impl<K, V, W> fmt::Debug for Space<K, V, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the entries: they are data.
        let mut shown = f.debug_struct("Space");
        shown.field("instance", self.spaces.instance()).field("name", &self.native.cache.name());
        shown.field("entries", &self.native.cache.entry_count()).finish_non_exhaustive()
    }
}
