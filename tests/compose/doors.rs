//! The gate of a module that is being replaced: what comes waits in its place, for as long as it may, and
//! enters or is led elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bedplate::compose::CompositionError;
use bedplate::isolation::StatsSnapshot;
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{
    Admission, Base, CallError, Change, Deployed, Entry, EntryKind, ErrorKind, ModuleSpec, Result, ServiceError,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{Inside, Ping, Pong, Requires, Script, deed, enter_as, instance, name, on};

/// A module whose next generation is in its start until it is told what becomes of it.
#[derive(Clone, Default)]
struct Slow {
    begun: Arc<Notify>,
    go: Arc<Notify>,
    fails: Arc<AtomicBool>,
}

type Deploying = JoinHandle<Result<Deployed, CompositionError>>;

impl Slow {
    fn next(&self) -> ModuleSpec {
        let slow = self.clone();
        let script = Script::new().entered().start(move |_| {
            let slow = slow.clone();
            async move {
                slow.begun.notify_one();
                slow.go.notified().await;
                anyhow::ensure!(!slow.fails.load(Ordering::SeqCst), "it does not start");
                Ok(())
            }
        });
        script.named("slow").publishes_ping().exclusive()
    }

    /// Begins to replace it, and returns when its door is held.
    async fn deploy(&self, running: &Base) -> Deploying {
        let (running, change) = (running.clone(), Change::new().put(self.next()));
        let deploying = tokio::spawn(async move { running.deploy(change).await });
        self.begun.notified().await;
        deploying
    }

    /// The new code does not come up: the old one is started again.
    fn fail(&self) {
        self.fails.store(true, Ordering::SeqCst);
        self.go.notify_one();
    }
}

fn slow() -> ModuleSpec {
    Script::new().entered().named("slow").publishes_ping().exclusive()
}

fn paused() -> TestBaseBuilder {
    TestBase::builder().paused_time().set("deploy.hold=5s").with(slow())
}

fn stats(running: &Base) -> StatsSnapshot {
    running.modules().into_iter().find(|module| module.instance.module == name("slow")).unwrap().stats
}

async fn turns() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// An entry from outside that says which generation it has come to.
fn enters(running: &Base, entry: Entry) -> JoinHandle<Result<u64, CallError>> {
    let running = running.clone();
    tokio::spawn(async move {
        let generation = deed(|inside: Inside| async move { Ok(inside.context.id().generation) });
        enter_as(&running, "slow", entry, generation).await
    })
}

#[test]
fn whatever_comes_from_outside_waits() {
    on(paused(), |_, running| async move {
        let slow = Slow::default();
        let deploying = slow.deploy(&running).await;
        let kinds = [EntryKind::Request, EntryKind::Job, EntryKind::Message];
        let waiting: Vec<_> = kinds.map(|kind| enters(&running, Entry::new(kind, kind.as_str()))).into();
        turns().await;
        let shown = running.in_flight();
        let mut labels: Vec<_> = shown.iter().filter(|entry| entry.waiting).map(|entry| entry.label.as_str()).collect();
        labels.sort_unstable();
        assert_eq!(labels, ["job", "message", "request"], "{shown:?}");
        assert!(shown.iter().any(|entry| entry.kind == EntryKind::Start && !entry.waiting), "{shown:?}");
        slow.go.notify_one();
        deploying.await??;
        for entered in waiting {
            assert_eq!(entered.await?, Ok(2));
        }
        assert!(running.in_flight().is_empty());
        assert_eq!((stats(&running).held, stats(&running).waiting, stats(&running).refused), (3, 0, 0));
        Ok(())
    });
}

#[test]
fn what_waits_keeps_its_deadline() {
    on(paused(), |base, running| async move {
        let slow = Slow::default();
        let deploying = slow.deploy(&running).await;
        let short = enters(&running, Entry::new(EntryKind::Request, "short").deadline(Duration::from_secs(2)));
        turns().await;
        base.advance(Duration::from_millis(2100)).await;
        assert_eq!(short.await?, Err(CallError::DeadlineExceeded { target: "slow (short)".into() }));
        let long = enters(&running, Entry::new(EntryKind::Request, "long"));
        turns().await;
        base.advance(Duration::from_millis(5100)).await;
        let error = long.await?.unwrap_err();
        assert_eq!(error, CallError::Held { target: "slow (long)".into(), waited: "5s".into() });
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!((stats(&running).deadlines, stats(&running).refused), (1, 1));
        slow.go.notify_one();
        deploying.await??;
        Ok(())
    });
}

#[test]
fn whoever_goes_away_leaves_the_line() {
    on(paused(), |_, running| async move {
        let slow = Slow::default();
        let deploying = slow.deploy(&running).await;
        let goes = enters(&running, Entry::new(EntryKind::Request, "goes"));
        let stays = enters(&running, Entry::new(EntryKind::Request, "stays"));
        turns().await;
        assert_eq!(stats(&running).waiting, 2);
        goes.abort();
        assert!(goes.await.unwrap_err().is_cancelled());
        assert_eq!((stats(&running).waiting, stats(&running).abandoned), (1, 1));
        slow.go.notify_one();
        deploying.await??;
        assert_eq!(stays.await?, Ok(2));
        Ok(())
    });
}

#[test]
fn a_starter_is_told_where_else_to_go() {
    on(paused(), |_, running| async move {
        let slow = Slow::default();
        let entry = Entry::new(EntryKind::Request, "a request");
        let pin = running.pin();
        let open = instance(&pin, "slow");
        assert!(open.is_open() && !pin.is_held());
        assert!(matches!(open.admitted(&pin, &entry).await, Admission::Enter));
        drop((pin, open));

        let deploying = slow.deploy(&running).await;
        let pin = running.pin();
        let held = instance(&pin, "slow");
        assert!(!held.is_open() && pin.is_held());
        let asks = tokio::spawn(held.admitted(&pin, &entry));
        let (entered, blindly) = (held.clone(), pin.clone());
        let ran = Arc::new(AtomicBool::new(false));
        let runs = ran.clone();
        let enters = tokio::spawn(async move {
            let work = async move { runs.store(true, Ordering::SeqCst) };
            entered.enter(&blindly, Entry::new(EntryKind::Request, "blindly"), work).await
        });
        turns().await;
        assert_eq!(stats(&running).waiting, 2);
        slow.fail();
        assert!(deploying.await?.is_err());
        let Admission::Superseded(elsewhere) = asks.await? else { panic!("it is not let in") };
        assert_eq!(instance(&elsewhere, "slow").id().generation, 3, "the old code, started again");
        assert!(instance(&elsewhere, "slow").is_open());
        assert_eq!(enters.await?, Err(CallError::Superseded { target: "slow (blindly)".into() }));
        assert!(!ran.load(Ordering::SeqCst), "nothing of it has run");
        // And so is whoever comes late, with the composition that did not come up.
        assert!(matches!(held.admitted(&pin, &entry).await, Admission::Superseded(_)));
        Ok(())
    });
}

#[test]
fn a_starter_is_told_that_it_waited_too_long() {
    on(paused(), |base, running| async move {
        let slow = Slow::default();
        let deploying = slow.deploy(&running).await;
        let pin = running.pin();
        let held = instance(&pin, "slow");
        let patient = tokio::spawn(held.admitted(&pin, &Entry::new(EntryKind::Request, "patient")));
        let brief = Entry::new(EntryKind::Request, "brief").deadline(Duration::from_secs(1));
        let brief = tokio::spawn(held.admitted(&pin, &brief));
        turns().await;
        base.advance(Duration::from_millis(5100)).await;
        let late = CallError::Held { target: "slow (patient)".into(), waited: "5s".into() };
        assert!(matches!(patient.await?, Admission::Refused(error) if error == late));
        let late = CallError::DeadlineExceeded { target: "slow (brief)".into() };
        assert!(matches!(brief.await?, Admission::Refused(error) if error == late));
        slow.go.notify_one();
        deploying.await??;
        Ok(())
    });
}

#[test]
fn what_is_inside_already_never_waits_for_itself() {
    // Its start calls a neighbour, which calls it back.
    let calls_round = Script::new().entered().start(|inside| async move {
        if inside.context.id().generation == 1 {
            return Ok(());
        }
        let back = deed(|neighbour: Inside| async move { neighbour.ping.generation().await });
        match inside.pong.run(back).await {
            Err(CallError::NotStarted { .. }) => Ok(()),
            other => anyhow::bail!("it was answered {other:?}"),
        }
    });
    let round = calls_round.named("slow").publishes_ping().requires_pong().exclusive();
    let neighbour = Script::new().entered().named("neighbour").publishes_pong();
    let builder = TestBase::builder().paused_time().with(round.clone()).with(neighbour);
    on(builder, |base, _| async move {
        // Where it waited for itself, it would wait for ever: the clock stands still.
        base.swap_to(round.clone()).await?;
        assert_eq!(base.service::<dyn Ping>().generation().await?, 2);
        Ok(())
    });
}

#[test]
fn a_call_from_a_neighbour_is_led_on_where_it_can_be() {
    let neighbour = || Script::new().entered().named("neighbour").publishes_pong().requires_ping();
    on(paused().with(neighbour()), |base, running| async move {
        let slow = Slow::default();
        let deploying = slow.deploy(&running).await;
        let pong = base.service::<dyn Pong>();
        let through = tokio::spawn(async move {
            pong.run(deed(|inside: Inside| async move {
                let first = inside.ping.generation().await?;
                // A second call of the same request goes where the first one went.
                Ok(first * 10 + inside.ping.generation().await?)
            }))
            .await
        });
        turns().await;
        assert_eq!(stats(&running).waiting, 1);
        slow.fail();
        assert!(deploying.await?.is_err());
        assert_eq!(through.await?, Ok(33));
        Ok(())
    });
}
