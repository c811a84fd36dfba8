//! A panic stays where it happened: caught, counted, told to the caller without its text, and
//! nothing is poisoned by it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bedplate::testing::TestBase;
use bedplate::{Base, CallError, Entry, EntryKind, ModuleSpec};

use crate::support::{Inside, Ping, Requires, Script, deed, enter, enter_as, instance, name, on, plain, with};

fn provider() -> ModuleSpec {
    Script::new().entered().named("provider").publishes_ping()
}

fn door() -> ModuleSpec {
    Script::new().entered().named("door").requires_ping()
}

fn panics(running: &Base, module: &str) -> u64 {
    let modules = running.modules();
    modules.iter().find(|info| info.instance.module == name(module)).unwrap().stats.panics
}

#[test]
fn in_an_entry_at_its_first_poll_or_a_later_one() {
    with([provider()], |_, running| async move {
        for late in [false, true] {
            let panicking = deed(move |_| async move {
                if late {
                    tokio::task::yield_now().await;
                }
                panic!("secret of the module")
            });
            let error = enter_as(&running, "provider", Entry::new(EntryKind::Request, "GET /a"), panicking).await;
            assert_eq!(error, Err(CallError::Panicked { target: "provider (GET /a)".into() }), "without its text");
        }
        assert_eq!(panics(&running, "provider"), 2);
        assert_eq!(
            enter(&running, "provider", deed(|inside| async move { inside.ping.generation().await })).await,
            Ok(1)
        );
        assert!(running.in_flight().is_empty());
        Ok(())
    });
}

#[test]
fn in_a_called_method_the_caller_goes_on() {
    with([provider(), door()], |_, running| async move {
        let calls = deed(|inside| async move {
            for late in [false, true] {
                let panicking = deed(move |_| async move {
                    if late {
                        tokio::task::yield_now().await;
                    }
                    panic!("secret of the module")
                });
                let error = inside.ping.run(panicking).await.unwrap_err();
                assert_eq!(error, CallError::Panicked { target: "provider (Ping::run)".into() });
            }
            let error = inside.ping.plain(Box::new(|_| panic!("plain"))).unwrap_err();
            assert_eq!(error, CallError::Panicked { target: "provider (Ping::plain)".into() });
            // Whoever calls is at work again, not whom it called.
            assert_eq!(bedplate::isolation::current().unwrap().instance.module.as_str(), "door");
            inside.ping.generation().await
        });
        assert_eq!(enter(&running, "door", calls).await, Ok(1));
        assert_eq!((panics(&running, "provider"), panics(&running, "door")), (3, 0), "counted where it happened");
        Ok(())
    });
}

#[test]
fn before_a_method_has_made_its_future() {
    with([provider()], |base, running| async move {
        let error = base.service::<dyn Ping>().run(Box::new(|_| panic!("no future"))).await.unwrap_err();
        assert!(matches!(error, CallError::Panicked { .. }), "{error}");
        assert_eq!(panics(&running, "provider"), 1);
        Ok(())
    });
}

/// Panics when it is dropped, and says as whom.
struct Grenade(Arc<Mutex<Vec<String>>>);

impl Drop for Grenade {
    fn drop(&mut self) {
        let current = bedplate::isolation::current().unwrap();
        self.0.lock().unwrap().push(current.instance.to_string());
        panic!("dropped");
    }
}

#[test]
fn in_the_drop_of_a_future_whose_caller_has_gone() {
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let told = dropped.clone();
    with([provider(), door()], |_, running| async move {
        let (entry_has, call_has) = (Grenade(told.clone()), Grenade(told.clone()));
        let calls = deed(move |inside| async move {
            let _here = entry_has;
            let waits = deed(move |_| async move {
                let _there = call_has;
                std::future::pending().await
            });
            inside.ping.run(waits).await
        });
        let mut entry = Box::pin(enter(&running, "door", calls));
        assert!(poll_once(entry.as_mut()).await.is_pending());
        drop(entry);
        assert_eq!(*told.lock().unwrap(), ["provider@main#1", "door@main#1"], "each as the module it belongs to");
        assert_eq!((panics(&running, "provider"), panics(&running, "door")), (1, 1));
        let stats = running.modules().into_iter().map(|info| info.stats);
        assert!(stats.clone().all(|stats| stats.in_flight == 0), "{:?}", stats.collect::<Vec<_>>());
        assert!(bedplate::isolation::current().is_none());
        Ok(())
    });
    assert_eq!(dropped.lock().unwrap().len(), 2);
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx: &mut Context<'_>| Poll::Ready(future.as_mut().poll(cx))).await
}

#[test]
fn in_the_drop_of_a_future_that_met_its_deadline() {
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let told = dropped.clone();
    on(TestBase::builder().with(provider()).paused_time(), |base, running| async move {
        let grenade = Grenade(told);
        let entry = Entry::new(EntryKind::Job, "sweep").deadline(Duration::from_secs(5));
        let waits = deed(move |_| async move {
            let _held = grenade;
            std::future::pending().await
        });
        let (ended, ()) =
            tokio::join!(enter_as(&running, "provider", entry, waits), base.advance(Duration::from_secs(6)));
        assert_eq!(ended, Err(CallError::DeadlineExceeded { target: "provider (sweep)".into() }));
        assert_eq!(panics(&running, "provider"), 1);
        Ok(())
    });
    assert_eq!(*dropped.lock().unwrap(), ["provider@main#1"]);
}

/// A panic whose value panics when it is dropped, and whose value does too.
struct Chain(u32);

impl Drop for Chain {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Chain(self.0 - 1));
        }
    }
}

#[test]
fn whose_value_panics_when_it_is_dropped() {
    with([provider()], |base, running| async move {
        for depth in 0..4 {
            let chained = deed(move |_| async move { std::panic::panic_any(Chain(depth)) });
            let error = base.service::<dyn Ping>().run(chained).await.unwrap_err();
            assert!(matches!(error, CallError::Panicked { .. }), "{error}");
        }
        assert_eq!(panics(&running, "provider"), 4);
        Ok(())
    });
}

#[test]
fn in_a_stream_closes_the_stream() {
    with([provider()], |_, running| async move {
        let stream = instance(&running.pin(), "provider").stream();
        assert_eq!(stream.run(|| 1), Some(1));
        assert_eq!(stream.run(|| -> u32 { panic!("in the body") }), None);
        assert_eq!(panics(&running, "provider"), 1);
        assert!(bedplate::isolation::current().is_none());
        Ok(())
    });
}

#[test]
fn in_readiness_is_a_reason_not_to_be_ready() {
    let asked = Arc::new(Mutex::new(0));
    let script = Script::new().ready(move |_| {
        let asked = asked.clone();
        async move {
            let mut asked = asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *asked += 1;
            assert!(*asked == 1, "not again");
            Ok(())
        }
    });
    with([script.named("a")], |_, running| async move {
        let readiness = running.readiness().await;
        let a = readiness.modules.iter().find(|module| module.module == name("a")).unwrap();
        assert_eq!((a.ready, a.reason.as_deref()), (false, Some("a (ready) panicked")));
        Ok(())
    });
}

#[test]
fn in_many_places_at_once_harms_nobody_else() {
    with([provider(), plain("quiet")], |base, running| async move {
        let callers: Vec<_> = (0..32)
            .map(|index| {
                let (base, running) = (base.clone(), running.clone());
                tokio::spawn(async move {
                    for round in 0..20 {
                        let odd = (index + round) % 2 == 1;
                        let work = deed(move |inside: Inside| async move {
                            tokio::task::yield_now().await;
                            assert!(!odd, "every second one");
                            inside.ping.generation().await
                        });
                        match enter(&running, "provider", work).await {
                            Ok(generation) => assert!(!odd && generation == 1),
                            Err(error) => assert!(odd && matches!(error, CallError::Panicked { .. }), "{error}"),
                        }
                        assert_eq!(base.service::<dyn Ping>().generation().await, Ok(1));
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await?;
        }
        assert_eq!(panics(&running, "provider"), 320);
        Ok(())
    });
}
