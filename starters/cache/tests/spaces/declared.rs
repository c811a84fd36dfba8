//! A module declared with `#[module]`: its spaces are its fields.

use bedplate::testing::{TestBase, run};
use bedplate_starter_cache::CacheStarter;

use crate::Declared;
use crate::pages::{builder, shown};

#[test]
fn each_field_is_a_space_of_its_name() {
    run(builder().module::<Declared>(), |base| async move {
        let running = base.running().await.unwrap();
        let caches = shown(&running, "declared");
        let of = |key: &str| caches.iter().map(|cache| cache[key].clone()).collect::<Vec<_>>();
        assert_eq!(of("space"), ["texts", "titles"]);
        assert_eq!(of("counts"), ["bytes", "entries"]);
        assert_eq!(of("most"), [64 << 20, 10_000]);
        assert_eq!(of("weight"), ["all about one".len(), 1]);
        assert_eq!(base.swap::<Declared>().await.unwrap().came.len(), 1);
        assert!(shown(&running, "declared").iter().all(|cache| cache["generation"] == 2 && cache["entries"] == 1));
    });
}

#[test]
fn without_the_starter_the_field_is_named() {
    run(TestBase::builder().module::<Declared>(), |base| async move {
        let error = base.check().await.unwrap_err().to_string();
        assert!(error.contains("titles") && error.contains("Cache"), "{error}");
    });
    run(TestBase::builder().starter::<CacheStarter>().module::<Declared>(), |base| async move {
        base.check().await.unwrap();
    });
}
