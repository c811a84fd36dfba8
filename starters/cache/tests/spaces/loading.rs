//! One loads, the others wait; where that one does not come to its end, another one loads.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bedplate::testing::run;
use bedplate_starter_cache::Space;
use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore};

use crate::pages::{Out, builder, shown};

/// A space for numbers, in a module of its own.
fn with(test: impl AsyncFnOnce(Space<u8, u64>)) {
    let out = Out::new();
    run(builder().with(out.module("pages")), |base| async move {
        base.running().await.unwrap();
        test(out.next().await.cache.space("numbers").unwrap()).await;
    });
}

#[test]
fn of_many_at_once_one_loads() {
    let out = Out::new();
    run(builder().with(out.module("pages")), |base| async move {
        let running = base.running().await.unwrap();
        let space: Space<u8, u64> = out.next().await.cache.space("numbers").unwrap();
        let (loads, gate) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(0)));
        let callers: Vec<_> = (0..50_u64)
            .map(|caller| {
                let (space, loads, gate) = (space.clone(), loads.clone(), gate.clone());
                tokio::spawn(async move {
                    let load = async {
                        loads.fetch_add(1, Ordering::SeqCst);
                        gate.acquire().await.unwrap().forget();
                        caller
                    };
                    space.get_with(1, load).await
                })
            })
            .collect();
        // One permit: a second load would never end.
        gate.add_permits(1);
        let mut values = Vec::new();
        for caller in callers {
            values.push(caller.await.unwrap());
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        let numbers = shown(&running, "pages").remove(0);
        assert_eq!(
            (&numbers["space"], &numbers["misses"], &numbers["hits"]),
            (&"numbers".into(), &1.into(), &49.into())
        );
    });
}

/// A load that says that it has begun, and never ends.
async fn hangs(begun: Arc<Notify>) -> u64 {
    begun.notify_one();
    std::future::pending().await
}

#[test]
fn a_load_that_is_cancelled_leaves_it_to_another() {
    with(async |space| {
        let begun = Arc::<Notify>::default();
        let first = tokio::spawn({
            let (space, begun) = (space.clone(), begun.clone());
            async move { space.get_with(1, hangs(begun)).await }
        });
        begun.notified().await;
        // Polled once, so that it waits for the first one.
        let mut second = Box::pin(space.get_with(1, async { 2 }));
        assert!(second.as_mut().now_or_never().is_none());
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert_eq!(second.await, 2);
        assert_eq!(space.get(&1).await, Some(2));
    });
}

#[test]
fn a_load_that_panics_leaves_it_to_another() {
    with(async |space| {
        let (begun, go_on) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let first = tokio::spawn({
            let (space, begun, go_on) = (space.clone(), begun.clone(), go_on.clone());
            async move {
                let load = async {
                    begun.notify_one();
                    go_on.notified().await;
                    panic!("nothing to read");
                };
                space.get_with(1, load).await
            }
        });
        begun.notified().await;
        let mut second = Box::pin(space.get_with(1, async { 2 }));
        assert!(second.as_mut().now_or_never().is_none());
        go_on.notify_one();
        assert!(first.await.unwrap_err().is_panic(), "the panic is that of the one who loaded");
        assert_eq!(second.await, 2);
        let alone = AssertUnwindSafe(space.get_with(3, async { panic!("nothing to read") }));
        assert!(alone.catch_unwind().await.is_err());
        assert_eq!(space.get_with(3, async { 3 }).await, 3);
    });
}

#[test]
fn what_fails_or_finds_nothing_is_not_kept() {
    with(async |space| {
        let error = space.try_get_with(1, async { Err::<u64, _>("no network".to_owned()) }).await.unwrap_err();
        assert_eq!(*error, "no network");
        assert_eq!(space.optionally_get_with(1, async { None }).await, None);
        assert_eq!(space.try_get_with_by_ref(&1, async { Ok::<_, String>(1) }).await, Ok(1));
        assert_eq!(space.optionally_get_with_by_ref(&1, async { None }).await, Some(1));
        assert_eq!(space.get_with_by_ref(&1, async { 2 }).await, 1);
    });
}
