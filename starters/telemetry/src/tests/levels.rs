//! The level of a module: from the settings, and at run time.

use std::sync::Arc;

use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::{Base, Change, Content, ModuleSpec};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use super::{Captured, Plain, base, captured, inside, name};
use crate::layer::LogLayer;
use crate::{Format, Level, Telemetry};

fn telemetry(base: &Base) -> Arc<Telemetry> {
    base.starter::<Telemetry>().unwrap()
}

async fn log_in(base: &Base, module: &str) {
    inside(base, module, async {
        tracing::debug!("in detail");
        tracing::debug!(target: "sqlx::query", "a query");
        tracing::info!("in short");
    })
    .await;
}

#[tokio::test]
async fn the_settings_give_a_module_its_level() {
    let settings = "[modules.loud.telemetry]\nlevel = 'debug'\n[modules.still.telemetry]\nlevel = 'off'";
    let base = base(&["loud", "usual", "still"], settings).await;
    for module in ["loud", "usual", "still"] {
        log_in(&base, module).await;
    }
    assert_eq!(captured().messages_of("loud"), ["in detail", "a query", "in short"]);
    assert_eq!(captured().messages_of("usual"), ["in short"]);
    assert!(captured().messages_of("still").is_empty());
}

#[tokio::test]
async fn a_level_changes_at_run_time_and_goes_back() {
    let base = base(&["changing", "beside"], "").await;
    let telemetry = telemetry(&base);
    log_in(&base, "changing").await;
    telemetry.set_level(&name("changing"), Some(Level::Debug));
    log_in(&base, "changing").await;
    log_in(&base, "beside").await;
    tracing::debug!(marker = "beside-all-modules", "not at this level");
    telemetry.set_level(&name("changing"), Some(Level::Error));
    log_in(&base, "changing").await;
    assert_eq!(telemetry.level(&name("changing")), Some(Level::Error));
    telemetry.set_level(&name("changing"), None);
    log_in(&base, "changing").await;
    assert_eq!(captured().messages_of("changing"), ["in short", "in detail", "a query", "in short", "in short"]);
    assert_eq!(captured().messages_of("beside"), ["in short"]);
    assert!(captured().lines().iter().all(|line| line["fields"]["marker"] != "beside-all-modules"));
}

#[tokio::test]
async fn a_level_holds_in_the_next_generation() {
    let base = base(&["swapped"], "[modules.swapped.telemetry]\nlevel = 'debug'").await;
    let next = ModuleSpec::plain("swapped", |_| Ok(Plain)).unwrap();
    base.deploy(Change::new().put(next)).await.unwrap();
    base.settled().await;
    inside(&base, "swapped", async { tracing::debug!("again") }).await;
    let lines = captured().of_module("swapped");
    assert_eq!((&lines[0]["message"], &lines[0]["generation"]), (&"again".into(), &2.into()));
}

#[tokio::test]
async fn two_bases_share_the_logger_and_keep_their_levels() {
    let one = base(&["first-of-two"], "").await;
    let two = base(&["second-of-two"], "[modules.second-of-two.telemetry]\nlevel = 'debug'").await;
    let (first, second) = (telemetry(&one), telemetry(&two));
    assert!(Arc::ptr_eq(first.logger(), second.logger()));
    first.set_level(&name("first-of-two"), Some(Level::Debug));
    one.shutdown().await.unwrap();
    assert_eq!(first.level(&name("first-of-two")), None, "the base's levels end with it");
    log_in(&two, "second-of-two").await;
    assert_eq!(captured().messages_of("second-of-two"), ["in detail", "a query", "in short"]);
}

#[tokio::test]
async fn the_levels_can_be_inspected() {
    let base = base(&["inspected"], "[modules.inspected.telemetry]\nlevel = 'warn'").await;
    telemetry(&base).set_level(&name("inspected"), Some(Level::Trace));
    let shown = base.inspect().into_iter().find(|inspection| inspection.name == "telemetry").unwrap();
    let Content::Json(json) = shown.content else { panic!("it is JSON") };
    assert_eq!(json["filter"], "info");
    assert_eq!(
        json["modules"],
        serde_json::json!([{ "module": "inspected", "scene": "main", "configured": "warn", "set": "trace" }])
    );
}

#[test]
fn the_filter_changes_at_run_time() {
    let captured = Captured::default();
    let logger = captured.logger(Format::Json, "warn,quiet_crate=off");
    tracing::subscriber::with_default(Registry::default().with(LogLayer::new(logger.clone())), || {
        let say = || {
            tracing::info!("info");
            tracing::warn!(target: "quiet_crate::inner", "quiet");
            tracing::warn!("warn");
        };
        say();
        assert!(logger.set_filter("info").is_ok());
        say();
        let refused = logger.set_filter("loud=very").unwrap_err();
        assert!(refused.to_string().starts_with("`loud=very` is no filter"), "{refused}");
        assert_eq!(logger.filter(), "info");
    });
    let messages: Vec<_> = captured.lines().iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["warn", "info", "quiet", "warn"]);
}

#[test]
fn what_cannot_be_read_is_reported_by_check() {
    let text = "[starters.telemetry]\nfilter = 'loud=very'\nformat = 'xml'\n[modules.a.telemetry]\nlevel = 'all'";
    let tree = Sources::new().text("bedplate.toml", text).load().unwrap();
    let assembly = Assembly::new(tree, std::env::temp_dir()).starter::<Telemetry>();
    let error = assembly.module(ModuleSpec::plain("a", |_| Ok(Plain)).unwrap()).check().err().unwrap();
    let report = error.to_string();
    for expected in ["starters.telemetry.format", "bedplate.toml:3", "modules.a.telemetry.level", "bedplate.toml:5"] {
        assert!(report.contains(expected), "{expected} is missing in:\n{report}");
    }
    let tree = Sources::new().text("bedplate.toml", "[starters.telemetry]\nfilter = 'loud=very'").load().unwrap();
    let error = Assembly::new(tree, std::env::temp_dir()).starter::<Telemetry>().check().err().unwrap();
    assert!(error.to_string().contains("starters.telemetry"), "{error}");
}
