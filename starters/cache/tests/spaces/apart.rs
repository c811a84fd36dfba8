//! Modules, scenes, spaces and bases do not see each other's entries.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bedplate::testing::run;
use bedplate::{Change, SceneName};

use crate::pages::{Out, Page, builder, found, shown};

#[test]
fn two_modules_have_two_values_for_one_key() {
    let (one, other) = (Out::new(), Out::new());
    run(builder().with(one.module("one")).with(other.module("other")), |base| async move {
        let running = base.running().await.unwrap();
        let (one, other) = (one.next().await, other.next().await);
        let alive = Arc::<AtomicUsize>::default();
        one.pages.insert("a".to_owned(), Page::new(1, &alive)).await;
        assert_eq!(found(&other.pages, "a").await, None);
        other.pages.insert("a".to_owned(), Page::new(2, &alive)).await;
        assert_eq!((found(&one.pages, "a").await, found(&other.pages, "a").await), (Some(1), Some(2)));
        other.pages.invalidate_all();
        assert_eq!((found(&one.pages, "a").await, found(&other.pages, "a").await), (Some(1), None));
        assert_eq!((shown(&running, "one").len(), shown(&running, "other").len()), (1, 1));
    });
}

#[test]
fn two_scenes_have_two_values_for_one_key() {
    let (out, alive) = (Out::new(), Arc::<AtomicUsize>::default());
    run(builder(), |base| async move {
        let running = base.running().await.unwrap();
        running.deploy(Change::new().put(out.module("pages"))).await.unwrap();
        let main = out.next().await;
        let retail = SceneName::new("retail").unwrap();
        running.deploy(Change::new().put_in(retail, out.module("pages"))).await.unwrap();
        let retail = out.next().await;
        main.pages.insert("a".to_owned(), Page::new(1, &alive)).await;
        assert_eq!((found(&main.pages, "a").await, found(&retail.pages, "a").await), (Some(1), None));
        retail.pages.insert("a".to_owned(), Page::new(2, &alive)).await;
        assert_eq!((found(&main.pages, "a").await, found(&retail.pages, "a").await), (Some(1), Some(2)));
        let scenes: Vec<_> = shown(&running, "pages").into_iter().map(|cache| cache["scene"].clone()).collect();
        assert_eq!(scenes, ["main", "retail"]);
    });
}

#[test]
fn spaces_of_one_module_are_told_apart_by_their_names() {
    let out = Out::new();
    run(builder().with(out.module("pages")), |base| async move {
        base.running().await.unwrap();
        let cache = out.next().await.cache;
        let (one, other) = (cache.space::<u8, u8>("one").unwrap(), cache.space::<u8, u8>("other").unwrap());
        one.insert(1, 1).await;
        assert_eq!((one.get(&1).await, other.get(&1).await), (Some(1), None));
        assert_eq!(cache.space::<u8, u8>("one").unwrap().get(&1).await, Some(1), "the same space again");
    });
}

#[test]
fn two_bases_in_one_process_are_apart() {
    let (out, inner) = (Out::new(), Out::new());
    run(builder().with(out.module("pages")), |first| async move {
        let first = first.running().await.unwrap();
        let one = out.next().await;
        let alive = Arc::<AtomicUsize>::default();
        one.pages.insert("a".to_owned(), Page::new(1, &alive)).await;
        let second = builder().with(inner.module("pages")).set("starters.cache.entries=7");
        let other = std::thread::spawn(move || {
            run(second, |second| async move {
                let running = second.running().await.unwrap();
                let other = inner.next().await;
                assert_eq!(found(&other.pages, "a").await, None);
                assert_eq!(shown(&running, "pages")[0]["most"], 7);
                other
            })
        });
        let other = other.join().unwrap();
        // The second base has ended, and took nothing of the first one with it.
        assert!(other.cache.space::<u8, u8>("more").is_err());
        assert_eq!(found(&one.pages, "a").await, Some(1));
        assert_eq!(shown(&first, "pages")[0]["most"], 10_000);
    });
}
