//! The starter itself: hands out caches, shows their numbers, frees them.

use bedplate::{Composition, Content, Inspection, InstanceId, Provided, Result, Starter, StarterContext, starter};
use serde_json::Value;

use crate::bounds::Bounds;
use crate::cache::{Cache, Spaces};
use crate::given::Given;
use crate::settings::{CacheModuleSettings, CacheSettings};

/// The name of the starter, below which a module's settings for it stand.
const STARTER: &str = "cache";

/// Gives each module caches of its own in the memory of the base, with bounds.
///
/// A module gets one by a field of type [`Space`](crate::Space), or makes them with a field of type [`Cache`].
#[starter(name = "cache", provides(Cache), settings = CacheSettings, module_settings = CacheModuleSettings)]
pub struct CacheStarter {
    settings: CacheSettings,
    given: Given,
}

impl Starter for CacheStarter {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        Ok(Self { settings: ctx.settings()?, given: Given::default() })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        let staged = to.staged();
        if !staged.needs::<Cache>() {
            return Ok(());
        }
        let own: CacheModuleSettings = staged.module_settings(STARTER)?;
        let spaces = Spaces::new(staged.id().clone(), Bounds::of(&self.settings, &own));
        self.given.add(&spaces);
        to.insert(Cache::new(spaces));
        Ok(())
    }

    async fn prepare(&self, next: &Composition) -> Result<()> {
        self.given.coming_back(next);
        Ok(())
    }

    fn committed(&self, now: &Composition) {
        self.given.serving(now);
    }

    async fn release(&self, instance: &InstanceId) {
        for spaces in self.given.take(instance) {
            spaces.release().await;
        }
    }

    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        let caches: Vec<Value> = self.given.of(now).iter().flat_map(|spaces| spaces.inspect()).collect();
        vec![Inspection { name: "caches", content: Content::Json(caches.into()) }]
    }

    async fn stop(&self) -> Result<()> {
        for spaces in self.given.take_all() {
            spaces.release().await;
        }
        Ok(())
    }
}
