//! A space of any type, as the starter sees it.

use std::any::{Any, type_name};
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};

use crate::bounds::Bounds;
use crate::cache::Builder;
use crate::counts::Counts;
use crate::space::{Key, Value};
use crate::weigh::{Weigh, weight};

/// How often moka is asked to go on with what is left of a space that was emptied, once nothing is left: values
/// are freed when no thread can be looking at them any more, which takes moka a few rounds to be sure of.
const LAST_ROUNDS: usize = 4;

/// What the starter does with a space whose type it does not know.
pub(crate) trait Kept: Any + Send + Sync {
    /// What it is, for people.
    fn type_name(&self) -> &'static str;
    /// From now on no entry is found that was put in before.
    fn forget(&self);
    /// The same, and frees the entries.
    fn clear(&self) -> BoxFuture<'_, ()>;
    /// Does what moka has put off: drops what expired, and what is too much.
    fn catch_up(&self) -> BoxFuture<'_, ()>;
    /// Its numbers, for people and tools.
    fn numbers(&self) -> Json;
}

/// One space: the native cache, and what is counted about it.
pub(crate) struct Native<K, V, W> {
    pub(crate) cache: moka::future::Cache<K, V>,
    pub(crate) counts: Arc<Counts>,
    evictions: Evictions,
    weigh: PhantomData<fn() -> W>,
}

/// Whether evictions are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evictions {
    Counted,
    /// The module has a listener of its own, and moka has room for one.
    Unknown,
}

impl<K: Key, V: Value, W: Weigh<K, V>> Native<K, V, W> {
    /// Makes it within the bounds; `tune` is what the module's code says about it.
    pub(crate) fn build(name: &str, bounds: &Bounds, tune: impl FnOnce(Builder<K, V>) -> Builder<K, V>) -> Self {
        let counts = Arc::<Counts>::default();
        let counted = counts.clone();
        let builder = moka::future::Cache::builder().eviction_listener(move |_, _, cause| counted.removed(cause));
        let builder = tune(bounds.before_code(builder)).name(name).weigher(weight::<K, V, W>);
        let cache = bounds.after_code(builder, W::MEASURE).build();
        // The listener above has one, where it is still there.
        let evictions = if Arc::strong_count(&counts) > 1 { Evictions::Counted } else { Evictions::Unknown };
        Self { cache, counts, evictions, weigh: PhantomData }
    }
}

impl<K: Key, V: Value, W: Weigh<K, V>> Kept for Native<K, V, W> {
    fn type_name(&self) -> &'static str {
        type_name::<crate::Space<K, V, W>>()
    }

    fn forget(&self) {
        self.cache.invalidate_all();
    }

    fn clear(&self) -> BoxFuture<'_, ()> {
        async {
            loop {
                let before = self.cache.entry_count();
                self.cache.invalidate_all();
                self.cache.run_pending_tasks().await;
                // Where the module's own work still puts entries in, this is no race to be won.
                if self.cache.entry_count() == 0 || (before != 0 && self.cache.entry_count() >= before) {
                    break;
                }
                tokio::task::yield_now().await;
            }
            for _ in 0..LAST_ROUNDS {
                self.cache.run_pending_tasks().await;
            }
        }
        .boxed()
    }

    fn catch_up(&self) -> BoxFuture<'_, ()> {
        self.cache.run_pending_tasks().boxed()
    }

    fn numbers(&self) -> Json {
        let policy = self.cache.policy();
        let shown = |time| Json::String(humantime::format_duration(time).to_string());
        let counted = |count| (self.evictions == Evictions::Counted).then_some(count);
        json!({
            "counts": W::MEASURE.name(),
            "most": policy.max_capacity(),
            "time_to_live": policy.time_to_live().map(shown),
            "time_to_idle": policy.time_to_idle().map(shown),
            "entries": self.cache.entry_count(),
            "weight": self.cache.weighted_size(),
            "hits": self.counts.hits(),
            "misses": self.counts.misses(),
            "evicted": counted(self.counts.evicted()),
            "expired": counted(self.counts.expired()),
        })
    }
}
