//! What the admin interface shows of a space.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bedplate::testing::run;
use bedplate_starter_cache::Entries;
use serde_json::json;

use crate::pages::{Out, builder, shown};

#[test]
fn a_space_shows_its_bounds_and_what_happened_in_it() {
    let out = Out::new();
    let settings = "[modules.pages.cache]\nentries = 10\ntime_to_live = \"1h\"";
    run(builder().settings(settings).with(out.module("pages")), |base| async move {
        let running = base.running().await.unwrap();
        let cache = out.next().await.cache;
        let space = cache.space::<u64, u64>("numbers").unwrap();
        for key in 0..10 {
            assert_eq!(space.get_with(key, async { key }).await, key);
        }
        assert_eq!((space.get(&3).await, space.get(&99).await), (Some(3), None));
        assert_eq!(space.get_with(4, async { 0 }).await, 4);
        let expected = json!({
            "module": "pages", "scene": "main", "generation": 1, "space": "numbers",
            "counts": "entries", "most": 10, "time_to_live": "1h", "time_to_idle": null,
            "entries": 10, "weight": 10, "hits": 2, "misses": 11, "evicted": 0, "expired": 0,
        });
        assert_eq!(shown(&running, "pages")[0], expected);
        for key in 100..105 {
            space.insert(key, key).await;
        }
        space.invalidate(&0).await;
        let numbers = shown(&running, "pages").remove(0);
        let (entries, evicted) = (numbers["entries"].as_u64().unwrap(), numbers["evicted"].as_u64().unwrap());
        // The one that was taken out is no eviction, wherever it stood.
        assert!(entries <= 10 && evicted >= 5 && entries + evicted <= 15, "{numbers}");
    });
}

#[test]
fn a_listener_of_the_modules_own_is_heard_and_said() {
    let out = Out::new();
    run(builder().settings("[modules.pages.cache]\nentries = 10").with(out.module("pages")), |base| async move {
        let running = base.running().await.unwrap();
        let cache = out.next().await.cache;
        let heard = Arc::<AtomicUsize>::default();
        let hears = heard.clone();
        let listening = cache.build::<u64, u64, Entries>("listening", move |moka| {
            moka.eviction_listener(move |_, _, _| {
                hears.fetch_add(1, Ordering::SeqCst);
            })
        });
        let listening = listening.unwrap();
        for key in 0..20 {
            listening.insert(key, key).await;
        }
        let numbers = shown(&running, "pages").remove(0);
        assert_eq!(heard.load(Ordering::SeqCst), 10);
        assert_eq!(
            (&numbers["entries"], &numbers["evicted"], &numbers["expired"]),
            (&10.into(), &json!(null), &json!(null))
        );
    });
}
