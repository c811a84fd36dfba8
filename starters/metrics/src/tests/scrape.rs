//! The base's own series.

use std::time::Duration;

use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::{Base, CallError, Change, Entry, EntryKind, ModuleName, ModuleSpec};

use super::format::Scrape;
use super::{Plain, base, inside, request, scrape};
use crate::Metrics;

#[tokio::test]
async fn every_module_has_its_numbers() {
    let base = base(&["orders", "stock"], "").await;
    for _ in 0..3 {
        inside(&base, "orders", request(), async {}).await.unwrap();
    }
    inside(&base, "orders", Entry::new(EntryKind::Job, "sweep"), async {}).await.unwrap();
    let scrape = scrape(&base);
    let expected = [
        ("bedplate_module_requests_total{module=\"orders\",scene=\"main\"}", 3.0),
        ("bedplate_module_requests_total{module=\"stock\",scene=\"main\"}", 0.0),
        ("bedplate_module_jobs_total{module=\"orders\",scene=\"main\"}", 1.0),
        ("bedplate_module_in_flight{module=\"orders\",scene=\"main\"}", 0.0),
        ("bedplate_module_state{module=\"orders\",scene=\"main\",state=\"active\"}", 1.0),
        ("bedplate_module_state{module=\"orders\",scene=\"main\",state=\"failed\"}", 0.0),
        ("bedplate_module_generation{module=\"orders\",scene=\"main\"}", 1.0),
        ("bedplate_composition_number", 1.0),
        ("bedplate_base_phase{phase=\"serving\"}", 1.0),
        ("bedplate_base_phase{phase=\"draining\"}", 0.0),
        ("bedplate_entry_duration_seconds_count{kind=\"request\",module=\"orders\",scene=\"main\"}", 3.0),
        ("bedplate_entry_duration_seconds_count{kind=\"job\",module=\"orders\",scene=\"main\"}", 1.0),
    ];
    for (series, value) in expected {
        assert_eq!(scrape.get(series), Some(value), "{series}");
    }
    assert_eq!(scrape.kind("bedplate_module_requests_total"), Some("counter"));
    assert_eq!(scrape.kind("bedplate_module_in_flight"), Some("gauge"));
    assert_eq!(scrape.kind("bedplate_entry_duration_seconds"), Some("histogram"));
    assert!(scrape.series().all(|series| !series.contains("generation=")));
}

#[tokio::test]
async fn no_entry_has_to_carry_anything_for_the_durations() {
    let base = base(&["orders"], "").await;
    assert!(!base.pin().wants_carried(), "a request's head would be copied for nobody");
}

#[tokio::test]
async fn what_goes_wrong_is_counted_where_it_went_wrong() {
    let base = base(&["shaky", "solid"], "").await;
    let panicked = inside(&base, "shaky", request(), async { panic!("on purpose") }).await;
    assert!(matches!(panicked, Err(CallError::Panicked { .. })));
    let late = request().deadline(Duration::ZERO);
    let hung = inside(&base, "shaky", late, std::future::pending::<()>()).await;
    assert!(matches!(hung, Err(CallError::DeadlineExceeded { .. })));
    {
        let mut abandoned = Box::pin(inside(&base, "shaky", request(), std::future::pending::<()>()));
        assert!(futures_util::poll!(&mut abandoned).is_pending());
        let inside_now = scrape(&base);
        assert_eq!(inside_now.get("bedplate_module_in_flight{module=\"shaky\",scene=\"main\"}"), Some(1.0));
    }
    let scrape = scrape(&base);
    for (name, of_shaky) in
        [("requests", 3.0), ("panics", 1.0), ("deadlines", 1.0), ("abandoned", 1.0), ("refused", 0.0)]
    {
        let series = |module| format!("bedplate_module_{name}_total{{module=\"{module}\",scene=\"main\"}}");
        assert_eq!(scrape.get(&series("shaky")), Some(of_shaky), "{name}");
        assert_eq!(scrape.get(&series("solid")), Some(0.0), "{name}");
    }
    // All three were inside, and took time.
    let count = "bedplate_entry_duration_seconds_count{kind=\"request\",module=\"shaky\",scene=\"main\"}";
    assert_eq!(scrape.get(count), Some(3.0));
}

#[tokio::test]
async fn numbers_outlive_a_generation() {
    let base = base(&["swapped"], "").await;
    inside(&base, "swapped", request(), async {}).await.unwrap();
    base.deploy(Change::new().put(ModuleSpec::plain("swapped", |_| Ok(Plain)).unwrap())).await.unwrap();
    base.settled().await;
    inside(&base, "swapped", request(), async {}).await.unwrap();
    let scrape = scrape(&base);
    assert_eq!(scrape.get("bedplate_module_requests_total{module=\"swapped\",scene=\"main\"}"), Some(2.0));
    assert_eq!(scrape.get("bedplate_module_generation{module=\"swapped\",scene=\"main\"}"), Some(2.0));
    let count = "bedplate_entry_duration_seconds_count{kind=\"request\",module=\"swapped\",scene=\"main\"}";
    assert_eq!(scrape.get(count), Some(2.0));
}

/// Scrapes until a series has this value.
async fn reads(base: &Base, series: &str, value: f64) -> Scrape {
    let reading = async {
        loop {
            let scrape = scrape(base);
            if scrape.get(series) == Some(value) {
                return scrape;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap_or_else(|_| panic!("{series} is not {value}"))
}

#[tokio::test]
async fn deployments_have_their_numbers() {
    let base = base(&["deployed"], "").await;
    let plain = || ModuleSpec::plain("deployed", |_| Ok(Plain)).unwrap();
    base.deploy(Change::new().put(plain()).bake(Duration::from_secs(3600))).await.unwrap();
    let scrape = reads(&base, "bedplate_warm_instances", 1.0).await;
    for name in ["waiting", "held_total", "longest_hold_seconds"] {
        let series = format!("bedplate_module_{name}{{module=\"deployed\",scene=\"main\"}}");
        assert_eq!(scrape.get(&series), Some(0.0), "{series}");
    }
    assert_eq!(scrape.kind("bedplate_deployments_total"), Some("counter"));
    assert!(scrape.series().all(|series| !series.contains("generation=")));
    base.deploy(Change::new().put(plain())).await.unwrap();
    reads(&base, "bedplate_warm_instances", 0.0).await;
    base.settled().await;
    reads(&base, "bedplate_draining_instances", 0.0).await;
    reads(&base, "bedplate_deployments_waiting", 0.0).await;
}

#[tokio::test]
async fn the_numbers_of_a_module_end_with_it() {
    let base = base(&["leaves"], "").await;
    inside(&base, "leaves", request(), async {}).await.unwrap();
    base.deploy(Change::new().remove(ModuleName::new("leaves").unwrap())).await.unwrap();
    base.settled().await;
    assert!(scrape(&base).series().all(|series| !series.contains("leaves")));
    base.deploy(Change::new().put(ModuleSpec::plain("leaves", |_| Ok(Plain)).unwrap())).await.unwrap();
    inside(&base, "leaves", request(), async {}).await.unwrap();
    let count = "bedplate_entry_duration_seconds_count{kind=\"request\",module=\"leaves\",scene=\"main\"}";
    assert_eq!(scrape(&base).get(count), Some(1.0), "it begins anew");
}

#[tokio::test]
async fn two_bases_in_a_process_do_not_mix() {
    let one = base(&["same"], "").await;
    let two = base(&["same"], "").await;
    inside(&one, "same", request(), async {}).await.unwrap();
    let metrics = one.starter::<Metrics>().unwrap();
    one.shutdown().await.unwrap();
    let series = "bedplate_module_requests_total{module=\"same\",scene=\"main\"}";
    assert_eq!(scrape(&two).get(series), Some(0.0));
    inside(&two, "same", request(), async {}).await.unwrap();
    assert_eq!(scrape(&two).get(series), Some(1.0));
    let ended = Scrape::read(&metrics.render(&one.pin()));
    assert_eq!(ended.get("bedplate_base_phase{phase=\"stopped\"}"), Some(1.0));
}

#[tokio::test]
async fn the_buckets_come_from_the_settings() {
    let base = base(&["timed"], "[starters.metrics]\nbuckets = [0.5, 3600]").await;
    inside(&base, "timed", request(), async {}).await.unwrap();
    let scrape = scrape(&base);
    let buckets: Vec<_> =
        scrape.series().filter(|series| series.starts_with("bedplate_entry_duration_seconds_bucket")).collect();
    assert_eq!(buckets.len(), 3, "{buckets:?}");
    let longest =
        "bedplate_entry_duration_seconds_bucket{kind=\"request\",le=\"3600\",module=\"timed\",scene=\"main\"}";
    assert_eq!(scrape.get(longest), Some(1.0));
}

#[test]
fn buckets_that_are_none_are_reported_by_check() {
    for (buckets, reason) in [
        ("[]", "0 bounds"),
        ("[0.0, 1.0]", "longer than nothing"),
        ("[1.0, 0.5]", "1 before 0.5"),
        ("[1.0, inf]", "the bound inf"),
        ("'fast'", "starters.metrics.buckets"),
    ] {
        let text = format!("[starters.metrics]\nbuckets = {buckets}");
        let tree = Sources::new().text("bedplate.toml", text).load().unwrap();
        let error = Assembly::new(tree, std::env::temp_dir()).starter::<Metrics>().check().err().unwrap();
        assert!(error.to_string().contains(reason), "{buckets}: {error}");
    }
}
