//! A reference belongs to the instance that took it, and resolves where that instance is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bedplate::{CallError, Change, ModuleSpec, ServiceRef};
use futures_util::FutureExt;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::support::{Inside, Ping, Pong, Requires, Script, deed, enter, name, plain, with};

fn provider() -> ModuleSpec {
    plain("provider").publishes_ping()
}

/// A module with a task that answers, from outside any entry, what generation its reference finds.
fn asker(questions: &Arc<Mutex<Vec<Questions>>>) -> ModuleSpec {
    let questions = questions.clone();
    let script = Script::new().start(move |inside| {
        let (ask, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<Result<u64, CallError>>>();
        questions.lock().unwrap().push(ask);
        let ping = inside.ping.clone();
        inside.context.spawn("answers", async move {
            while let Some(answer) = asked.recv().await {
                let _ = answer.send(ping.generation().await);
            }
        });
        async { Ok(()) }
    });
    script.named("asker").requires_ping()
}

type Questions = mpsc::UnboundedSender<oneshot::Sender<Result<u64, CallError>>>;

async fn ask(of: &Questions) -> Result<u64, CallError> {
    let (answer, answered) = oneshot::channel();
    of.send(answer).unwrap();
    answered.await.unwrap()
}

fn is_retired(result: &Result<u64, CallError>, instance: &str) -> bool {
    matches!(result, Err(CallError::Retired { instance: by, .. }) if by == instance)
}

#[test]
fn a_task_of_an_old_generation_stays_in_the_newest_composition_that_holds_it() {
    let questions = Arc::new(Mutex::new(Vec::new()));
    with([provider(), asker(&questions)], |base, running| async move {
        let first = questions.lock().unwrap()[0].clone();
        assert_eq!(ask(&first).await?, 1);
        // Its neighbour moves on, and so do its calls: the composition that serves holds it.
        base.swap_to(provider()).await?;
        assert_eq!(ask(&first).await?, 2);
        // Both move on together: the old task stays with the old provider.
        running.deploy(Change::new().put(provider()).put(asker(&questions))).await?;
        assert_eq!(ask(&first).await?, 2);
        let second = questions.lock().unwrap()[1].clone();
        assert_eq!(ask(&second).await?, 3);
        base.swap_to(provider()).await?;
        assert_eq!(ask(&first).await?, 2, "still, though its provider was replaced twice");
        assert_eq!(ask(&second).await?, 4);
        drop(first);
        drop(std::mem::take(&mut *questions.lock().unwrap()));
        drop(second);
        base.settled().await
    });
}

/// Takes a reference of a module out of it, as a leak would.
fn leaking(name: &str, to: &Arc<Mutex<Vec<Inside>>>) -> ModuleSpec {
    let to = to.clone();
    let script = Script::new().start(move |inside| {
        to.lock().unwrap().push(inside);
        async { Ok(()) }
    });
    script.named(name)
}

#[test]
fn a_reference_of_a_retired_generation_is_refused() {
    let leaked = Arc::new(Mutex::new(Vec::new()));
    with([provider(), leaking("holder", &leaked).requires_ping()], |base, _| async move {
        let old = leaked.lock().unwrap()[0].clone();
        assert_eq!(old.ping.generation().await?, 1);
        assert!(ServiceRef::is_published(&old.ping));
        base.swap_to(plain("holder").requires_ping()).await?;
        base.settled().await?;
        let refused = old.ping.generation().await;
        assert!(is_retired(&refused, "holder@main#1"), "{refused:?}");
        assert!(is_retired(&old.ping.plain(Box::new(|_| 1)), "holder@main#1"));
        assert!(matches!(old.many.all(), Err(CallError::Retired { .. })));
        assert!(!ServiceRef::is_published(&old.ping));
        Ok(())
    });
}

#[test]
fn a_reference_does_not_resolve_in_an_entry_that_does_not_hold_its_owner() {
    let leaked = Arc::new(Mutex::new(Vec::new()));
    let (inside, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let other = Script::new().entered().named("other");
    with([provider(), leaking("holder", &leaked).requires_ping(), other], |base, running| async move {
        // An entry of `other` pins the first composition, and waits.
        let entry = tokio::spawn({
            let (running, leaked, entered, goes) = (running.clone(), leaked.clone(), inside.clone(), go.clone());
            async move {
                let waits = deed(move |_| async move {
                    entered.notify_one();
                    goes.notified().await;
                    let [old, new] = [0, 1].map(|index| leaked.lock().unwrap()[index].clone());
                    assert_eq!(old.ping.generation().await?, 1, "it is in the pinned composition");
                    let refused = new.ping.generation().await;
                    assert!(is_retired(&refused, "holder@main#2"), "the next one is not: {refused:?}");
                    Ok(0)
                });
                enter(&running, "other", waits).await
            }
        });
        inside.notified().await;
        base.swap_to(leaking("holder", &leaked).requires_ping()).await?;
        // And the other way round: an entry of now refuses the reference of before.
        let old = leaked.lock().unwrap()[0].clone();
        let refused = enter(&running, "other", deed(move |_| async move { old.ping.generation().await })).await;
        assert!(is_retired(&refused, "holder@main#1"), "{refused:?}");
        go.notify_one();
        entry.await??;
        leaked.lock().unwrap().clear();
        base.settled().await
    });
}

#[test]
fn a_call_of_an_old_generation_never_reaches_a_new_provider() {
    let leaked = Arc::new(Mutex::new(Vec::new()));
    with([provider(), leaking("holder", &leaked).requires_ping()], |base, running| async move {
        let old = leaked.lock().unwrap()[0].clone();
        // Nothing keeps the drain from ending: what nobody tracks is refused, never rerouted.
        for _ in 0..50 {
            running.deploy(Change::new().put(provider()).put(leaking("holder", &leaked).requires_ping())).await?;
            match old.ping.generation().await {
                Ok(generation) => assert_eq!(generation, 1),
                refused => assert!(is_retired(&refused, "holder@main#1"), "{refused:?}"),
            }
        }
        base.settled().await?;
        assert!(is_retired(&old.ping.generation().await, "holder@main#1"));
        leaked.lock().unwrap().clear();
        Ok(())
    });
}

#[test]
fn the_task_of_a_generation_that_is_about_to_serve_is_never_refused() {
    // A task that begins in `start` calls without pause while its composition goes live.
    let caller = |stopped: Arc<Mutex<Vec<CallError>>>| {
        let script = Script::new().start(move |inside| {
            let stopped = stopped.clone();
            let (context, ping) = (inside.context.clone(), inside.ping.clone());
            inside.context.spawn("calls", async move {
                while !context.is_draining() {
                    if let Err(error) = ping.generation().await {
                        stopped.lock().unwrap().push(error);
                    }
                    tokio::task::yield_now().await;
                }
            });
            async { Ok(()) }
        });
        script.named("caller").requires_ping()
    };
    let refused = Arc::new(Mutex::new(Vec::new()));
    let seen = refused.clone();
    with([provider(), caller(refused.clone())], |base, running| async move {
        for _ in 0..300 {
            running.deploy(Change::new().put(caller(refused.clone()))).await?;
        }
        base.settled().await
    });
    assert_eq!(*seen.lock().unwrap(), []);
}

#[test]
fn untracked_work_is_refused_before_its_provider_stops() {
    // How often somebody whom nobody counts has called, and how often while the provider stopped.
    let (attempts, late) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let stopping = Arc::new(AtomicBool::new(false));
    let (seen, is_stopping) = (attempts.clone(), stopping.clone());
    let stops = Script::new().stop(move |_| {
        let seen = seen.clone();
        is_stopping.store(true, Ordering::SeqCst);
        async move {
            let before = seen.load(Ordering::SeqCst);
            while seen.load(Ordering::SeqCst) < before + 3 {
                tokio::task::yield_now().await;
            }
            Ok(())
        }
    });
    let leaked = Arc::new(Mutex::new(Vec::new()));
    let modules = [stops.named("provider").publishes_ping(), leaking("holder", &leaked).requires_ping()];
    let counted = late.clone();
    with(modules, |base, running| async move {
        let old = leaked.lock().unwrap().remove(0);
        let foreign = tokio::spawn({
            let attempts = attempts.clone();
            async move {
                let mut refused = Vec::new();
                while refused.len() < 10 {
                    let (stopping, late) = (stopping.clone(), late.clone());
                    let look = Box::new(move |_: Inside| {
                        late.fetch_add(u64::from(stopping.load(Ordering::SeqCst)), Ordering::SeqCst);
                        0
                    });
                    refused.extend(old.ping.plain(look).err());
                    attempts.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
                refused
            }
        });
        while attempts.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        running.deploy(Change::new().put(provider()).put(plain("holder").requires_ping())).await?;
        foreign.await?.iter().for_each(|refused| assert!(matches!(refused, CallError::Retired { .. }), "{refused}"));
        // The stop waits for attempts, and the foreigner may have ended before it began.
        let counting = async {
            loop {
                attempts.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            settled = base.settled() => settled,
            () = counting => unreachable!("it counts for ever"),
        }
    });
    assert_eq!(counted.load(Ordering::SeqCst), 0, "nothing is inside a module that stops");
}

#[test]
fn references_of_one_base_mean_nothing_to_another() {
    let leaked = Arc::new(Mutex::new(Vec::new()));
    let keep = leaked.clone();
    let outer = [Script::new().entered().named("outer")];
    with([provider(), leaking("holder", &leaked).requires_ping()], |base, _| async move {
        base.swap_to(provider()).await?;
        let foreign: ServiceRef<dyn Ping> = leaked.lock().unwrap().remove(0).ping;
        // Another base, in one process with the first: numbers of instances and compositions begin anew.
        let other = std::thread::spawn(move || {
            let test = move |_: bedplate::testing::TestBase, running: bedplate::Base| async move {
                let found = enter(&running, "outer", deed(move |_| async move { foreign.generation().await })).await;
                assert_eq!(found, Ok(2), "it resolves in its own base");
                Ok(())
            };
            with(outer, test);
        });
        let joined = tokio::task::spawn_blocking(move || other.join());
        assert!(joined.await?.is_ok());
        Ok(())
    });
    assert!(keep.lock().unwrap().is_empty());
}

#[test]
fn a_call_that_is_not_awaited_holds_nothing() {
    with([provider(), plain("user").requires_ping()], |base, _| async move {
        let ping = base.service::<dyn Ping>();
        let unused = ping.generation();
        base.swap_to(provider()).await?;
        base.settled().await?;
        assert_eq!(unused.await?, 2, "it is bound when it is called");
        assert!(base.service::<dyn Pong>().generation().now_or_never().unwrap().is_err());
        assert_eq!(ServiceRef::module(&ping), None);
        assert_eq!(base.service_of::<dyn Ping>(&name("provider")).generation().await?, 2);
        Ok(())
    });
}
