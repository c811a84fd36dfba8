//! Starters at each step of a deployment: handed handles, refusing, panicking, hanging, released.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::{Composition, Field, InstanceId, Result, Starter, StarterContext, starter};

use super::{First, Record, Second, Ticket, Wrong, base, record};
use crate::support::{Ping, Requires, Script, on, plain};

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
            assert!(error.problems[0].places[0].at.contains("starters/mod.rs:"), "{error}");
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
