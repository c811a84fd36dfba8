//! The time that is left goes down with the calls; what is called too deep is refused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{CallError, Entry, EntryKind};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::support::{Deed, Inside, Ping, Pong, Requires, Script, deed, enter, enter_as, on, with};

fn paused() -> TestBaseBuilder {
    let a = Script::new().entered().named("a").publishes_ping();
    let b = Script::new().entered().named("b").publishes_pong().requires_ping();
    TestBase::builder().with(a).with(b).paused_time()
}

fn within(seconds: u64) -> Entry {
    Entry::new(EntryKind::Request, "GET /").deadline(Duration::from_secs(seconds))
}

fn deadline() -> Option<Instant> {
    bedplate::isolation::current().unwrap().deadline
}

#[test]
fn a_call_has_the_deadline_of_its_entry() {
    on(paused(), |_, running| async move {
        let begin = Instant::now();
        let asks = deed(move |inside| async move {
            let expected = Some(begin + Duration::from_secs(5));
            assert_eq!(deadline(), expected);
            let nested = deed(move |inside| async move {
                assert_eq!(deadline(), expected);
                let plain = move |_: Inside| u64::from(deadline() == expected);
                inside.ping.plain(Box::new(plain))
            });
            inside.pong.run(nested).await
        });
        assert_eq!(enter_as(&running, "a", within(5), asks).await, Ok(1));
        // An entry without one has none.
        let none =
            deed(
                |inside| async move { inside.pong.run(deed(|_| async { Ok(u64::from(deadline().is_none())) })).await },
            );
        assert_eq!(enter(&running, "a", none).await, Ok(1));
        Ok(())
    });
}

#[test]
fn an_entry_that_waits_too_long_is_given_up_wherever_it_is() {
    on(paused(), |base, running| async move {
        let nested = deed(|inside| async move { inside.pong.run(deed(|_| std::future::pending())).await });
        let (ended, ()) =
            tokio::join!(enter_as(&running, "a", within(5), nested), base.advance(Duration::from_secs(6)));
        assert_eq!(ended, Err(CallError::DeadlineExceeded { target: "a (GET /)".into() }));
        let stats: Vec<_> = running.modules().into_iter().map(|info| info.stats).collect();
        assert_eq!((stats[0].deadlines, stats[0].in_flight, stats[1].in_flight), (1, 0, 0));
        Ok(())
    });
}

#[test]
fn a_call_after_the_deadline_is_refused() {
    on(paused(), |base, running| async move {
        let outcome = Arc::new(Mutex::new(None));
        let kept = outcome.clone();
        let clock = base.clone();
        let late = deed(move |inside| async move {
            // Moves the clock itself, within one poll of the entry.
            tokio::time::advance(Duration::from_secs(6)).await;
            drop(clock);
            *kept.lock().unwrap() = Some((inside.pong.generation().await, inside.ping.plain(Box::new(|_| 1))));
            Ok(0)
        });
        enter_as(&running, "a", within(5), late).await.ok();
        let told = outcome.lock().unwrap().take();
        if let Some((call, plain)) = told {
            assert_eq!(call, Err(CallError::DeadlineExceeded { target: "b (Pong::generation)".into() }));
            assert_eq!(plain, Err(CallError::DeadlineExceeded { target: "a (Ping::plain)".into() }));
        }
        Ok(())
    });
}

#[test]
fn an_entry_that_never_rests_meets_its_deadline_too() {
    // Tokio's own timers do not fire for work that spends its whole budget at each poll.
    on(paused(), |base, running| async move {
        let restless = deed(|_| async {
            loop {
                tokio::task::coop::consume_budget().await;
            }
        });
        let busy = tokio::spawn({
            let running = running.clone();
            async move { enter_as(&running, "a", within(5), restless).await }
        });
        base.advance(Duration::from_secs(6)).await;
        assert_eq!(busy.await?, Err(CallError::DeadlineExceeded { target: "a (GET /)".into() }));
        Ok(())
    });
}

#[test]
fn an_entry_that_ends_in_time_keeps_its_answer() {
    on(paused(), |base, running| async move {
        let slow = deed(|_| async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Ok(9)
        });
        let (ended, ()) = tokio::join!(enter_as(&running, "a", within(5), slow), base.advance(Duration::from_secs(6)));
        assert_eq!(ended, Ok(9));
        Ok(())
    });
}

#[test]
fn an_entry_whose_caller_goes_away_is_counted_as_abandoned() {
    on(paused(), |base, running| async move {
        let entry = tokio::spawn({
            let running = running.clone();
            async move { enter_as(&running, "a", within(50), deed(|_| std::future::pending())).await }
        });
        base.advance(Duration::from_secs(1)).await;
        assert_eq!(running.in_flight().len(), 1);
        entry.abort();
        assert!(entry.await.unwrap_err().is_cancelled());
        let stats = running.modules()[0].stats;
        assert_eq!((stats.requests, stats.abandoned, stats.cancelled, stats.in_flight), (1, 1, 0, 0));
        assert!(running.in_flight().is_empty());
        Ok(())
    });
}

/// Calls the other module, which calls this one, and so on.
fn endless(depth: Arc<Mutex<u64>>) -> Deed {
    fn down(inside: Inside, depth: Arc<Mutex<u64>>) -> BoxFuture<'static, Result<u64, CallError>> {
        *depth.lock().unwrap() += 1;
        let further = depth.clone();
        Box::pin(async move { inside.pong.run(deed(move |inside| up(inside, further))).await })
    }
    fn up(inside: Inside, depth: Arc<Mutex<u64>>) -> BoxFuture<'static, Result<u64, CallError>> {
        *depth.lock().unwrap() += 1;
        let further = depth.clone();
        Box::pin(async move { inside.ping.run(deed(move |inside| down(inside, further))).await })
    }
    deed(move |inside| down(inside, depth))
}

#[test]
fn modules_that_call_each_other_without_end_are_refused() {
    let a = Script::new().entered().named("a").publishes_ping();
    let b = Script::new().named("b").publishes_pong().requires_ping();
    with([a, b], |_, running| async move {
        let depth = Arc::new(Mutex::new(0));
        let refused = enter(&running, "a", endless(depth.clone())).await.unwrap_err();
        assert!(matches!(&refused, CallError::TooDeep { limit: 64, .. }), "{refused}");
        assert_eq!(*depth.lock().unwrap(), 65, "the entry itself, and 64 calls");
        // The same with plain methods.
        fn plain(inside: Inside) -> u64 {
            let below = inside.ping.plain(Box::new(plain));
            below.map_or(0, |below| below + 1)
        }
        let counted = enter(&running, "a", deed(|inside| async move { Ok(plain(inside)) })).await;
        assert_eq!(counted, Ok(64));
        Ok(())
    });
}
