//! Starters at each step of a deployment: handed handles, refusing, panicking, hanging, released.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::testing::TestBase;
use bedplate::{
    Around, CallError, Change, Composition, Entry, EntryKind, Field, Handle, InstanceId, ModuleName, Next, Outcome,
    Provided, Result, Starter, StarterContext, starter,
};
use futures_util::future::BoxFuture;

use crate::support::{Ping, Requires, Script, checked, deed, enter, enter_as, failure, on, plain};

/// What a starter of these tests was told, and what it is to do about it.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    steps: Vec<String>,
    /// The steps that go wrong, and how.
    wrong: Vec<(&'static str, Wrong)>,
}

#[derive(Clone, Copy)]
enum Wrong {
    Errs,
    Panics,
    Hangs,
}

impl Record {
    async fn step(&self, who: &str, what: &'static str, about: String) -> Result<()> {
        self.0.lock().unwrap().steps.push(format!("{who} {what} {about}").trim_end().to_owned());
        match self.wrong(what) {
            None => Ok(()),
            Some(Wrong::Errs) => anyhow::bail!("not today"),
            Some(Wrong::Panics) => panic!("not today"),
            Some(Wrong::Hangs) => std::future::pending().await,
        }
    }

    fn wrong(&self, what: &str) -> Option<Wrong> {
        self.0.lock().unwrap().wrong.iter().find(|(step, _)| *step == what).map(|(_, wrong)| *wrong)
    }

    fn goes_wrong(&self, step: &'static str, how: Wrong) {
        let mut told = self.0.lock().unwrap();
        told.wrong.retain(|(other, _)| *other != step);
        told.wrong.push((step, how));
    }

    fn goes_well(&self) {
        self.0.lock().unwrap().wrong.clear();
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().steps)
    }
}

/// Only tells.
#[starter(name = "first")]
struct First(Record);

impl Starter for First {
    type Prepared = u64;

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self(Record::default()))
    }

    async fn prepare(&self, next: &Composition) -> Result<u64> {
        self.0.step("first", "prepare", next.number().to_string()).await?;
        Ok(next.number())
    }

    async fn abort(&self, prepared: u64) {
        self.0.step("first", "abort", prepared.to_string()).await.ok();
    }

    fn committed(&self, now: &Composition) {
        self.0.0.lock().unwrap().steps.push(format!("first committed {}", now.number()));
    }

    async fn release(&self, instance: &InstanceId) {
        self.0.step("first", "release", instance.to_string()).await.ok();
    }

    async fn stop(&self) -> Result<()> {
        self.0.step("first", "stop", String::new()).await
    }
}

#[derive(Clone)]
struct Ticket(ModuleName);

impl Handle for Ticket {
    type Options = ();
}

/// Starts after the first, shares its record, hands out tickets, and can fail at any step.
#[starter(name = "second", needs(First), provides(Ticket))]
struct Second {
    record: Record,
    /// Holds the base, as real starters do.
    _base: bedplate::Base,
}

impl Starter for Second {
    type Prepared = u64;

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let first = ctx.starter::<First>().expect("it starts before");
        Ok(Self { record: first.0.clone(), _base: ctx.base().clone() })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        if to.staged().needs::<Ticket>() {
            match self.record.wrong("provide") {
                Some(Wrong::Errs) => anyhow::bail!("sold out"),
                Some(_) => panic!("sold out"),
                None => to.insert(Ticket(to.staged().module().clone())),
            }
        }
        Ok(())
    }

    async fn migrate(&self, staged: &bedplate::Staged<'_>) -> Result<()> {
        self.record.step("second", "migrate", staged.id().to_string()).await
    }

    async fn prepare(&self, next: &Composition) -> Result<u64> {
        self.record.step("second", "prepare-second", next.number().to_string()).await?;
        Ok(next.number())
    }

    async fn abort(&self, prepared: u64) {
        self.record.step("second", "abort-second", prepared.to_string()).await.ok();
    }

    fn committed(&self, _: &Composition) {
        assert!(self.record.wrong("committed").is_none(), "not today");
    }

    async fn release(&self, instance: &InstanceId) {
        self.record.step("second", "release-second", instance.to_string()).await.ok();
    }

    async fn drain(&self) -> Result<()> {
        self.record.step("second", "drain", String::new()).await
    }

    async fn stop(&self) -> Result<()> {
        self.record.step("second", "stop-second", String::new()).await
    }
}

/// Comes last, and refuses.
#[starter(name = "third", after(Second))]
struct Third(Record);

impl Starter for Third {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        Ok(Self(ctx.starter::<First>().map_or_else(Record::default, |first| first.0.clone())))
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        self.0.step("third", "prepare-third", String::new()).await
    }
}

fn base() -> bedplate::testing::TestBaseBuilder {
    // In an order that is none.
    TestBase::builder().starter::<Third>().starter::<Second>().starter::<First>().with(plain("a").publishes_ping())
}

async fn record(base: &TestBase) -> Record {
    base.starter::<First>().await.unwrap().0.clone()
}

#[test]
fn a_starter_sees_each_step_in_order() {
    let mut steps = Vec::new();
    on(base(), |base, running| async move {
        let record = record(&base).await;
        record.take();
        base.swap_to(plain("a").publishes_ping()).await?;
        base.settled().await?;
        assert_eq!(
            record.take(),
            [
                "second migrate a@main#2",
                "first prepare 2",
                "second prepare-second 2",
                "third prepare-third",
                "first committed 2",
                "first release a@main#1",
                "second release-second a@main#1",
            ]
        );
        assert_eq!(running.pin().prepared::<First>(), Some(&2));
        running.shutdown().await?;
        steps.extend(record.take());
        Ok(())
    });
}

#[test]
fn starters_stop_in_reverse_after_the_modules() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let keep = ended.clone();
    on(base(), |base, running| async move {
        let record = record(&base).await;
        record.take();
        running.shutdown().await?;
        *keep.lock().unwrap() = record.take();
        Ok(())
    });
    let steps = ended.lock().unwrap().clone();
    let at = |step: &str| steps.iter().position(|told| told.starts_with(step)).unwrap();
    assert!(at("second drain") < at("first release a@main#1"));
    assert!(at("first release a@main#1") < at("second stop-second"));
    assert!(at("second stop-second") < at("first stop"));
}

#[test]
fn one_that_refuses_panics_or_hangs_in_prepare_leaves_what_serves() {
    for (how, says) in [
        (Wrong::Errs, "the starter `third` refuses the composition: not today"),
        (Wrong::Panics, "the starter `third` refuses the composition: it panicked: not today"),
        (Wrong::Hangs, "the starter `third` refuses the composition: it did not answer within 30s"),
    ] {
        let stops = Arc::new(Mutex::new(0));
        on(base().paused_time(), |base, running| async move {
            let record = record(&base).await;
            record.take();
            record.goes_wrong("prepare-third", how);
            let counted = stops.clone();
            let script = Script::new().stop(move |_| {
                *counted.lock().unwrap() += 1;
                async { Ok(()) }
            });
            let objects = script.objects();
            let swap = base.swap_to(script.named("a").publishes_ping());
            let (swapped, ()) = tokio::join!(swap, base.advance(Duration::from_secs(31)));
            let error = swapped.unwrap_err();
            assert_eq!(
                (error.step, error.problems[0].code, error.problems[0].what.as_str()),
                ("prepare", "refused", says)
            );
            assert!(error.problems[0].places[0].at.contains("starters.rs:"), "{error}");
            assert_eq!(
                record.take()[1..],
                [
                    "first prepare 2",
                    "second prepare-second 2",
                    "third prepare-third",
                    "second abort-second 2",
                    "first abort 2",
                    "first release a@main#2",
                    "second release-second a@main#2",
                ]
            );
            assert_eq!((*stops.lock().unwrap(), objects.alive()), (1, 0), "what had started is stopped, and gone");
            assert_eq!(base.service::<dyn Ping>().generation().await?, 1);
            assert_eq!(running.pin().number(), 1);
            record.goes_well();
            base.swap_to(plain("a").publishes_ping()).await?;
            assert_eq!(base.service::<dyn Ping>().generation().await?, 3);
            Ok(())
        });
    }
}

#[test]
fn one_that_cannot_take_back_what_it_prepared_holds_nobody_up() {
    for how in [Wrong::Panics, Wrong::Hangs] {
        on(base().paused_time(), |base, _| async move {
            let record = record(&base).await;
            record.goes_wrong("prepare-third", Wrong::Errs);
            record.goes_wrong("abort-second", how);
            record.take();
            let swap = base.swap_to(plain("a").publishes_ping());
            let (swapped, ()) = tokio::join!(swap, base.advance(Duration::from_secs(60)));
            assert!(swapped.unwrap_err().has("refused"));
            let steps = record.take();
            let aborts: Vec<_> = steps.iter().filter(|step| step.contains("abort")).collect();
            assert_eq!(aborts, ["second abort-second 2", "first abort 2"], "the next one has its turn all the same");
            record.goes_well();
            base.swap_to(plain("a").publishes_ping()).await?;
            assert_eq!(base.service::<dyn Ping>().generation().await?, 3);
            Ok(())
        });
    }
}

#[test]
fn one_that_cannot_release_holds_nobody_up() {
    for how in [Wrong::Panics, Wrong::Hangs] {
        let script = Script::new();
        let objects = script.objects();
        let builder = base().starter::<After>().with(script.named("b"));
        on(builder.paused_time(), |base, _| async move {
            let record = record(&base).await;
            record.goes_wrong("release-second", how);
            record.take();
            base.swap_to(plain("b")).await?;
            let (settled, ()) = tokio::join!(base.settled(), base.advance(Duration::from_secs(60)));
            settled?;
            assert_eq!(
                record.take().last().map(String::as_str),
                Some("after release b@main#1"),
                "the next one has its turn"
            );
            assert!(!objects.lives(1));
            record.goes_well();
            Ok(())
        });
    }
}

/// Starts after the second, and tells what it releases.
#[starter(name = "z-after", after(Second))]
struct After(Record);

impl Starter for After {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        Ok(Self(ctx.starter::<First>().map_or_else(Record::default, |first| first.0.clone())))
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }

    async fn release(&self, instance: &InstanceId) {
        self.0.step("after", "release", instance.to_string()).await.ok();
    }
}

#[test]
fn one_that_panics_when_it_is_told_harms_nothing() {
    on(base(), |base, _| async move {
        record(&base).await.goes_wrong("committed", Wrong::Panics);
        base.swap_to(plain("a").publishes_ping()).await?;
        assert_eq!(base.service::<dyn Ping>().generation().await?, 2);
        base.settled().await
    });
}

#[test]
fn a_module_gets_a_handle_of_its_own_or_the_reason_why_not() {
    let user = || {
        plain("user").requiring(|to| {
            to.field::<Ticket>(Field::new("ticket"));
        })
    };
    on(base().with(user()), |base, _| async move {
        let record = record(&base).await;
        for (how, says) in [
            (Wrong::Errs, "the starter `second` cannot serve `user`: sold out"),
            (Wrong::Panics, "the starter `second` cannot serve `user`: it panicked: sold out"),
        ] {
            record.goes_wrong("provide", how);
            record.take();
            let error = base.swap_to(user()).await.unwrap_err();
            assert_eq!((error.step, error.problems[0].code), ("construct", "not-provided"));
            assert_eq!(error.problems[0].what, says);
            let released: Vec<_> = record.take().into_iter().filter(|step| step.contains("release")).collect();
            assert_eq!(released.len(), 2, "both starters free what they may have given: {released:?}");
        }
        record.goes_well();
        let named = bedplate::ModuleSpec::plain("user", |fields| {
            let ticket: Ticket = fields.take(Field::new("ticket"))?;
            anyhow::ensure!(ticket.0.as_str() == "user", "somebody else's ticket");
            Ok(Quiet)
        });
        base.swap_to(named?.requiring(|to| {
            to.field::<Ticket>(Field::new("ticket"));
        }))
        .await?;
        Ok(())
    });
}

struct Quiet;

impl bedplate::Module for Quiet {}

#[test]
fn a_failing_migration_keeps_the_deployment_from_starting() {
    for how in [Wrong::Errs, Wrong::Panics] {
        on(base(), |base, _| async move {
            record(&base).await.goes_wrong("migrate", how);
            let never = Script::new().start(|_| async { panic!("a migration has failed before") });
            let error = base.swap_to(never.named("a").publishes_ping()).await.unwrap_err();
            assert_eq!((error.step, error.problems[0].code), ("migrate", "migration-failed"));
            assert!(error.problems[0].what.contains("`a`") && error.problems[0].what.contains("`second`"), "{error}");
            assert!(!error.to_string().contains("a migration has failed before"));
            Ok(())
        });
    }
}

#[test]
fn a_starter_that_another_needs_is_missing() {
    let error = checked(TestBase::builder().starter::<Second>()).unwrap_err();
    assert_eq!(error.problems[0].code, "missing-starter");
    assert!(error.problems[0].what.starts_with("the starter `second` needs `"), "{error}");
    assert!(error.problems[0].what.contains("First"), "{error}");
    assert!(error.problems[0].places[0].at.contains("starters.rs:"), "{error}");
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
    let start = |builder: bedplate::testing::TestBaseBuilder| {
        bedplate::testing::run(builder.starter::<First>().paused_time(), |base| async move {
            let (started, ()) = tokio::join!(base.running(), base.advance(Duration::from_secs(31)));
            let error = started.unwrap_err();
            assert_eq!((error.step, error.problems[0].code), ("start", "starter-failed"));
            assert!(error.problems[0].places[0].at.contains("starters.rs:"), "{error}");
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

#[test]
fn starters_that_do_not_end_in_order_are_told_and_the_modules_are_stopped_all_the_same() {
    for (step, how, code, says) in [
        (
            "drain",
            Wrong::Errs,
            "drain-failed",
            "the starter `second` did not drain: not today; what is left is cancelled",
        ),
        (
            "drain",
            Wrong::Panics,
            "drain-failed",
            "the starter `second` did not drain: it panicked: not today; what is left is cancelled",
        ),
        (
            "drain",
            Wrong::Hangs,
            "drain-failed",
            "the starter `second` did not drain: it did not answer within 30s; what is left is cancelled",
        ),
        ("stop-second", Wrong::Errs, "stop-failed", "the starter `second` did not stop in order: not today"),
        (
            "stop-second",
            Wrong::Panics,
            "stop-failed",
            "the starter `second` did not stop in order: it panicked: not today",
        ),
        (
            "stop-second",
            Wrong::Hangs,
            "stop-failed",
            "the starter `second` did not stop in order: it did not answer within 10s",
        ),
        ("prepare-third", Wrong::Errs, "", ""),
        ("prepare-third", Wrong::Panics, "", ""),
    ] {
        let stopped = Arc::new(Mutex::new(false));
        let last = stopped.clone();
        let script = Script::new().stop(move |_| {
            *last.lock().unwrap() = true;
            async { Ok(()) }
        });
        bedplate::testing::run(base().with(script.named("b")).paused_time(), |base| async move {
            let running = base.running().await.unwrap();
            record(&base).await.goes_wrong(step, how);
            let (ended, ()) = tokio::join!(running.shutdown(), base.advance(Duration::from_secs(90)));
            let told: Vec<_> = ended.err().into_iter().flat_map(|error| error.problems).collect();
            let told: Vec<_> = told.iter().map(|problem| (problem.code, problem.what.as_str())).collect();
            assert_eq!(told, if code.is_empty() { Vec::new() } else { vec![(code, says)] });
        });
        assert!(*stopped.lock().unwrap(), "{step}");
    }
}

/// Lets in only what carries the word.
#[starter(name = "guard")]
struct Guard;

struct Word(&'static str);

impl Around for Doorman {
    fn around<'a>(&'a self, entry: &'a Entry, next: Next<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match entry.carried::<Word>() {
                Some(Word("panic")) => panic!("the wrapper itself"),
                Some(Word("skip")) => Outcome::Completed,
                Some(Word("friend")) => next.run().await,
                _ => Outcome::Refused(CallError::Refused { reason: "say the word".into() }),
            }
        })
    }
}

struct Doorman;

impl Starter for Guard {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }

    fn around(&self) -> Option<Arc<dyn Around>> {
        Some(Arc::new(Doorman))
    }
}

#[test]
fn a_wrapper_lets_entries_in_or_refuses_them() {
    let module = Script::new().entered().named("a").publishes_ping();
    on(TestBase::builder().starter::<Guard>().with(module), |_, running| async move {
        let say = |word| Entry::new(EntryKind::Request, "test").carrying(Arc::new(Word(word)));
        let friend =
            enter_as(&running, "a", say("friend"), deed(|inside| async move { inside.ping.generation().await }));
        assert_eq!(friend.await?, 1);
        let refused = enter(&running, "a", deed(|_| async { panic!("not let in") })).await.unwrap_err();
        assert_eq!(refused, CallError::Refused { reason: "say the word".into() });
        let skipped = enter_as(&running, "a", say("skip"), deed(|_| async { panic!("not run") })).await.unwrap_err();
        assert!(matches!(skipped, CallError::Refused { .. }), "{skipped}");
        let panicked = enter_as(&running, "a", say("panic"), deed(|_| async { panic!("not run") })).await;
        assert_eq!(panicked, Err(CallError::Panicked { target: "a (test)".into() }));
        assert!(running.in_flight().is_empty());
        assert_eq!(running.modules()[0].stats.panics, 0, "it was not the module's");
        running.deploy(Change::new()).await?;
        Ok(())
    });
}
