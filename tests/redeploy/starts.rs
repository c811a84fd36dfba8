//! New code that does not come up: what is said, and that what serves serves on, under load.

use std::path::Path;

use crate::base::{Base, Place};
use crate::load::{Together, under_load};
use crate::refused::texts;
use crate::subjects::{says, source, subject};
use crate::workshop::{object, workshop};

/// Tries it under load. It is refused with this code and these words, and nothing has changed.
#[track_caller]
fn fails(base: &Base, object: &Path, code: &str, words: &[&str]) {
    let composition = base.composition();
    let ((), _) = under_load(base, Together::No, |load| {
        let refusal = base.try_install(&[object]).expect_err("it does not come up");
        assert!(refusal.has(code), "{code}: {refusal:?}");
        let text = refusal.to_string();
        for word in words {
            assert!(text.contains(word), "{word:?} in {text}");
        }
        load.goes_on(64);
    });
    assert_eq!(base.composition(), composition, "a deployment that fails changes nothing");
    assert_eq!(base.text("/subject"), "in order");
    assert_eq!(base.generation("subject"), 1);
    // It stands in the history, with what was wrong.
    let history = base.ask("history?limit=1");
    assert_eq!(history["deployments"][0]["outcome"], "failed", "{history}");
    assert!(history.to_string().contains(code), "{history}");
}

#[test]
fn source_that_does_not_compile() {
    let base = Place::new("no-compile").start();
    let before = texts(&base);
    let mut copy = workshop();
    copy.write(
        "modules/subject/src/lib.rs",
        &source("fn exports(self: &Arc<Self>, to: &mut Exports) { let wrong: u8 = \"text\"; }"),
    );
    let error = copy.build(&crate::workshop::folder().join("scratch")).expect_err("it does not compile");
    assert_eq!(error.code, "does-not-compile");
    assert!(
        error.what.contains("mismatched types") && error.what.contains("modules/subject/src/lib.rs"),
        "{}",
        error.what
    );
    assert_eq!(texts(&base), before);
    base.end();
}

#[test]
fn a_start_that_errs_panics_or_hangs() {
    let base = Place::new("bad-starts").start();
    let errs = subject(
        "errs",
        "async fn start(&self, _: &ModuleContext) -> Result<()> { Err(std::io::Error::other(\"no licence\").into()) }",
    );
    fails(&base, &errs, "start-failed", &["subject", "no licence"]);
    let panics =
        subject("panics", "async fn start(&self, _: &ModuleContext) -> Result<()> { panic!(\"out of luck\") }");
    // The panic's text stays in the log.
    fails(&base, &panics, "start-panicked", &["subject", "the log"]);
    assert!(base.process.log().contains("out of luck"));
    base.end();

    let base = Place::new("hanging-start").set("lifecycle.start_deadline=500ms").start();
    let hangs =
        subject("hangs", "async fn start(&self, _: &ModuleContext) -> Result<()> { std::future::pending().await }");
    fails(&base, &hangs, "start-deadline", &["subject", "500ms"]);
    base.end();
}

#[test]
fn a_start_that_fails_and_leaves_tasks_behind() {
    let base = Place::new("left-tasks").start();
    let leaves = subject(
        "leaves",
        "async fn start(&self, ctx: &ModuleContext) -> Result<()> {
             ctx.spawn(\"left\", std::future::pending::<()>());
             Err(std::io::Error::other(\"gave up\").into())
         }",
    );
    fails(&base, &leaves, "start-failed", &["gave up"]);
    let left = base.ask("inflight");
    assert!(!left.to_string().contains("left"), "its task runs on: {left}");
    base.end();
}

#[test]
fn readiness_that_is_never_reached() {
    let base = Place::new("never-ready").set("lifecycle.start_deadline=500ms").start();
    let never = subject(
        "never-ready",
        "async fn ready(&self) -> Result<()> { Err(std::io::Error::other(\"the cache is cold\").into()) }",
    );
    fails(&base, &never, "not-ready", &["subject", "the cache is cold"]);
    base.end();
}

#[test]
fn a_starter_that_refuses() {
    let place = Place::new("starter-refuses");
    let base = place.start();
    let jobs = subject(
        "no-interval",
        "fn exports(self: &Arc<Self>, to: &mut Exports) { to.every(\"often\", Duration::ZERO, self, Self::often); }
         }
         impl Subject { async fn often(&self) {}",
    );
    fails(&base, &jobs, "exports-failed", &["`often`", "1ms"]);
    std::fs::write(place.folder.join("refuse-prepare"), "not in this house").unwrap();
    fails(&base, &subject("well", &says("well")), "refused", &["checkpoint", "not in this house"]);
    std::fs::remove_file(place.folder.join("refuse-prepare")).unwrap();
    base.end();
}

#[test]
fn a_route_that_another_module_has() {
    let base = Place::new("route-conflict").start();
    let both = subject("route-conflict", &says("mine").replace("\"/subject\"", "\"/plain\""));
    fails(&base, &both, "route-conflict", &["subject", "plain", "/plain"]);
    base.end();
}

#[test]
fn a_module_that_others_require_cannot_be_taken_out() {
    use bedplate_admin_client::protocol::{Operation, Options};

    let base = Place::new("uninstall").start();
    let uninstall =
        |module: &str| base.carry_out(Operation::Uninstall { modules: vec![module.to_owned()] }, Options::default());
    let before = texts(&base);
    let refusal = uninstall("reporter").unwrap_err();
    assert!(refusal.has("missing-service"), "{refusal:?}");
    assert!(refusal.to_string().contains("caller"), "{refusal}");
    assert_eq!(texts(&base), before);
    uninstall("subject").unwrap();
    assert_eq!(base.get("/subject").status, 404);
    base.install(&[&subject("in-order", &says("again"))]);
    assert_eq!(base.text("/subject"), "again");
    base.end();
}

#[test]
fn what_failed_is_mended_by_the_next() {
    let base = Place::new("mended").start();
    let errs = subject(
        "errs-first",
        "async fn start(&self, _: &ModuleContext) -> Result<()> { Err(std::io::Error::other(\"not yet\").into()) }",
    );
    fails(&base, &errs, "start-failed", &["not yet"]);
    base.install(&[&subject("mended", &says("mended"))]);
    assert_eq!(base.text("/subject"), "mended");
    // One that fails takes all of its set along.
    let both = base.try_install(&[&errs, object("plain", "two")]).unwrap_err();
    assert!(both.has("start-failed"), "{both:?}");
    assert!(base.text("/plain").starts_with("one"), "half of a set is live");
    base.end();
}
