//! States, their order, and who waits for whom.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bedplate::testing::TestBase;
use bedplate::{CallError, ModuleState, Result};
use tokio::sync::Barrier;

use crate::support::{Ping, Requires, Script, deed, enter, instance, name, on, plain, states, until, with};

use ModuleState::{Active, Draining, Resolved, Starting, Stopped};

#[test]
fn each_transition_is_an_event_with_time_and_cause() {
    with([plain("a")], |base, running| async move {
        let mut events = running.history().subscribe();
        let before = SystemTime::now();
        base.swap_to(plain("a")).await?;
        base.settled().await?;
        assert_eq!(states(&running, "a", 1), [Resolved, Starting, Active, Draining, Stopped]);
        assert_eq!(states(&running, "a", 2), [Resolved, Starting, Active]);

        let mut heard = Vec::new();
        while let Ok(event) = events.try_recv() {
            assert!(event.at >= before && !event.cause.is_empty(), "{event:?}");
            heard.push((event.instance.generation, event.from, event.to));
        }
        let of = |generation| heard.iter().filter(move |(of, ..)| *of == generation).map(|(_, from, to)| (*from, *to));
        assert_eq!(of(2).collect::<Vec<_>>(), [(None, Resolved), (Some(Resolved), Starting), (Some(Starting), Active)]);
        assert_eq!(of(1).collect::<Vec<_>>(), [(Some(Active), Draining), (Some(Draining), Stopped)]);
        Ok(())
    });
}

#[test]
fn the_history_is_bounded_and_keeps_the_newest() {
    with([plain("a")], |base, running| async move {
        for _ in 0..250 {
            base.swap_to(plain("a")).await?;
        }
        base.settled().await?;
        let kept = running.history().kept();
        assert_eq!(kept.len(), 1024);
        assert_eq!(kept.iter().map(|event| event.instance.generation).max(), Some(251));
        assert!(kept.iter().all(|event| event.instance.generation > 1), "the oldest went");
        Ok(())
    });
}

#[test]
fn a_module_starts_after_what_it_requires_and_can_call_it() {
    let user = Script::new().start(|inside| async move {
        assert_eq!(inside.ping.generation().await?, 1);
        Ok(())
    });
    // By name the user would come first.
    let modules = [user.named("a-user").requires_ping(), plain("z-provider").publishes_ping()];
    with(modules, |_, running| async move {
        let of = |module: &str, state| {
            let is = |event: &bedplate::LifecycleEvent| event.instance.module.as_str() == module && event.to == state;
            running.history().kept().iter().position(is).unwrap()
        };
        assert!(of("z-provider", Active) < of("a-user", Starting));
        Ok(())
    });
}

#[test]
fn modules_that_do_not_need_each_other_start_together() {
    let all_inside = Arc::new(Barrier::new(3));
    let script = || {
        let all_inside = all_inside.clone();
        Script::new().start(move |_| {
            let all_inside = all_inside.clone();
            async move {
                all_inside.wait().await;
                Ok(())
            }
        })
    };
    // One alone would wait for ever: its start would meet its deadline.
    with([script().named("a"), script().named("b"), script().named("c")], |_, _| async { Ok(()) });
}

#[test]
fn one_that_waits_holds_up_only_those_that_require_it() {
    let (go, gone) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (slow, quick) = (go.clone(), gone.clone());
    // `slow` ends its start only when `third`, which needs `quick` alone, has started.
    let slow = Script::new().start(move |_| {
        let (go, gone) = (slow.clone(), quick.clone());
        async move {
            go.wait().await;
            gone.wait().await;
            Ok(())
        }
    });
    let third = Script::new().start(move |_| {
        let (go, gone) = (go.clone(), gone.clone());
        async move {
            go.wait().await;
            gone.wait().await;
            Ok(())
        }
    });
    let modules = [
        slow.named("slow").publishes_pong(),
        plain("quick").publishes_ping(),
        third.named("third").requires_ping(),
        plain("fourth").requires_pong(),
    ];
    with(modules, |_, running| async move {
        assert!(running.modules().iter().all(|module| module.state == Active));
        Ok(())
    });
}

#[test]
fn modules_stop_in_the_reverse_order_of_what_they_require() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let script = |of: &'static str| {
        let order = order.clone();
        Script::new().stop(move |inside| {
            let order = order.clone();
            async move {
                // What it requires is there until it has stopped.
                if of == "a" {
                    inside.ping.generation().await?;
                }
                order.lock().unwrap().push(of);
                Ok(())
            }
        })
    };
    let modules = [
        script("a").named("a").requires_ping(),
        script("b").named("b").publishes_ping().requires_pong(),
        script("c").named("c").publishes_pong(),
    ];
    with(modules, |_, running| async move {
        running.shutdown().await?;
        Ok(())
    });
    assert_eq!(*order.lock().unwrap(), ["a", "b", "c"]);
}

#[test]
fn a_start_has_its_deadline_and_another_one_for_one_module() {
    let forever = || Script::new().start(|_| std::future::pending::<Result<()>>());
    let builder = TestBase::builder()
        .with(forever().named("short"))
        .with(forever().named("long"))
        .set("lifecycle.start_deadline=5s")
        .set("modules.long.start_deadline=20s")
        .paused_time();
    bedplate::testing::run(builder, |base| async move {
        let (started, ()) = tokio::join!(base.running(), base.advance(Duration::from_secs(21)));
        let error = started.unwrap_err();
        let told: Vec<_> = error.problems.iter().map(|problem| (problem.code, problem.what.as_str())).collect();
        assert_eq!(
            told,
            [
                ("start-deadline", "`long` did not end its `start` within 20s"),
                ("start-deadline", "`short` did not end its `start` within 5s")
            ]
        );
        assert!(error.problems.iter().all(|problem| problem.places[0].at.contains("lifecycle.rs:")), "{error}");
    });
}

#[test]
fn a_start_that_blocks_its_thread_holds_up_nobody_else() {
    let (unblock, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let blocking = Script::new().start(move |_| {
        let blocked = blocked.clone();
        async move {
            let _ = blocked.lock().unwrap().recv();
            Ok(())
        }
    });
    let builder = TestBase::builder()
        .with(blocking.named("blocking"))
        .with(plain("other"))
        .set("modules.blocking.optional=true")
        .set("modules.blocking.start_deadline=100ms")
        .set("lifecycle.stop_deadline=100ms");
    on(builder, |_, running| async move {
        assert!(running.modules().iter().any(|module| module.instance.module == name("other")));
        assert!(!running.modules().iter().any(|module| module.instance.module == name("blocking")));
        assert_eq!(running.restarts()[0].cause, "`blocking` did not end its `start` within 100ms");
        Ok(())
    });
    drop(unblock);
}

#[test]
fn readiness_is_asked_before_a_generation_takes_over() {
    let unready = Script::new().ready(|_| async { Err(anyhow::anyhow!("the cache is cold")) });
    with([plain("a").publishes_ping()], |base, running| async move {
        let error = base.swap_to(unready.named("a").publishes_ping()).await.unwrap_err();
        assert!(error.has("not-ready") && error.to_string().contains("the cache is cold"), "{error}");
        assert_eq!(base.service::<dyn Ping>().generation().await?, 1);
        assert!(running.readiness().await.ready);
        Ok(())
    });
}

#[test]
fn the_base_is_ready_where_its_required_modules_are() {
    let unready = |optional: bool| {
        let asked = Arc::new(Mutex::new(0));
        let script = Script::new().ready(move |_| {
            let asked = asked.clone();
            async move {
                *asked.lock().unwrap() += 1;
                // Ready when it takes over, and not afterwards.
                anyhow::ensure!(*asked.lock().unwrap() == 1, "the queue is gone");
                Ok(())
            }
        });
        if optional { script.named("may").optional() } else { script.named("must") }
    };
    with([unready(true)], |_, running| async move {
        let readiness = running.readiness().await;
        assert!(readiness.ready);
        let of_it = readiness.modules.iter().find(|module| module.module == name("may")).unwrap();
        assert_eq!((of_it.ready, of_it.reason.as_deref()), (false, Some("the queue is gone")));
        Ok(())
    });
    with([unready(false)], |_, running| async move {
        assert!(!running.readiness().await.ready);
        Ok(())
    });
}

#[test]
fn who_is_not_started_yet_refuses_calls() {
    let early = Script::new().start(|inside| async move {
        let refused = inside.ping.generation().await.unwrap_err();
        assert!(
            matches!(&refused, CallError::NotStarted { target } if target == "self (Ping::generation)"),
            "{refused}"
        );
        Ok(())
    });
    with([early.named("self").publishes_ping()], |_, _| async { Ok(()) });
}

#[test]
fn a_subscriber_sees_a_generation_come_and_go() {
    with([plain("a")], |base, running| async move {
        let mut events = running.history().subscribe();
        base.swap_to(plain("a")).await?;
        let came = until(&mut events, "a", 2, Active).await;
        assert_eq!(came, "it has started and is ready");
        let left = until(&mut events, "a", 1, Draining).await;
        assert!(left.ends_with("took over"), "{left}");
        assert_eq!(until(&mut events, "a", 1, Stopped).await, "its stop has ended");
        Ok(())
    });
}

#[test]
fn what_was_counted_for_a_module_goes_with_it_and_its_generations_are_never_numbered_twice() {
    with([Script::new().entered().named("a")], |base, running| async move {
        let requests = |running: &bedplate::Base| {
            let modules = running.modules();
            modules.iter().find(|module| module.instance.module == name("a")).unwrap().stats.requests
        };
        enter(&running, "a", deed(|_| async { Ok(0) })).await?;
        base.swap_to(Script::new().entered().named("a")).await?;
        base.settled().await?;
        assert_eq!(requests(&running), 1, "a new generation goes on counting");
        running.deploy(bedplate::Change::new().remove(name("a"))).await?;
        base.settled().await?;
        base.swap_to(Script::new().entered().named("a")).await?;
        assert_eq!(requests(&running), 0, "one that was taken out is forgotten");
        assert_eq!(instance(&running.pin(), "a").id().generation, 3);
        Ok(())
    });
}
