//! The handle that a module's field gets, and the spaces behind it: one set for each instance.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bedplate::{Handle, InstanceId, Result};
use futures_util::FutureExt;
use serde_json::{Value as Json, json};

use crate::bounds::{Bounds, Section};
use crate::kept::{Kept, Native};
use crate::space::{Key, Space, Value};
use crate::weigh::{Entries, Weigh};

/// moka's own builder of a cache.
pub type Builder<K, V> = moka::future::CacheBuilder<K, V, moka::future::Cache<K, V>>;

/// Makes spaces for one instance of a module: for what a field of type [`Space`] cannot say.
///
/// A listener for what is removed, an expiry of each entry's own, another policy:
///
/// ```
/// use std::sync::OnceLock;
/// use std::time::Duration;
/// use bedplate::{Module, ModuleContext, Result};
/// use bedplate_starter_cache::{Cache, Entries, Space};
///
/// #[bedplate::module(name = "quotes")]
/// struct Quotes {
///     cache: Cache,
///     #[own]
///     prices: OnceLock<Space<String, u64>>,
/// }
///
/// impl Module for Quotes {
///     async fn start(&self, _: &ModuleContext) -> Result<()> {
///         let prices = self.cache.build::<_, _, Entries>("prices", |moka| moka.time_to_live(Duration::from_secs(5)))?;
///         self.prices.get_or_init(|| prices);
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Cache {
    spaces: Arc<Spaces>,
}

impl Cache {
    pub(crate) fn new(spaces: Arc<Spaces>) -> Self {
        Self { spaces }
    }

    /// The space of this name; makes it where it is not there yet. Its bound counts entries.
    ///
    /// # Errors
    ///
    /// Where the name is empty or that of a space of other types, where the module has as many spaces as its
    /// settings allow, and where the instance is retired.
    pub fn space<K: Key, V: Value>(&self, name: &str) -> Result<Space<K, V>> {
        self.build::<K, V, Entries>(name, |moka| moka)
    }

    /// The same, weighed by `W`, and made as `tune` says where it is not there yet.
    ///
    /// The times that `tune` sets are above those of `[starters.cache]`, and below those of
    /// `[modules.<module>.cache]`. The bound is that of the settings, the weigher is `W`, and the name is `name`,
    /// whatever `tune` sets. With a listener of its own for removals, the evictions of the space are not counted:
    /// moka has room for one.
    ///
    /// # Errors
    ///
    /// As [`space`](Self::space).
    ///
    /// # Panics
    ///
    /// Where `tune` sets a time of more than 1,000 years.
    pub fn build<K: Key, V: Value, W: Weigh<K, V>>(
        &self,
        name: &str,
        tune: impl FnOnce(Builder<K, V>) -> Builder<K, V>,
    ) -> Result<Space<K, V, W>> {
        let native = match self.spaces.find(name)? {
            Some(kept) => kept,
            // Not while the list is locked: `tune` is the module's code.
            None => self.spaces.keep(name, Arc::new(Native::<K, V, W>::build(name, &self.spaces.bounds, tune)))?,
        };
        Ok(Space::new(self.spaces.as_native(name, native)?, self.spaces.clone()))
    }
}

impl Handle for Cache {
    type Options = ();
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("instance", &self.spaces.instance).finish_non_exhaustive()
    }
}

/// The spaces of one instance. They live as long as something of the module refers to one of them.
pub(crate) struct Spaces {
    instance: InstanceId,
    bounds: Bounds,
    stock: Mutex<Stock>,
}

enum Stock {
    Open(BTreeMap<String, Arc<dyn Kept>>),
    /// The instance is retired.
    Closed,
}

impl Spaces {
    pub(crate) fn new(instance: InstanceId, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { instance, bounds, stock: Mutex::new(Stock::Open(BTreeMap::new())) })
    }

    pub(crate) fn instance(&self) -> &InstanceId {
        &self.instance
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<(String, Arc<dyn Kept>)> {
        match &*self.stock() {
            Stock::Open(spaces) => spaces.iter().map(|(name, kept)| (name.clone(), kept.clone())).collect(),
            Stock::Closed => Vec::new(),
        }
    }

    fn find(&self, name: &str) -> Result<Option<Arc<dyn Kept>>> {
        self.room_for(name, &mut self.stock()).map(|spaces| spaces.get(name).cloned())
    }

    /// Keeps a new space, where nobody made one of this name meanwhile.
    fn keep(&self, name: &str, made: Arc<dyn Kept>) -> Result<Arc<dyn Kept>> {
        let mut stock = self.stock();
        let kept = match self.room_for(name, &mut stock)?.entry(name.to_owned()) {
            Entry::Occupied(there) => there.get().clone(),
            Entry::Vacant(free) => free.insert(made).clone(),
        };
        Ok(kept)
    }

    /// The list, where a space of this name is there or may be made.
    fn room_for<'a>(&self, name: &str, stock: &'a mut Stock) -> Result<&'a mut BTreeMap<String, Arc<dyn Kept>>> {
        let (id, most) = (&self.instance, self.bounds.spaces);
        let Stock::Open(spaces) = stock else {
            anyhow::bail!("the space `{name}` cannot be had: {id} is retired, and its caches are gone with it")
        };
        if name.is_empty() {
            anyhow::bail!("a space of `{}` has no name: give it one, as in `cache.space(\"articles\")`", id.module);
        }
        if spaces.len() >= most && !spaces.contains_key(name) {
            let section = match self.bounds.spaces_section {
                Section::Module => format!("modules.{}.cache", id.module),
                Section::Starter => "starters.cache".to_owned(),
            };
            anyhow::bail!(
                "the space `{name}` of `{}` is one more than the {most} that the setting `{section}.spaces` allows: \
                 raise `modules.{}.cache.spaces`, or keep more than one kind of thing in a space. A name that is put \
                 together from data belongs into the key",
                id.module,
                id.module,
            );
        }
        Ok(spaces)
    }

    /// The space by its types. It was made by this generation, so a type of the same id is the same type.
    fn as_native<K: Key, V: Value, W: Weigh<K, V>>(
        &self,
        name: &str,
        kept: Arc<dyn Kept>,
    ) -> Result<Arc<Native<K, V, W>>> {
        let there = kept.type_name();
        let any: Arc<dyn std::any::Any + Send + Sync> = kept;
        any.downcast().map_err(|_| {
            anyhow::anyhow!(
                "the space `{name}` of `{}` is a `{there}` already, and cannot be a `{}` too: give one of them another name",
                self.instance.module,
                std::any::type_name::<Space<K, V, W>>(),
            )
        })
    }

    /// From now on no entry is found that was put in before.
    pub(crate) fn forget(&self) {
        self.all().iter().for_each(|(_, kept)| kept.forget());
    }

    /// Frees all entries, and makes no space any more. What still refers to one finds it empty.
    pub(crate) async fn release(&self) {
        let spaces = match std::mem::replace(&mut *self.stock(), Stock::Closed) {
            Stock::Open(spaces) => spaces,
            Stock::Closed => return,
        };
        for (name, kept) in spaces {
            // A value's own `drop` runs in here.
            if AssertUnwindSafe(kept.clear()).catch_unwind().await.is_err() {
                let InstanceId { module, scene, generation } = &self.instance;
                tracing::error!(
                    %module, %scene, generation,
                    "a value in the space `{name}` of {} panicked when it was dropped", self.instance
                );
            }
        }
    }

    /// The numbers of each space.
    pub(crate) fn inspect(&self) -> Vec<Json> {
        self.all().into_iter().map(|(name, kept)| self.numbers(&name, &*kept)).collect()
    }

    fn numbers(&self, name: &str, kept: &dyn Kept) -> Json {
        // So that what expired in a space that nobody uses is neither counted nor kept. Where another maintains it just
        // now, or where a value panics in its `drop`, the numbers are those from before.
        let _ = catch_unwind(AssertUnwindSafe(|| kept.catch_up().now_or_never()));
        let mut shown = json!({
            "module": self.instance.module,
            "scene": self.instance.scene,
            "generation": self.instance.generation,
            "space": name,
        });
        if let (Json::Object(shown), Json::Object(mut numbers)) = (&mut shown, kept.numbers()) {
            shown.append(&mut numbers);
        }
        shown
    }
}
