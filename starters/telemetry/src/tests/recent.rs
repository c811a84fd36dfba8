//! The last lines of a module, kept for those who look.

use std::collections::BTreeMap;
use std::time::Duration;

use bedplate::{Base, Change, Module, ModuleContext, ModuleSpec, Question, Result};
use serde_json::Value;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::{KEEP, Plain, base, captured, inside, name};
use crate::{RecentLines, Telemetry};

/// What the module itself has logged, without the core's lines about its life.
fn own(lines: &RecentLines) -> Vec<(u64, String)> {
    let is_own = |object: &Value| !object["target"].as_str().unwrap().starts_with("bedplate::");
    lines
        .lines
        .iter()
        .filter(|line| is_own(&line.object))
        .map(|line| (line.sequence, line.object["message"].as_str().unwrap().to_owned()))
        .collect()
}

fn recent(base: &Base, module: &str, after: u64) -> Option<RecentLines> {
    base.starter::<Telemetry>().unwrap().recent(&name(module), after)
}

#[tokio::test]
async fn lines_are_kept_per_module_and_counted() {
    let base = base(&["kept-a", "kept-b"], "").await;
    let before = recent(&base, "kept-a", 0).unwrap();
    let states: Vec<_> = before.lines.iter().map(|line| line.object["fields"]["state"].clone()).collect();
    assert!(states.ends_with(&["starting".into(), "active".into()]), "the base's lines about the module: {states:?}");
    inside(&base, "kept-a", async { tracing::info!(order = 7, "taken") }).await;
    inside(&base, "kept-b", async { tracing::info!("reserved") }).await;
    let a = recent(&base, "kept-a", 0).unwrap();
    assert_eq!(own(&a), [(before.last + 1, "taken".to_owned())]);
    assert_eq!((a.missed, a.last), (0, before.last + 1));
    let line = a.lines.last().unwrap();
    assert_eq!(line.object["fields"]["order"], 7);
    assert!(line.text.ends_with("taken order=7 module=kept-a scene=main"), "{}", line.text);
    assert_eq!(own(&recent(&base, "kept-b", 0).unwrap())[0].1, "reserved");
    assert_eq!(recent(&base, "kept-a", a.last).unwrap().lines, []);
    assert_eq!(recent(&base, "nobody", 0), None);
}

#[tokio::test]
async fn the_oldest_lines_go_and_are_missed() {
    let base = base(&["ringed"], "").await;
    let before = recent(&base, "ringed", 0).unwrap().last;
    for number in 0..20 {
        inside(&base, "ringed", async { tracing::info!("line {number}") }).await;
    }
    let lines = recent(&base, "ringed", 0).unwrap();
    assert_eq!(lines.lines.len(), KEEP.lines);
    assert_eq!((lines.missed, lines.last), (before + 12, before + 20));
    assert_eq!(own(&lines).first().unwrap(), &(before + 13, "line 12".to_owned()));
    let later = recent(&base, "ringed", before + 18).unwrap();
    assert_eq!(later.missed, 0);
    assert_eq!(own(&later), [(before + 19, "line 18".to_owned()), (before + 20, "line 19".to_owned())]);
    // From before a restart.
    assert_eq!(recent(&base, "ringed", before + 21).unwrap(), lines);
}

#[tokio::test]
async fn large_lines_do_not_take_more_than_they_may() {
    let base = base(&["large"], "").await;
    let long = "x".repeat(KEEP.bytes / 3);
    for _ in 0..KEEP.lines {
        inside(&base, "large", async { tracing::info!("{long}") }).await;
    }
    let lines = recent(&base, "large", 0).unwrap();
    assert_eq!(lines.lines.len(), 2, "three would be above the limit");
    let beyond = "x".repeat(KEEP.bytes);
    inside(&base, "large", async { tracing::info!("{beyond}") }).await;
    let none = recent(&base, "large", lines.last).unwrap();
    assert_eq!((none.lines.len(), none.missed), (0, 1), "what is larger than all is told as missed");
    inside(&base, "large", async { tracing::info!(beyond, "a field counts too") }).await;
    assert_eq!(recent(&base, "large", none.last).unwrap().missed, 1);
}

#[tokio::test]
async fn whoever_follows_hears_of_the_next_line() {
    let base = base(&["followed"], "").await;
    let telemetry = base.starter::<Telemetry>().unwrap();
    let last = recent(&base, "followed", 0).unwrap().last;
    let following = tokio::spawn({
        let telemetry = telemetry.clone();
        async move { telemetry.follow(&name("followed"), last).await }
    });
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(!following.is_finished(), "there is nothing new yet");
    inside(&base, "followed", async { tracing::info!("news") }).await;
    let heard = timeout(Duration::from_secs(10), following).await.unwrap().unwrap().unwrap();
    assert_eq!(own(&heard), [(last + 1, "news".to_owned())]);
    // What is there already is told at once.
    assert_eq!(telemetry.follow(&name("followed"), last).await, Some(heard));
}

#[tokio::test]
async fn lines_live_over_generations_and_end_with_the_module() {
    let base = base(&["lasting"], "").await;
    inside(&base, "lasting", async { tracing::info!("first") }).await;
    let next = ModuleSpec::plain("lasting", |_| Ok(Plain)).unwrap();
    base.deploy(Change::new().put(next)).await.unwrap();
    base.settled().await;
    inside(&base, "lasting", async { tracing::info!("second") }).await;
    let last = recent(&base, "lasting", 0).unwrap().last;
    let after: Vec<_> = own(&recent(&base, "lasting", 0).unwrap()).into_iter().map(|(_, text)| text).collect();
    assert_eq!(after.last().unwrap(), "second");
    let telemetry = base.starter::<Telemetry>().unwrap();
    let mut heard = last;
    base.deploy(Change::new().remove(name("lasting"))).await.unwrap();
    // It says how the module ends, and then that it is gone.
    while let Some(lines) = timeout(Duration::from_secs(10), telemetry.follow(&name("lasting"), heard)).await.unwrap() {
        heard = lines.last;
    }
    base.settled().await;
    assert_eq!(recent(&base, "lasting", 0), None);
}

#[tokio::test]
async fn a_module_that_does_not_start_leaves_its_lines() {
    struct Fails;
    impl Module for Fails {
        async fn start(&self, _: &ModuleContext) -> Result<()> {
            tracing::warn!("the tank is empty");
            anyhow::bail!("no fuel")
        }
    }
    let base = base(&["beside-failure"], "").await;
    let fails = ModuleSpec::plain("fails-to-start", |_| Ok(Fails)).unwrap();
    base.deploy(Change::new().put(fails)).await.unwrap_err();
    let lines = recent(&base, "fails-to-start", 0).unwrap();
    assert_eq!(own(&lines)[0].1, "the tank is empty");
}

#[tokio::test]
async fn bases_of_one_process_see_their_own_modules() {
    let one = base(&["seen-by-one"], "").await;
    let two = base(&["seen-by-two"], "").await;
    assert!(recent(&one, "seen-by-one", 0).is_some());
    assert_eq!(recent(&two, "seen-by-one", 0), None);
    let telemetry = one.starter::<Telemetry>().unwrap();
    one.shutdown().await.unwrap();
    assert_eq!(telemetry.recent(&name("seen-by-one"), 0), None, "the base's lines end with it");
    assert!(recent(&two, "seen-by-two", 0).is_some());
}

#[tokio::test]
async fn a_line_that_names_a_stranger_keeps_nothing() {
    let _base = base(&["known"], "").await;
    tracing::info!(module = "stranger", "made up");
    assert!(captured().lines().iter().any(|line| line["module"] == "stranger"));
    let logger = _base.starter::<Telemetry>().unwrap().logger().clone();
    assert!(!format!("{:?}", logger.recent()).contains("stranger"));
}

#[tokio::test]
async fn the_base_answers_whoever_asks_for_logs() {
    let base = base(&["asked-for"], "").await;
    inside(&base, "asked-for", async { tracing::info!("spoken") }).await;
    let ask = async |parameters: &[(&str, &str)]| {
        let parameters: BTreeMap<_, _> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let question = Question { name: "logs", parameters: &parameters };
        base.answer(&question).await.unwrap().map_err(|error| error.to_string())
    };
    let all = ask(&[("module", "asked-for")]).await.unwrap();
    assert_eq!(all, serde_json::to_value(recent(&base, "asked-for", 0)).unwrap());
    let last = all["last"].as_u64().unwrap();
    let line = ask(&[("module", "asked-for"), ("after", &(last - 1).to_string()), ("follow", "true")]).await.unwrap();
    assert_eq!(line["lines"][0]["object"]["message"], "spoken");
    assert_eq!(ask(&[("module", "nobody")]).await, Err("the base has no module `nobody`".to_owned()));
    assert_eq!(ask(&[]).await, Err("`logs` wants a `module`".to_owned()));
    let garbled = ask(&[("module", "asked-for"), ("after", "x")]).await;
    assert_eq!(garbled, Err("`after` is the number of a line, and not `x`".to_owned()));
    let other = Question { name: "weather", parameters: &BTreeMap::new() };
    assert!(base.answer(&other).await.is_none());
}
