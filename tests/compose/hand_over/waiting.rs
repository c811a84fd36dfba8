//! What comes while a state is handed over waits, and what is inside ends where it is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::{CallError, Change, Field, ModuleState, ServiceRef};

use super::{Hands, Starts, Tally, calls, code, deploys, enters, held, keeping, stats, turns};
use crate::support::{Inside, Ping, Requires, Script, deed, enter, on, requires, states};

#[test]
fn what_comes_meanwhile_waits_in_line_and_is_shown() {
    let (begun, go) = held();
    let waits = code().hands(Hands::TotalWhenTold { begun: begun.clone(), go: go.clone() });
    let door = Script::new().entered().named("door");
    on(keeping(&waits).with(requires::<dyn Tally>(door, Field::new("tally"))), |base, running| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(100).await?;
        let deployment = deploys(&running, Change::new().put(code().spec()));
        begun.notified().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for by in 1..=5 {
            let (tally, order) = (tally.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let answer = tally.add(by).await;
                order.lock().unwrap().push(by);
                answer
            }));
        }
        let called = tally.clone();
        let entry = tokio::spawn(enters(running.clone(), called));
        turns().await;
        base.advance(Duration::from_millis(500)).await;
        let shown: Vec<_> = running.in_flight().into_iter().filter(|entry| entry.waiting).collect();
        assert_eq!(shown.len(), 6, "{shown:?}");
        assert!(shown.iter().all(|entry| entry.instance.to_string() == "keeper@main#2"), "{shown:?}");
        assert!(shown.iter().all(|entry| entry.label == "add"), "{shown:?}");
        assert_eq!(stats(&running).waiting, 6);
        assert!(running.readiness().await.ready, "what comes is answered, if later");
        assert_eq!(
            tally.plain(),
            Err(CallError::Held {
                target: "keeper (Tally::plain)".into(),
                waited: "not at all, as a plain method".into()
            })
        );
        go.notify_one();
        deployment.await??;
        for waited in waiting {
            assert_eq!(waited.await??.1, 2, "whoever waited is served by the new generation");
        }
        assert_eq!(entry.await?, Ok(2));
        assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4, 5], "who came first is served first");
        assert_eq!(tally.add(0).await?, (115, 2), "on the state that was handed over");
        let stats = stats(&running);
        assert_eq!((stats.waiting, stats.held), (0, 6));
        assert!(stats.longest_wait_us >= 400_000, "{stats:?}");
        Ok(())
    });
}

#[test]
fn what_was_inside_before_ends_where_it_is() {
    let door = Script::new().entered().named("door");
    on(keeping(&code()).with(requires::<dyn Tally>(door, Field::new("tally"))), |base, running| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        let (entered, go) = held();
        let (inside, goes, called, enters) = (entered.clone(), go.clone(), tally.clone(), running.clone());
        let request = tokio::spawn(async move {
            let call = deed(move |_: Inside| async move {
                called.add(10).await?;
                inside.notify_one();
                goes.notified().await;
                called.add(10).await.map(|(total, generation)| total * 10 + generation)
            });
            enter(&enters, "door", call).await
        });
        entered.notified().await;
        let deployment = deploys(&running, Change::new().put(code().spec()));
        turns().await;
        let later = calls(&tally, 1);
        turns().await;
        assert!(!deployment.is_finished() && !later.is_finished());
        go.notify_one();
        assert_eq!(request.await?, Ok(201), "both calls in generation 1");
        deployment.await??;
        assert_eq!(later.await??, (21, 2), "what it changed was handed over");
        Ok(())
    });
}

#[test]
fn one_that_stays_inside_is_told_and_loses_what_it_changes() {
    let log = crate::draining::logged(|| {
        on(keeping(&code()).with(Script::new().entered().named("door")), |base, running| async move {
            let tally: ServiceRef<dyn Tally> = base.service();
            let (entered, go) = held();
            let (inside, goes, called, enters) = (entered.clone(), go.clone(), tally.clone(), running.clone());
            let request = tokio::spawn(async move {
                let call = deed(move |_: Inside| async move {
                    inside.notify_one();
                    goes.notified().await;
                    Ok(u64::from(called.add(10).await.is_err()))
                });
                enter(&enters, "door", call).await
            });
            entered.notified().await;
            let deployment = deploys(&running, Change::new().put(code().spec()));
            turns().await;
            let waits = calls(&tally, 1);
            base.advance(Duration::from_secs(5)).await;
            deployment.await??;
            assert_eq!(waits.await??, (1, 2), "half the time that anything waits is for the rest");
            go.notify_one();
            request.await??;
            Ok(())
        });
    });
    assert!(log.contains("keeper@main#1 hands over while it is still in use"), "{log}");
}

#[test]
fn several_modules_change_hands_at_one_instant_or_not_at_all() {
    let provider = || Script::new().named("provider").publishes_ping();
    for fails in [false, true] {
        let (begun, go) = held();
        let next = match fails {
            true => Starts::Err,
            false => Starts::WhenTold { begun: begun.clone(), go: go.clone() },
        };
        let handing = code().hands(Hands::TotalWhenTold { begun: begun.clone(), go: go.clone() });
        on(keeping(&handing).with(provider()), |base, running| async move {
            let (tally, ping) = (base.service::<dyn Tally>(), base.service::<dyn Ping>());
            tally.add(7).await?;
            let deployment = deploys(&running, Change::new().put(code().starts(next).spec()).put(provider()));
            begun.notified().await;
            let neighbour = {
                let ping = ping.clone();
                tokio::spawn(async move { ping.generation().await })
            };
            turns().await;
            assert!(!neighbour.is_finished(), "nobody sees half of it");
            go.notify_one();
            if !fails {
                begun.notified().await;
                turns().await;
                assert!(!neighbour.is_finished(), "nor before the last one is up");
                go.notify_one();
            }
            let generation = if fails { 1 } else { 2 };
            assert_eq!(deployment.await?.is_err(), fails);
            assert_eq!(neighbour.await??, generation);
            assert_eq!(ping.generation().await?, generation);
            assert_eq!(tally.add(0).await?, (7, generation));
            Ok(())
        });
    }
}

#[test]
fn a_base_that_ends_meanwhile_ends_in_order() {
    let (begun, go) = held();
    let waits = code().hands(Hands::TotalWhenTold { begun: begun.clone(), go: go.clone() });
    on(keeping(&waits), |base, running| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        let deployment = deploys(&running, Change::new().put(code().spec()));
        begun.notified().await;
        let waits = calls(&tally, 1);
        turns().await;
        let ending = {
            let running = running.clone();
            tokio::spawn(async move { running.shutdown().await })
        };
        turns().await;
        go.notify_one();
        deployment.await??;
        assert_eq!(waits.await??, (1, 2), "what waited is answered");
        ending.await??;
        assert_eq!(states(&running, "keeper", 2).last(), Some(&ModuleState::Stopped));
        Ok(())
    });
}
