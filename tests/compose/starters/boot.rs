//! Starters that keep a base from starting: missing, there twice, in a circle, failing.

use std::time::Duration;

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Composition, Result, Starter, StarterContext, starter};

use super::{First, Second, Third, base};
use crate::support::{checked, failure, on};

#[test]
fn a_starter_that_another_needs_is_missing() {
    let error = checked(TestBase::builder().starter::<Second>()).unwrap_err();
    assert_eq!(error.problems[0].code, "missing-starter");
    assert!(error.problems[0].what.starts_with("the starter `second` needs `"), "{error}");
    assert!(error.problems[0].what.contains("First"), "{error}");
    assert!(error.problems[0].places[0].at.contains("starters/mod.rs:"), "{error}");
    let error = checked(base().set("starters.first.enabled=false")).unwrap_err();
    assert!(error.has("missing-starter"));
    // What is only `after` may be absent.
    on(TestBase::builder().starter::<Third>(), |_, _| async { Ok(()) });
}

#[test]
fn two_starters_of_one_name() {
    let error = checked(TestBase::builder().starter::<First>().starter::<First>()).unwrap_err();
    assert_eq!(error.problems[0].code, "duplicate-starter");
    assert_eq!(error.problems[0].places.len(), 2);
}

macro_rules! round {
    ($name:ident, $text:literal, $after:ident) => {
        #[starter(name = $text, after($after))]
        struct $name;

        impl Starter for $name {
            type Prepared = ();

            async fn start(_: &StarterContext) -> Result<Self> {
                panic!("a circle does not start")
            }

            async fn prepare(&self, _: &Composition) -> Result<()> {
                Ok(())
            }
        }
    };
}

round!(Hen, "hen", Egg);
round!(Egg, "egg", Hen);

#[test]
fn starters_that_wait_for_each_other() {
    let error = failure(TestBase::builder().starter::<Hen>().starter::<Egg>());
    assert_eq!(error.problems[0].code, "starter-cycle");
    let mut places: Vec<_> = error.problems[0].places.iter().map(|place| place.what.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["the starter `egg`", "the starter `hen`"]);
}

macro_rules! broken {
    ($name:ident, $text:literal, $body:expr) => {
        #[starter(name = $text, after(First))]
        struct $name;

        impl Starter for $name {
            type Prepared = ();

            async fn start(_: &StarterContext) -> Result<Self> {
                $body
            }

            async fn prepare(&self, _: &Composition) -> Result<()> {
                Ok(())
            }
        }
    };
}

broken!(Errs, "errs", anyhow::bail!("address in use"));
broken!(Panics, "panics", panic!("address in use"));
broken!(Hangs, "hangs", std::future::pending().await);

#[test]
fn a_starter_that_errs_panics_or_hangs_keeps_the_base_from_starting() {
    let start = |builder: TestBaseBuilder| {
        bedplate::testing::run(builder.starter::<First>().paused_time(), |base| async move {
            let (started, ()) = tokio::join!(base.running(), base.advance(Duration::from_secs(31)));
            let error = started.unwrap_err();
            assert_eq!((error.step, error.problems[0].code), ("start", "starter-failed"));
            assert!(error.problems[0].places[0].at.contains("starters/boot.rs:"), "{error}");
            error.problems[0].what.clone()
        })
    };
    assert_eq!(start(TestBase::builder().starter::<Errs>()), "the starter `errs` did not start: address in use");
    assert_eq!(
        start(TestBase::builder().starter::<Panics>()),
        "the starter `panics` did not start: it panicked: address in use"
    );
    assert_eq!(
        start(TestBase::builder().starter::<Hangs>()),
        "the starter `hangs` did not start: it did not answer within 30s"
    );
}
