//! One request, one composition: under a storm of deployments nobody ever sees half of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bedplate::{CallError, Change, ModuleSpec};
use tokio::sync::{Barrier, Notify};

use crate::support::{Ping, Pong, Requires, Script, deed, enter, name, with};

/// `left` and `right` are always deployed together; `door` is what requests enter.
fn left() -> ModuleSpec {
    Script::new().named("left").publishes_ping()
}

fn right() -> ModuleSpec {
    Script::new().named("right").publishes_pong().requires_ping()
}

fn door() -> ModuleSpec {
    Script::new().entered().named("door").requires_ping().requires_pong()
}

fn both() -> Change {
    Change::new().put(left()).put(right())
}

const SWAPS: u64 = 500;
const CALLERS: usize = 8;

#[test]
fn no_request_sees_two_generations_of_a_set_in_500_swaps_and_none_fails() {
    with([left(), right(), door()], |base, running| async move {
        let done = Arc::new(AtomicBool::new(false));
        let served = Arc::new(AtomicU64::new(0));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (running, done, served) = (running.clone(), done.clone(), served.clone());
                tokio::spawn(async move {
                    while !done.load(Ordering::SeqCst) {
                        let seen = enter(
                            &running,
                            "door",
                            deed(|inside| async move {
                                let first = inside.ping.generation().await?;
                                tokio::task::yield_now().await;
                                let second = inside.pong.generation().await?;
                                // And one level below: `right` calls `left` in the same composition.
                                let below =
                                    inside.pong.run(deed(|inside| async move { inside.ping.generation().await }));
                                let third = below.await?;
                                assert_eq!((first, first), (second, third), "half a deployment");
                                Ok(first)
                            }),
                        );
                        seen.await.unwrap();
                        served.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for _ in 0..SWAPS {
            running.deploy(both()).await?;
        }
        done.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await?;
        }
        base.settled().await?;
        assert!(served.load(Ordering::SeqCst) > 0);
        assert_eq!(base.service::<dyn Pong>().generation().await?, SWAPS + 1);
        let stats: Vec<_> = running.modules().into_iter().map(|module| module.stats).collect();
        assert!(
            stats.iter().all(|stats| stats.panics + stats.refused + stats.cancelled + stats.in_flight == 0),
            "{stats:?}"
        );
        Ok(())
    });
}

#[test]
fn a_request_stays_in_its_composition_however_long_it_takes() {
    with([left(), right(), door()], |base, running| async move {
        let (inside, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let request = tokio::spawn({
            let (running, entered, goes) = (running.clone(), inside.clone(), go.clone());
            async move {
                let waits = deed(move |inside| async move {
                    entered.notify_one();
                    goes.notified().await;
                    assert_eq!(inside.ping.generation().await?, 1);
                    assert_eq!(inside.pong.run(deed(|inside| async move { inside.ping.generation().await })).await?, 1);
                    inside.pong.generation().await
                });
                enter(&running, "door", waits).await
            }
        });
        inside.notified().await;
        running.deploy(both()).await?;
        // Somebody who enters now is in the next one already.
        let now = enter(&running, "door", deed(|inside| async move { inside.ping.generation().await }));
        assert_eq!(now.await?, 2);
        go.notify_one();
        assert_eq!(request.await??, 1);
        base.settled().await
    });
}

#[test]
fn a_pin_that_is_taken_before_the_swap_serves_after_it() {
    with([left(), right(), door()], |base, running| async move {
        let pin = running.pin();
        running.deploy(both()).await?;
        assert_eq!(pin.instance(&name("left"), &bedplate::SceneName::main()).unwrap().id().generation, 1);
        assert!(running.pin().number() > pin.number());
        drop(pin);
        base.settled().await
    });
}

#[test]
fn deployments_that_are_asked_for_at_once_come_one_after_another() {
    with([left(), right(), door()], |base, running| async move {
        let together = Arc::new(Barrier::new(16));
        let asking: Vec<_> = (0..16)
            .map(|_| {
                let (running, together) = (running.clone(), together.clone());
                tokio::spawn(async move {
                    together.wait().await;
                    running.deploy(both()).await.map(|deployed| deployed.composition)
                })
            })
            .collect();
        let mut numbers = Vec::new();
        for asked in asking {
            numbers.push(asked.await??);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (2..18).collect::<Vec<_>>(), "each made one composition of its own");
        assert_eq!(base.service::<dyn Ping>().generation().await?, 17);
        base.settled().await
    });
}

#[test]
fn what_is_called_while_everything_is_taken_out_is_refused_in_order() {
    with([left(), right(), door()], |base, running| async move {
        let all = Change::new().remove(name("door")).remove(name("right")).remove(name("left"));
        running.deploy(all).await?;
        let refused = base.service::<dyn Ping>().generation().await.unwrap_err();
        assert_eq!(refused, CallError::Unpublished { contract: "Ping".into(), scene: "main".into() });
        running.deploy(both()).await?;
        assert_eq!(base.service::<dyn Ping>().generation().await?, 2, "the generation goes on counting");
        Ok(())
    });
}

#[test]
fn deployments_that_fail_under_load_disturb_nobody_and_leave_nothing() {
    let (good, bad) = (Script::new(), Script::new().start(|_| async { panic!("every other one") }));
    let (objects, lost) = (good.objects(), bad.objects());
    let seen = (objects.clone(), lost.clone());
    let good_left = good.named("left").publishes_ping();
    with([good_left.clone(), right(), door()], |base, running| async move {
        let done = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..4_u64)
            .map(|caller| {
                let (running, done) = (running.clone(), done.clone());
                tokio::spawn(async move {
                    let mut newest = 0;
                    while !done.load(Ordering::SeqCst) {
                        let panics = deed(|_| async { panic!("now and then") });
                        let calls = deed(|inside| async move { inside.ping.generation().await });
                        // One of the callers does nothing but harm.
                        let answer = enter(&running, "door", if caller == 0 { panics } else { calls }).await;
                        match answer {
                            Ok(generation) => {
                                assert!(generation >= newest, "time does not run backwards");
                                newest = generation;
                            }
                            Err(error) => {
                                assert!(caller == 0 && matches!(error, CallError::Panicked { .. }), "{error}");
                            }
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for round in 0..200 {
            if round % 2 == 0 {
                running.deploy(Change::new().put(good_left.clone())).await?;
            } else {
                let change = Change::new().put(right()).put(bad.named("left").publishes_ping());
                assert!(running.deploy(change).await.unwrap_err().has("start-panicked"));
            }
        }
        done.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await?;
        }
        base.settled().await?;
        assert_eq!((objects.made(), objects.alive(), lost.made(), lost.alive()), (101, 1, 100, 0));
        assert_eq!(base.service::<dyn Pong>().generation().await?, 1, "`right` was never replaced");
        Ok(())
    });
    assert_eq!((seen.0.alive(), seen.1.alive()), (0, 0));
}
