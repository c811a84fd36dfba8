//! The models: small enough for loom to go through all that can happen.

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use loom::thread;

use crate::cell::{Cell, Count, Guard, Home, Versioned, all_free};

/// What serves: a generation, and whether it was stopped.
struct Serving {
    generation: usize,
    stopped: AtomicBool,
}

fn serving(generation: usize) -> Arc<Versioned<Serving>> {
    Versioned::new(Serving { generation, stopped: AtomicBool::new(false) })
}

/// Explores a model. Three switches of thread between any two points find what there is to find in
/// programs of this size, and keep a model within seconds.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Uses what it pinned, as an entry does: it must not be stopped meanwhile.
fn work(pinned: &Guard<Serving>) {
    assert!(!pinned.stopped.load(SeqCst), "an entry is inside generation {}, which was stopped", pinned.generation);
    thread::yield_now();
    assert!(!pinned.stopped.load(SeqCst), "generation {} was stopped around its entry", pinned.generation);
}

/// Swaps, waits until the old one is free, and stops it.
fn swap_and_stop(cell: &Cell<Serving>, next: usize) {
    let old = cell.swap(serving(next));
    block_on(old.pins().none());
    old.value().stopped.store(true, SeqCst);
    assert_eq!(old.pins().now(), 0, "nobody comes to what was swapped out and drained");
}

#[test]
fn what_is_pinned_is_not_stopped() {
    explore(|| {
        let cell = Arc::new(Cell::new(serving(1)));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let cell = cell.clone();
                thread::spawn(move || {
                    let pinned = cell.pin();
                    work(&pinned);
                })
            })
            .collect();
        swap_and_stop(&cell, 2);
        assert_eq!(cell.pin().generation, 2);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn what_is_pinned_twice_over_is_not_stopped() {
    explore(|| {
        let cell = Arc::new(Cell::new(serving(1)));
        let reader = thread::spawn({
            let cell = cell.clone();
            move || {
                let pinned = cell.pin();
                let handed_on = pinned.clone();
                drop(pinned);
                work(&handed_on);
            }
        });
        swap_and_stop(&cell, 2);
        reader.join().unwrap();
    });
}

#[test]
fn two_swaps_and_a_reader() {
    explore(|| {
        let cell = Arc::new(Cell::new(serving(1)));
        let reader = thread::spawn({
            let cell = cell.clone();
            move || {
                let first = cell.pin();
                work(&first);
                let second = cell.pin();
                work(&second);
                assert!(second.generation >= first.generation, "time does not run backwards");
                work(&first);
            }
        });
        swap_and_stop(&cell, 2);
        swap_and_stop(&cell, 3);
        reader.join().unwrap();
    });
}

#[test]
fn work_of_an_old_generation_delays_its_end_or_finds_nothing() {
    explore(|| {
        let cell = Arc::new(Cell::new(serving(1)));
        let home = Arc::new(Home::none());
        let task = thread::spawn({
            let (cell, home) = (cell.clone(), home.clone());
            move || {
                if let Some(pinned) = home.pin(&cell, |serving| serving.generation == 1) {
                    assert_eq!(pinned.generation, 1);
                    work(&pinned);
                }
            }
        });
        // As a deployment and the retirement after it do.
        home.set(Some(cell.current()));
        let old = cell.swap(serving(2));
        block_on(old.pins().none());
        home.set(None);
        // Somebody may have come before the home was closed; nobody can afterwards.
        block_on(old.pins().none());
        old.value().stopped.store(true, SeqCst);
        task.join().unwrap();
    });
}

#[test]
fn work_of_an_old_generation_always_finds_it_until_its_home_is_closed() {
    explore(|| {
        let cell = Arc::new(Cell::new(serving(1)));
        let home = Arc::new(Home::none());
        let task = thread::spawn({
            let (cell, home) = (cell.clone(), home.clone());
            move || home.pin(&cell, |serving| serving.generation == 1).is_some()
        });
        home.set(Some(cell.current()));
        cell.swap(serving(2));
        assert!(task.join().unwrap());
    });
}

#[test]
fn work_of_a_generation_that_is_about_to_serve_always_finds_it() {
    explore(|| {
        let cell = Arc::new(Cell::new(serving(1)));
        let next = serving(2);
        let home = Arc::new(Home::none());
        home.set(Some(next.clone()));
        let task = thread::spawn({
            let (cell, home) = (cell.clone(), home.clone());
            move || home.pin(&cell, |serving| serving.generation == 2).is_some()
        });
        cell.swap(next);
        home.set(None);
        assert!(task.join().unwrap());
    });
}

#[test]
fn whoever_waits_is_woken_by_the_last_to_leave() {
    // A lost wake-up would be a deadlock, which loom reports.
    explore(|| {
        let count = Arc::new(Count::new());
        count.hold();
        count.hold();
        let leaving: Vec<_> = (0..2)
            .map(|_| {
                let count = count.clone();
                thread::spawn(move || count.release())
            })
            .collect();
        block_on(count.none());
        assert_eq!(count.now(), 0);
        leaving.into_iter().for_each(|leaving| leaving.join().unwrap());
    });
}

#[test]
fn two_who_wait_are_both_woken() {
    explore(|| {
        let count = Arc::new(Count::new());
        count.hold();
        let waiting = thread::spawn({
            let count = count.clone();
            move || block_on(count.none())
        });
        let leaving = thread::spawn({
            let count = count.clone();
            move || count.release()
        });
        block_on(count.none());
        leaving.join().unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn work_that_passes_from_count_to_count_is_seen() {
    explore(|| {
        // An entry hands its work to a task, and that one to a stream.
        let counts = Arc::new([Count::new(), Count::new(), Count::new()]);
        counts[2].hold();
        let ended = Arc::new(AtomicUsize::new(0));
        let working = thread::spawn({
            let (counts, ended) = (counts.clone(), ended.clone());
            move || {
                counts[0].hold();
                counts[2].release();
                counts[1].hold();
                counts[0].release();
                ended.store(1, SeqCst);
                counts[1].release();
            }
        });
        if all_free(counts.iter()) {
            assert_eq!(ended.load(SeqCst), 1, "the work was in one of the counts all the time");
        }
        working.join().unwrap();
        assert!(all_free(counts.iter()));
    });
}

#[test]
fn nothing_is_left_of_what_nobody_holds() {
    explore(|| {
        let cell = Arc::new(Cell::new(serving(1)));
        let reader = thread::spawn({
            let cell = cell.clone();
            move || drop(cell.pin())
        });
        let old = cell.swap(serving(2));
        block_on(old.pins().none());
        reader.join().unwrap();
        assert_eq!(Arc::strong_count(&old), 1);
        assert_eq!(cell.current().value().generation, 2);
    });
}
