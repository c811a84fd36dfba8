//! The starter behaves as bases and modules rely on.

use bedplate::testing::conformance::{Given, Look, Subject};
use bedplate::{Field, InstanceId, Module, ModuleSpec, Result};
use bedplate_starter_cache::{Cache, CacheStarter, Space};

/// Keeps one thing in a space of its own.
struct Keeps {
    id: InstanceId,
    cache: Cache,
    kept: Space<String, String>,
}

impl Module for Keeps {}

struct CacheIsTried;

impl Subject for CacheIsTried {
    type Starter = CacheStarter;

    fn module(name: &str) -> ModuleSpec {
        let make = |fields: &bedplate::Fields<'_>| {
            let (cache, kept) = (fields.take(Field::new("cache"))?, fields.take(Field::new("kept"))?);
            Ok(Keeps { id: fields.context().id().clone(), cache, kept })
        };
        ModuleSpec::plain(name, make).unwrap().requiring(|to| {
            to.field::<Cache>(Field::new("cache")).field::<Space<String, String>>(Field::new("kept"));
        })
    }

    async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
        let shown = at.shown("caches");
        let mut seen: Vec<_> = shown.iter().map(|space| format!("{}#{}", at.member(), space["generation"])).collect();
        if let Some(module) = at.object::<Keeps>() {
            // Of all who put something in under the key, the first one is found.
            seen.push(module.kept.get_with("key".to_owned(), async { module.id.to_string() }).await);
        }
        Ok(seen)
    }

    async fn given(to: &Look<'_>) -> Given {
        let Some(module) = to.object::<Keeps>() else { return Given::Freed };
        match module.cache.space::<u8, u8>("more") {
            Ok(_) => Given::Works,
            Err(_) => Given::Freed,
        }
    }

    fn refused_settings() -> Vec<String> {
        ["bytes = \"0B\"", "time_to_live = \"0s\"", "entries = -1"]
            .map(|line| format!("[starters.cache]\n{line}"))
            .into()
    }

    fn refused_module(name: &str) -> Option<ModuleSpec> {
        // One space, of two types.
        let make = |fields: &bedplate::Fields<'_>| {
            let cache: Cache = fields.take(Field::new("cache"))?;
            cache.space::<u8, u8>("one")?;
            cache.space::<u8, String>("one")?;
            anyhow::bail!("a space has two types")
        };
        let spec = ModuleSpec::plain::<Keeps>(name, make).unwrap();
        Some(spec.requiring(|to| {
            to.field::<Cache>(Field::new("cache"));
        }))
    }
}

bedplate::conformance!(CacheIsTried);
