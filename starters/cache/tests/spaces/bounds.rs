//! A space keeps to its bound and its times: those of the settings, whatever the code says.

use std::time::{Duration, Instant};

use bedplate::testing::run;
use bedplate_starter_cache::{Entries, Space, Weigh};

use crate::pages::{Handed, Out, builder};

/// Weighs what the value says.
struct ByValue;

impl Weigh<u64, usize> for ByValue {
    fn weigh(_: &u64, value: &usize) -> usize {
        *value
    }
}

/// Runs a test on what a module with these settings has.
fn with(settings: &str, test: impl AsyncFnOnce(Handed)) {
    let out = Out::new();
    run(builder().settings(settings).with(out.module("pages")), |base| async move {
        base.running().await.unwrap();
        test(out.next().await).await;
    });
}

/// How many entries are left of a thousand.
async fn left_of_1000<W: Weigh<u64, usize>>(space: &Space<u64, usize, W>, weight: usize) -> u64 {
    for key in 0..1_000 {
        space.insert(key, weight).await;
    }
    space.run_pending_tasks().await;
    space.entry_count()
}

#[test]
fn a_space_holds_as_many_entries_as_its_module_may() {
    with("[starters.cache]\nentries = 700\n[modules.pages.cache]\nentries = 100", async |handed| {
        let space = handed.cache.space::<u64, usize>("numbers").unwrap();
        assert_eq!(left_of_1000(&space, 1_000_000).await, 100);
        let other = handed.cache.space::<u64, usize>("other").unwrap();
        assert_eq!(left_of_1000(&other, 1).await, 100, "each space has the whole bound");
        assert_eq!(space.entry_count(), 100);
    });
    with("[starters.cache]\nentries = 700\n[modules.pages.cache]\nbytes = \"1kB\"", async |handed| {
        let space = handed.cache.space::<u64, usize>("numbers").unwrap();
        assert_eq!(left_of_1000(&space, 1).await, 700);
    });
}

#[test]
fn a_space_that_weighs_holds_as_many_bytes_as_its_module_may() {
    with("[modules.pages.cache]\nbytes = \"10kB\"\nentries = 1", async |handed| {
        let space = handed.cache.build::<_, _, ByValue>("numbers", |moka| moka).unwrap();
        assert_eq!(left_of_1000(&space, 100).await, 100);
        assert_eq!(space.weighted_size(), 10_000);
        space.invalidate_all();
        space.insert(1, 10_001).await;
        space.run_pending_tasks().await;
        assert_eq!(space.get(&1).await, None, "what is heavier than the bound is not kept");
    });
}

#[test]
fn code_cannot_raise_its_own_bound() {
    with("[modules.pages.cache]\nentries = 100", async |handed| {
        let greedy =
            handed.cache.build::<_, _, Entries>("greedy", |moka| moka.max_capacity(1_000_000).weigher(|_, _| 0));
        assert_eq!(left_of_1000(&greedy.unwrap(), 1).await, 100);
    });
}

#[test]
fn times_are_those_of_the_module_then_of_its_code_then_of_the_starter() {
    let second = Duration::from_secs(1);
    let times = |handed: &Handed| {
        let plain = handed.cache.space::<u8, u8>("plain").unwrap();
        let coded =
            |moka: bedplate_starter_cache::Builder<u8, u8>| moka.time_to_live(2 * second).time_to_idle(20 * second);
        let coded = handed.cache.build::<_, _, Entries>("coded", coded).unwrap();
        [plain, coded].map(|space| (space.policy().time_to_live(), space.policy().time_to_idle()))
    };
    with("", async |handed| {
        assert_eq!(times(&handed), [(None, None), (Some(2 * second), Some(20 * second))]);
    });
    with("[starters.cache]\ntime_to_live = \"1s\"\ntime_to_idle = \"10s\"", async |handed| {
        assert_eq!(times(&handed), [(Some(second), Some(10 * second)), (Some(2 * second), Some(20 * second))]);
    });
    let module =
        "[starters.cache]\ntime_to_live = \"1s\"\ntime_to_idle = \"10s\"\n[modules.pages.cache]\ntime_to_live = \"3s\"";
    with(module, async |handed| {
        assert_eq!(times(&handed), [(Some(3 * second), Some(10 * second)), (Some(3 * second), Some(20 * second))]);
    });
}

#[test]
fn an_entry_ends_with_its_time() {
    with("[modules.pages.cache]\ntime_to_live = \"1ms\"", async |handed| {
        let space = handed.cache.space::<u8, u8>("short").unwrap();
        space.insert(1, 1).await;
        // moka's clock is the machine's. Reading prolongs nothing, so this ends; the limit is for a test that fails.
        let since = Instant::now();
        while space.get(&1).await.is_some() {
            assert!(since.elapsed() < Duration::from_secs(60), "the entry is still there");
            tokio::task::yield_now().await;
        }
        space.run_pending_tasks().await;
        assert_eq!(space.entry_count(), 0);
    });
}
