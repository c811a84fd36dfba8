//! A generation has entries of its own, and they go with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bedplate::testing::{TestBase, run};
use bedplate::{Change, Field, Module, ModuleSpec};
use bedplate_starter_cache::Cache;

use crate::pages::{Handed, Out, Page, Start, builder, found, name, shown};

const ENTRIES: u64 = 3_000;

/// Fills what a generation has.
async fn fill(handed: &Handed, alive: &Arc<AtomicUsize>) {
    for number in 0..ENTRIES {
        handed.pages.insert(number.to_string(), Page::new(number, alive)).await;
    }
    assert_eq!(alive.load(Ordering::SeqCst), 3_000);
}

/// Waits until no page is left. moka frees a value when no thread can be looking at it any more, which it finds out
/// as caches are used: any of them.
async fn none_left(alive: &AtomicUsize, other: &Handed) {
    let since = Instant::now();
    while alive.load(Ordering::SeqCst) > 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "{} pages are left", alive.load(Ordering::SeqCst));
        other.pages.run_pending_tasks().await;
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_new_generation_finds_nothing_and_the_old_one_frees_all() {
    let (out, alive) = (Out::new(), Arc::<AtomicUsize>::default());
    run(builder().with(out.module("pages")), |base| async move {
        base.running().await.unwrap();
        let old = out.next().await;
        fill(&old, &alive).await;
        base.swap_to(out.module("pages")).await.unwrap();
        let new = out.next().await;
        assert_eq!(found(&new.pages, "1").await, None);
        new.pages.insert("1".to_owned(), Page::new(7, &Arc::new(AtomicUsize::new(0)))).await;
        base.settled().await.unwrap();
        // Though the test still refers to it.
        assert_eq!(old.pages.entry_count(), 0);
        assert_eq!(found(&old.pages, "1").await, None);
        none_left(&alive, &new).await;
        assert_eq!(found(&new.pages, "1").await, Some(7), "the new one keeps its own");
        let error = old.cache.space::<u8, u8>("more").unwrap_err().to_string();
        assert!(error.contains("pages@main#1 is retired"), "{error}");
    });
}

#[test]
fn a_removed_module_frees_all() {
    let (out, others, alive) = (Out::new(), Out::new(), Arc::<AtomicUsize>::default());
    run(builder().with(out.module("pages")).with(others.module("other")), |base| async move {
        let running = base.running().await.unwrap();
        let other = others.next().await;
        fill(&out.next().await, &alive).await;
        running.deploy(Change::new().remove(name("pages"))).await.unwrap();
        base.settled().await.unwrap();
        none_left(&alive, &other).await;
        assert!(shown(&running, "pages").is_empty());
        assert_eq!(shown(&running, "other").len(), 1);
    });
}

#[test]
fn the_end_of_the_base_frees_all() {
    let (out, alive) = (Out::new(), Arc::<AtomicUsize>::default());
    let counted = alive.clone();
    let left = run(builder().with(out.module("pages")), |base| async move {
        base.running().await.unwrap();
        let handed = out.next().await;
        fill(&handed, &counted).await;
        handed
    });
    assert_eq!(left.pages.entry_count(), 0);
    drop(left);
    assert_eq!(Arc::strong_count(&alive), 1, "every page held the count");
}

/// Replaces the module, and keeps the one before warm for long.
async fn replace(base: &TestBase, module: ModuleSpec) {
    let change = Change::new().put(module).bake(Duration::from_secs(3600));
    base.running().await.unwrap().deploy(change).await.unwrap();
}

#[test]
fn a_rollback_finds_nothing_of_before() {
    let (out, alive) = (Out::new(), Arc::<AtomicUsize>::default());
    run(builder().with(out.module("pages")), |base| async move {
        let running = base.running().await.unwrap();
        let old = out.next().await;
        old.pages.insert("a".to_owned(), Page::new(1, &alive)).await;
        replace(&base, out.module("pages")).await;
        assert_eq!(running.warm().len(), 1);
        let shown_now = shown(&running, "pages");
        assert_eq!((shown_now.len(), &shown_now[0]["generation"]), (1, &2.into()), "what is warm does not serve");
        assert_eq!(found(&old.pages, "a").await, Some(1), "what is warm may still be at work");
        running.deploy(Change::new().revive(name("pages"))).await.unwrap();
        assert_eq!(found(&old.pages, "a").await, None, "the new one may have written another");
        assert_eq!(shown(&running, "pages")[0]["generation"], 1);
        old.pages.insert("a".to_owned(), Page::new(2, &alive)).await;
        base.swap_to(out.module("another")).await.unwrap();
        assert_eq!(found(&old.pages, "a").await, Some(2), "a deployment of others takes nothing away");
    });
}

#[test]
fn a_start_may_fill_the_cache_and_nothing_shows_before_the_swap() {
    let out = Out::new();
    run(builder().with(out.module("pages")), |base| async move {
        let running = base.running().await.unwrap();
        assert_eq!(shown(&running, "pages")[0]["entries"], 1, "what its start put in is there");
        out.next().await;
        base.swap_to(out.module_that("pages", Start::Fails)).await.unwrap_err();
        let failed = out.next().await;
        let shown_now = shown(&running, "pages");
        assert_eq!((shown_now.len(), &shown_now[0]["generation"]), (1, &1.into()));
        assert!(failed.cache.space::<u8, u8>("more").is_err(), "it is gone");
    });
}

struct Never;

impl Module for Never {}

#[test]
fn a_generation_that_cannot_be_made_leaves_nothing() {
    let out = Out::new();
    run(builder().with(out.module("pages")), |base| async move {
        let running = base.running().await.unwrap();
        let unmade = ModuleSpec::plain("pages", |_| Err::<Never, _>(bedplate::Error::msg("not today"))).unwrap();
        let unmade = unmade.requiring(|to| {
            to.field::<Cache>(Field::new("cache"));
        });
        base.swap_to(unmade).await.unwrap_err();
        assert_eq!(shown(&running, "pages").len(), 1);
        let handed = out.next().await;
        handed.pages.insert("a".to_owned(), Page::new(1, &Arc::<AtomicUsize>::default())).await;
        assert_eq!(found(&handed.pages, "a").await, Some(1));
    });
}
