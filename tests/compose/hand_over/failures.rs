//! Where a hand-over, a start or the record of it fails, nothing is lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::bail;
use bedplate::testing::TestBase;
use bedplate::{
    CallError, Change, Committing, Ended, Field, HandOver, LaterStep, Ledger, Module, ModuleContext, ModuleSpec,
    ModuleState, Result, ServiceRef,
};

use super::{Hands, Starts, Tally, calls, code, deploys, enters, keeping, turns};
use crate::support::{Script, name, on, requires, states, until};

/// A hand-over that fails, with its code and a part of what is told.
fn failing() -> Vec<(Hands, &'static str, &'static str)> {
    vec![
        (Hands::Err, "hand-over-failed", "the ledger is torn"),
        (Hands::Panic, "hand-over-panicked", "it panicked"),
        (Hands::Hang, "hand-over-deadline", "it was not ready within "),
        (Hands::Much, "hand-over-failed", "larger than `deploy.hand_over_limit`, which is 1kB"),
    ]
}

#[test]
fn a_hand_over_that_fails_leaves_all_as_it_was() {
    for (hands, problem, told) in failing() {
        let before = code().hands(hands);
        let sweeping = before.sweeping.clone();
        on(keeping(&before).set("deploy.hand_over_limit=1000"), |base, running| async move {
            let tally: ServiceRef<dyn Tally> = base.service();
            tally.add(7).await?;
            turns().await;
            assert_eq!(sweeping.load(Ordering::SeqCst), 1);
            let deployment = deploys(&running, Change::new().put(code().spec()));
            let waits = calls(&tally, 1);
            turns().await;
            base.advance(Duration::from_secs(5)).await;
            let error = deployment.await?.unwrap_err();
            assert_eq!(error.step, "hand-over", "{error}");
            assert!(error.has(problem) && error.to_string().contains(told), "{error}");
            assert_eq!(waits.await??.1, 1, "the old one serves on");
            assert_eq!(tally.add(1).await?, (9, 1), "with its state");
            turns().await;
            assert_eq!(sweeping.load(Ordering::SeqCst), 1, "its background work goes on");
            assert_eq!(states(&running, "keeper", 1).last(), Some(&ModuleState::Active));
            // It can be mended.
            running.deploy(Change::new().put(code().spec()).without_state(name("keeper"))).await?;
            assert_eq!(tally.add(1).await?, (1, 3));
            turns().await;
            assert_eq!(sweeping.load(Ordering::SeqCst), 0);
            Ok(())
        });
    }
}

#[test]
fn a_start_that_fails_leaves_the_state_where_it_was() {
    let failing = [
        (Starts::Err, "start-failed", "the shelf is gone"),
        (Starts::Panic, "start-panicked", "panicked in its `start`"),
        (Starts::Hang, "start-deadline", "raise that, or do less in the start"),
    ];
    for (starts, problem, told) in failing {
        let before = code();
        let sweeping = before.sweeping.clone();
        let door = requires::<dyn Tally>(Script::new().entered().named("door"), Field::new("tally"));
        on(keeping(&before).with(door), |base, running| async move {
            let tally: ServiceRef<dyn Tally> = base.service();
            tally.add(7).await?;
            let deployment = deploys(&running, Change::new().put(code().starts(starts).spec()));
            turns().await;
            // From outside, and from inside a neighbour that has pinned the composition which fails.
            let waits = calls(&tally, 1);
            let entry = tokio::spawn(enters(running.clone(), tally.clone()));
            base.advance(Duration::from_millis(7900)).await;
            let error = deployment.await?.unwrap_err();
            assert_eq!(error.step, "take-over", "{error}");
            assert!(error.has(problem) && error.to_string().contains(told), "{error}");
            assert_eq!(waits.await??.1, 1, "it waited, and nothing was lost");
            assert_eq!(entry.await?, Ok(1));
            assert_eq!(tally.add(1).await?, (9, 1));
            turns().await;
            assert_eq!(sweeping.load(Ordering::SeqCst), 1, "its background work goes on");
            assert_eq!(states(&running, "keeper", 2).last(), Some(&ModuleState::Failed));
            base.settled().await?;
            assert_eq!(running.modules().len(), 3, "`door`, `keeper`, and the test's own");
            base.swap_to(code().spec()).await?;
            assert_eq!(tally.add(1).await?, (10, 3), "and can still be replaced");
            Ok(())
        });
    }
}

#[test]
fn a_restart_goes_on_without_a_state_that_cannot_be_had() {
    #[bedplate::service]
    trait Fails {
        async fn fail(&self) -> Result<(), CallError>;
    }
    struct Failing(ModuleContext);
    impl Module for Failing {
        async fn hand_over(&self) -> Result<Option<HandOver>> {
            bail!("what failed is broken")
        }
    }
    #[bedplate::service]
    impl Fails for Failing {
        async fn fail(&self) -> Result<(), CallError> {
            self.0.spawn("breaks", async { Err::<(), _>(std::io::Error::other("it broke")) });
            Ok(())
        }
    }
    let spec = ModuleSpec::plain("failing", |fields| Ok(Failing(fields.context().clone()))).unwrap();
    let builder = TestBase::builder().paused_time().with(spec.publishing::<Failing, dyn Fails>());
    on(builder.set("restart.initial=1s"), |base, running| async move {
        base.service::<dyn Fails>().fail().await?;
        let mut events = running.history().subscribe();
        base.advance(Duration::from_millis(1100)).await;
        until(&mut events, "failing", 2, ModuleState::Active).await;
        until(&mut events, "failing", 1, ModuleState::Stopped).await;
        Ok(())
    });
}

/// A ledger without room for more than the first composition.
struct Full(AtomicUsize);

impl Ledger for Full {
    fn commit(&self, _: &Committing) -> Result<()> {
        anyhow::ensure!(self.0.fetch_add(1, Ordering::SeqCst) == 0, "no space left on device");
        Ok(())
    }

    fn ended(&self, _: &Ended) {}

    fn later(&self, _: &LaterStep) {}
}

#[test]
fn what_cannot_be_recorded_does_not_open() {
    on(keeping(&code()).ledger(Full(AtomicUsize::new(0))), |base, _| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(7).await?;
        let error = base.swap_to(code().spec()).await.unwrap_err();
        assert!(error.has("not-recorded"), "{error}");
        assert_eq!(tally.add(1).await?, (8, 1));
        Ok(())
    });
}
