//! What was replaced stays warm for its bake time, and can serve again by a swap.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Base, Change, ModuleSpec, ModuleState, Result};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::support::{Inside, Ping, Requires, Script, deed, enter, instance, name, on, plain, states, until};

use ModuleState::{Active, Draining, Failed, Resolved, Starting, Stopped, Warm};

const BAKE: Duration = Duration::from_secs(30);

fn paused() -> TestBaseBuilder {
    TestBase::builder().paused_time().set("drain.deadline=30s").set("lifecycle.stop_deadline=10s")
}

fn provider() -> ModuleSpec {
    Script::new().entered().named("provider").publishes_ping()
}

async fn generation(running: &Base, module: &str) -> u64 {
    enter(running, module, deed(|inside: Inside| async move { Ok(inside.context.id().generation) })).await.unwrap()
}

fn state(running: &Base, module: &str, generation: u64) -> ModuleState {
    *states(running, module, generation).last().unwrap()
}

fn warm(running: &Base) -> Vec<String> {
    running.warm().iter().map(|warm| warm.instance.to_string()).collect()
}

#[test]
fn what_was_replaced_is_neither_asked_to_end_nor_stopped_before_its_bake_time_is_over() {
    on(paused().with(provider()), |base, running| async move {
        let before = instance(&running.pin(), "provider");
        let deployed = running.deploy(Change::new().put(provider()).bake(BAKE)).await?;
        assert_eq!((deployed.warm.len(), deployed.leaving.len()), (1, 0));
        assert_eq!(generation(&running, "provider").await, 2);
        base.advance(Duration::from_secs(29)).await;
        assert_eq!(warm(&running), ["provider@main#1"]);
        assert_eq!(running.warm()[0].left_ms, 1000);
        assert!(tokio::time::timeout(Duration::ZERO, before.draining()).await.is_err(), "nobody has asked it to end");
        drop(before);
        base.advance(Duration::from_secs(2)).await;
        base.settled().await?;
        assert_eq!(states(&running, "provider", 1), [Resolved, Starting, Active, Warm, Draining, Stopped]);
        assert!(warm(&running).is_empty());
        Ok(())
    });
}

#[test]
fn the_entries_of_a_warm_one_go_on_in_what_they_pinned_and_its_tasks_at_home() {
    let caller = || Script::new().entered().named("caller").requires_ping();
    on(paused().with(provider()).with(caller()), |_, running| async move {
        let (go, entered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (waits, tells, base) = (go.clone(), entered.clone(), running.clone());
        let request = tokio::spawn(async move {
            let waits = deed(move |inside: Inside| async move {
                tells.notify_one();
                waits.notified().await;
                inside.ping.generation().await
            });
            enter(&base, "caller", waits).await
        });
        entered.notified().await;
        let asked = Arc::new(Notify::new());
        let (answer, answered) = tokio::sync::oneshot::channel();
        let asks = asked.clone();
        let spawns = deed(move |inside: Inside| async move {
            let ping = inside.ping.clone();
            inside.context.spawn("asks later", async move {
                asks.notified().await;
                let _ = answer.send(ping.generation().await);
            });
            Ok(0)
        });
        enter(&running, "caller", spawns).await?;
        running.deploy(Change::new().put(provider()).put(caller()).bake(BAKE)).await?;
        asked.notify_one();
        assert_eq!(answered.await??, 1, "unpinned work uses the newest composition that holds its instance");
        go.notify_one();
        assert_eq!(request.await??, 1);
        assert_eq!(state(&running, "caller", 1), Warm);
        Ok(())
    });
}

/// A module that counts its starts, and whose background work tells when it begins and ends.
fn working(tell: &UnboundedSender<String>, starts: &Arc<AtomicUsize>) -> (Script, ModuleSpec) {
    struct Ends(UnboundedSender<String>, u64);
    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.send(format!("{} ends", self.1));
        }
    }
    let (tell, starts) = (tell.clone(), starts.clone());
    let script = Script::new()
        .entered()
        .start(move |_| {
            starts.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        })
        .exports(move |module, to| {
            let (tell, id) = (tell.clone(), module.inside().context.id().generation);
            to.add(crate::support::Handed(module.inside()));
            to.task("work", move || {
                let ends = Ends(tell.clone(), id);
                async move {
                    let _ = ends.0.send(format!("{} begins", ends.1));
                    std::future::pending::<()>().await;
                    drop(ends);
                }
            });
        });
    let spec = script.named("a");
    (script, spec)
}

async fn two(told: &mut UnboundedReceiver<String>) -> [String; 2] {
    let mut two = [told.recv().await.unwrap(), told.recv().await.unwrap()];
    two.sort();
    two
}

#[test]
fn a_rollback_is_a_swap_and_background_work_goes_with_it() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let starts = Arc::new(AtomicUsize::new(0));
    let (script, spec) = working(&tell, &starts);
    on(paused().with(spec), |base, running| async move {
        assert_eq!(told.recv().await.unwrap(), "1 begins");
        running.deploy(Change::new().put(script.named("a")).bake(BAKE)).await?;
        assert_eq!(two(&mut told).await, ["1 ends", "2 begins"], "what is warm does no background work");
        let back = running.deploy(Change::new().revive(name("a")).bake(BAKE)).await?;
        assert_eq!(back.revived.len(), 1);
        assert!(back.came.is_empty() && back.warm.is_empty(), "what was rolled back does not stay warm");
        assert_eq!(two(&mut told).await, ["1 begins", "2 ends"]);
        assert_eq!(generation(&running, "a").await, 1);
        base.settled().await?;
        assert_eq!(states(&running, "a", 1), [Resolved, Starting, Active, Warm, Active]);
        assert_eq!(state(&running, "a", 2), Stopped);
        assert_eq!((starts.load(Ordering::SeqCst), script.objects().made()), (2, 2), "nothing was made or started");
        // Its bake time is over, which no longer matters.
        base.advance(BAKE * 2).await;
        assert_eq!((generation(&running, "a").await, state(&running, "a", 1)), (1, Active));
        // It is an ordinary instance again.
        running.deploy(Change::new().put(script.named("a"))).await?;
        assert_eq!(two(&mut told).await, ["1 ends", "3 begins"]);
        base.settled().await?;
        assert_eq!(state(&running, "a", 1), Stopped);
        assert_eq!(script.objects().alive(), 1);
        Ok(())
    });
}

#[test]
fn one_that_came_back_and_is_replaced_again_has_a_new_bake_time() {
    on(paused().with(provider()), |base, running| async move {
        running.deploy(Change::new().put(provider()).bake(BAKE)).await?;
        base.advance(BAKE / 3).await;
        running.deploy(Change::new().revive(name("provider"))).await?;
        running.deploy(Change::new().put(provider()).bake(BAKE)).await?;
        base.advance(BAKE * 5 / 6).await;
        assert_eq!(warm(&running), ["provider@main#1"], "the end of the first time is not that of the second");
        base.advance(BAKE / 3).await;
        base.settled().await?;
        assert_eq!(state(&running, "provider", 1), Stopped);
        Ok(())
    });
}

#[test]
fn a_removed_module_comes_back_too() {
    on(paused().with(provider()).with(plain("b")), |base, running| async move {
        running.deploy(Change::new().remove(name("provider")).bake(BAKE)).await?;
        assert_eq!(running.modules().len(), 2, "`b`, and the test's own");
        running.deploy(Change::new().revive(name("provider"))).await?;
        assert_eq!(generation(&running, "provider").await, 1);
        base.settled().await
    });
}

#[test]
fn there_is_one_warm_predecessor_and_a_set_ends_one_by_one() {
    on(paused().with(provider()).with(plain("b")), |base, running| async move {
        running.deploy(Change::new().put(provider()).put(plain("b")).bake(BAKE)).await?;
        assert_eq!(warm(&running), ["b@main#1", "provider@main#1"]);
        let mut events = running.history().subscribe();
        running.deploy(Change::new().put(provider()).bake(BAKE)).await?;
        assert_eq!(warm(&running), ["b@main#1", "provider@main#2"], "the next deployment ends the older bake");
        until(&mut events, "provider", 1, Stopped).await;
        running.deploy(Change::new().put(provider())).await?;
        assert_eq!(warm(&running), ["b@main#1"], "one without a bake time ends it as well");
        running.deploy(Change::new().revive(name("b"))).await?;
        base.settled().await?;
        assert_eq!((state(&running, "b", 1), state(&running, "b", 2)), (Active, Stopped));
        Ok(())
    });
}

#[test]
fn who_has_no_warm_predecessor_cannot_come_back() {
    on(paused().with(provider()), |base, running| async move {
        let back = || Change::new().revive(name("provider"));
        assert!(running.deploy(back()).await.unwrap_err().has("not-warm"));
        running.deploy(Change::new().put(provider()).bake(BAKE)).await?;
        let both = running.deploy(back().put(provider())).await.unwrap_err();
        assert!(both.has("contradictory-change"), "{both}");
        assert_eq!(warm(&running), ["provider@main#1"], "a refused deployment leaves it warm");
        base.advance(BAKE + Duration::from_secs(1)).await;
        base.settled().await?;
        assert!(running.deploy(back()).await.unwrap_err().has("not-warm"));
        Ok(())
    });
}

/// A module whose start waits to be told how it ends.
fn slow(go: &Arc<Notify>, ends: Result<(), &'static str>) -> ModuleSpec {
    let go = go.clone();
    let script = Script::new().start(move |_| {
        let go = go.clone();
        async move {
            go.notified().await;
            ends.map_err(anyhow::Error::msg)
        }
    });
    script.named("slow")
}

#[test]
fn a_bake_time_that_ends_within_the_rollback_ends_what_fails_and_not_what_succeeds() {
    for ends in [Err("no"), Ok(())] {
        let builder = paused().with(provider()).set("lifecycle.start_deadline=10m");
        on(builder, |base, running| async move {
            running.deploy(Change::new().put(provider()).bake(BAKE)).await?;
            let (go, deploying) = (Arc::new(Notify::new()), running.clone());
            let change = Change::new().revive(name("provider")).put(slow(&go, ends));
            let back = tokio::spawn(async move { deploying.deploy(change).await });
            base.advance(BAKE * 2).await;
            assert_eq!(warm(&running), ["provider@main#1"], "it waits for the deployment that wants it");
            go.notify_one();
            let back = back.await?;
            base.settled().await?;
            let now = (state(&running, "provider", 1), state(&running, "provider", 2));
            match ends {
                Ok(()) => assert_eq!((back.unwrap().revived.len(), now), (1, (Active, Stopped))),
                Err(_) => assert_eq!((back.unwrap_err().has("start-failed"), now), (true, (Stopped, Active))),
            }
            Ok(())
        });
    }
}

#[test]
fn a_predecessor_outlives_the_restarts_of_what_replaced_it() {
    let fails = || {
        Script::new().entered().exports(|module, to| {
            to.add(crate::support::Handed(module.inside()));
            to.task("pump", || async { Err::<(), _>(anyhow::anyhow!("broken")) });
        })
    };
    let builder = paused().with(Script::new().entered().named("a")).set("restart.initial=1s").set("restart.attempts=2");
    on(builder, |base, running| async move {
        let mut events = running.history().subscribe();
        running.deploy(Change::new().put(fails().named("a")).bake(BAKE)).await?;
        base.advance(Duration::from_secs(10)).await;
        until(&mut events, "a", 4, Failed).await;
        assert_eq!(warm(&running), ["a@main#1"]);
        running.deploy(Change::new().revive(name("a"))).await?;
        assert_eq!(generation(&running, "a").await, 1);
        assert!(running.restarts().is_empty());
        base.settled().await
    });
}

#[test]
fn a_task_that_failed_while_its_instance_was_warm_counts_when_it_serves_again() {
    let fail = Arc::new(Notify::new());
    let fails = fail.clone();
    let script = Script::new().entered().start(move |inside| {
        let fail = fails.clone();
        inside.context.spawn("brittle", async move {
            fail.notified().await;
            Err::<(), _>(anyhow::anyhow!("broken"))
        });
        async { Ok(()) }
    });
    on(paused().with(script.named("a")), |base, running| async move {
        running.deploy(Change::new().put(plain("a")).bake(BAKE)).await?;
        fail.notify_one();
        base.advance(Duration::from_millis(1)).await;
        assert!(running.restarts().is_empty(), "what does not serve is not restarted");
        running.deploy(Change::new().revive(name("a"))).await?;
        assert_eq!(running.restarts()[0].cause, "task `brittle` failed: broken");
        base.settled().await
    });
}

#[test]
fn a_base_ends_with_what_is_warm_in_one_order() {
    let stops = Arc::new(Mutex::new(Vec::new()));
    let telling = |module: &str| {
        let stops = stops.clone();
        let script = Script::new().entered().stop(move |inside| {
            stops.lock().unwrap().push(inside.context.id().to_string());
            async { Ok(()) }
        });
        script.named(module)
    };
    let user = || telling("user").requires_ping();
    let provider = || telling("provider").publishes_ping();
    on(paused().with(user()).with(provider()), |_, running| async move {
        running.deploy(Change::new().put(user()).put(provider()).bake(BAKE)).await?;
        running.shutdown().await?;
        Ok(())
    });
    let stops = stops.lock().unwrap().clone();
    let at = |id: &str| stops.iter().position(|stop| stop == id).unwrap();
    assert_eq!(stops.len(), 4, "{stops:?}");
    assert!(at("user@main#1") < at("provider@main#1") && at("user@main#2") < at("provider@main#2"), "{stops:?}");
}
