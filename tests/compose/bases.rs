//! Several bases in one process, their clocks, their phases and their ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::base::Phase;
use bedplate::testing::TestBase;
use bedplate::{Change, ModuleState};
use tokio::sync::Notify;

use crate::support::{Ping, Requires, Script, deed, enter, on, plain, states, until};

#[test]
fn several_bases_live_at_once_and_know_nothing_of_each_other() {
    let bases: Vec<_> = (0..6_u64)
        .map(|index| {
            std::thread::spawn(move || {
                let builder = TestBase::builder().with(Script::new().entered().named("a").publishes_ping());
                on(builder, |base, running| async move {
                    for _ in 0..index * 5 {
                        base.swap_to(Script::new().entered().named("a").publishes_ping()).await?;
                    }
                    let seen =
                        enter(&running, "a", deed(|inside| async move { inside.ping.generation().await })).await?;
                    assert_eq!(seen, index * 5 + 1);
                    assert_eq!(running.modules().len(), 2, "its own, and the test's");
                    base.settled().await
                });
            })
        })
        .collect();
    bases.into_iter().for_each(|base| base.join().unwrap());
}

#[test]
fn a_paused_clock_moves_by_the_test_alone() {
    let ticks = Arc::new(Mutex::new(0));
    let counted = ticks.clone();
    let script = Script::new().exports(move |_, to| {
        let ticks = counted.clone();
        to.task("tick", move || {
            let ticks = ticks.clone();
            async move {
                let mut minutes = tokio::time::interval(Duration::from_secs(60));
                minutes.tick().await;
                loop {
                    minutes.tick().await;
                    *ticks.lock().unwrap() += 1;
                }
            }
        });
    });
    on(TestBase::builder().with(script.named("a")).paused_time(), |base, _| async move {
        let elsewhere = tokio::task::spawn_blocking(std::thread::yield_now);
        elsewhere.await?;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(*ticks.lock().unwrap(), 0, "waiting for another thread moves nothing");
        base.advance(Duration::from_secs(600)).await;
        assert_eq!(*ticks.lock().unwrap(), 10);
        Ok(())
    });
}

#[test]
fn a_base_goes_through_its_phases_with_grace_before_the_drain() {
    let builder = TestBase::builder().with(Script::new().entered().named("a").publishes_ping());
    on(builder.set("drain.grace=5s").paused_time(), |base, running| async move {
        let mut phases = running.phases();
        assert_eq!(*phases.borrow_and_update(), Phase::Serving);
        assert!(running.readiness().await.ready);
        let ending = tokio::spawn({
            let running = running.clone();
            async move { running.shutdown().await }
        });
        phases.changed().await?;
        assert_eq!(*phases.borrow_and_update(), Phase::Draining);
        base.advance(Duration::from_secs(4)).await;
        // Not ready any more, and serving all the same, until balancers have noticed.
        assert!(!running.readiness().await.ready);
        assert_eq!(base.service::<dyn Ping>().generation().await?, 1);
        assert_eq!(states(&running, "a", 1).last(), Some(&ModuleState::Active));
        assert!(running.deploy(Change::new().put(plain("b"))).await.unwrap_err().has("base-ending"));
        base.advance(Duration::from_secs(2)).await;
        ending.await??;
        assert_eq!(running.phase(), Phase::Stopped);
        assert_eq!(states(&running, "a", 1).last(), Some(&ModuleState::Stopped));
        assert!(base.service::<dyn Ping>().generation().await.is_err());
        assert!(running.modules().is_empty());
        Ok(())
    });
}

#[test]
fn a_shutdown_that_is_asked_for_twice_is_one() {
    let stops = Arc::new(Mutex::new(0));
    let counted = stops.clone();
    let script = Script::new().stop(move |_| {
        *counted.lock().unwrap() += 1;
        async { Ok(()) }
    });
    on(TestBase::builder().with(script.named("a")), |_, running| async move {
        let (one, other) = tokio::join!(running.shutdown(), running.shutdown());
        one?;
        other?;
        running.shutdown().await?;
        Ok(())
    });
    assert_eq!(*stops.lock().unwrap(), 1);
}

#[test]
fn a_shutdown_whose_caller_is_gone_ends_all_the_same() {
    on(TestBase::builder().with(plain("a")).set("drain.grace=5s").paused_time(), |base, running| async move {
        let mut phases = running.phases();
        let ending = tokio::spawn({
            let running = running.clone();
            async move { running.shutdown().await }
        });
        phases.wait_for(|phase| *phase == Phase::Draining).await?;
        ending.abort();
        assert!(ending.await.unwrap_err().is_cancelled());
        base.advance(Duration::from_secs(6)).await;
        phases.wait_for(|phase| *phase == Phase::Stopped).await?;
        assert_eq!(states(&running, "a", 1).last(), Some(&ModuleState::Stopped));
        Ok(())
    });
}

#[test]
fn what_is_being_deployed_when_the_base_ends_is_stopped_too() {
    let (inside, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (entered, goes) = (inside.clone(), go.clone());
    let slow = Script::new().start(move |_| {
        let (inside, go) = (entered.clone(), goes.clone());
        async move {
            inside.notify_one();
            go.notified().await;
            Ok(())
        }
    });
    let objects = slow.objects();
    on(TestBase::builder().with(plain("a")), |base, running| async move {
        let deploying = tokio::spawn({
            let running = running.clone();
            let change = Change::new().put(slow.named("slow")).put(plain("beside"));
            async move { running.deploy(change).await }
        });
        inside.notified().await;
        let mut phases = running.phases();
        let ending = tokio::spawn({
            let running = running.clone();
            async move { running.shutdown().await }
        });
        phases.wait_for(|phase| *phase == Phase::Draining).await?;
        let mut events = running.history().subscribe();
        go.notify_one();
        deploying.await??;
        until(&mut events, "slow", 1, ModuleState::Stopped).await;
        ending.await??;
        assert_eq!(states(&running, "beside", 1).last(), Some(&ModuleState::Stopped));
        assert!(base.running().await?.modules().is_empty());
        Ok(())
    });
    assert_eq!(objects.alive(), 0);
}

#[test]
fn a_base_that_did_not_start_says_so_again() {
    bedplate::testing::run(TestBase::builder().with(plain("a").requires_ping()), |base| async move {
        let first = base.running().await.unwrap_err();
        assert_eq!(base.running().await.unwrap_err().problems, first.problems);
        assert_eq!(base.check().await.unwrap_err().problems, first.problems);
        assert!(base.settled().await.is_err());
    });
}

#[test]
fn a_test_that_panics_ends_its_base() {
    let stopped = Arc::new(Mutex::new(false));
    let last = stopped.clone();
    let script = Script::new().stop(move |_| {
        *last.lock().unwrap() = true;
        async { Ok(()) }
    });
    let panicked = std::thread::spawn(move || {
        on(TestBase::builder().with(script.named("a")), |_, _| async { panic!("the test fails") });
    });
    assert!(panicked.join().is_err());
    assert!(*stopped.lock().unwrap());
}
