//! Draining is counting: entries, streams, tasks, and those of neighbours; at the deadline what is
//! left is cancelled and named.

use std::cell::RefCell;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::time::Duration;

use bedplate::isolation::StreamGuard;
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Base, CallError, Change, Entry, EntryKind, ModuleSpec, ModuleState, Result};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{
    Inside, Ping, Pong, Requires, Script, deed, enter, enter_as, instance, name, on, plain, states, until, with,
};

use ModuleState::{Draining, Stopped};

/// A request into a module that waits to be let go; it answers with the generation it sees then.
struct Waiting {
    go: Arc<Notify>,
    entry: JoinHandle<Result<u64, CallError>>,
}

impl Waiting {
    async fn inside(running: &Base, module: &str, label: &'static str) -> Self {
        let (inside, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (entered, goes, running, module) = (inside.clone(), go.clone(), running.clone(), module.to_owned());
        let entry = tokio::spawn(async move {
            let waits = deed(move |inside| async move {
                entered.notify_one();
                goes.notified().await;
                inside.ping.generation().await
            });
            enter_as(&running, &module, Entry::new(EntryKind::Request, label), waits).await
        });
        inside.notified().await;
        Self { go, entry }
    }

    async fn leave(self) -> Result<u64, CallError> {
        self.go.notify_one();
        self.entry.await.unwrap()
    }
}

fn provider() -> ModuleSpec {
    Script::new().entered().named("provider").publishes_ping()
}

fn door() -> ModuleSpec {
    Script::new().entered().named("door").requires_ping()
}

/// A base whose clock stands still, so that nothing ends by itself.
fn paused() -> TestBaseBuilder {
    TestBase::builder().paused_time().set("drain.deadline=30s").set("lifecycle.stop_deadline=10s")
}

#[test]
fn a_drain_waits_for_an_entry() {
    on(paused().with(provider()), |base, running| async move {
        let waiting = Waiting::inside(&running, "provider", "a request").await;
        base.swap_to(provider()).await?;
        base.advance(Duration::from_secs(29)).await;
        assert_eq!(states(&running, "provider", 1).last(), Some(&Draining));
        let left: Vec<_> =
            running.in_flight().into_iter().map(|entry| (entry.instance.to_string(), entry.label)).collect();
        assert_eq!(left, [("provider@main#1".to_owned(), "a request".to_owned())], "what drains is shown");
        assert_eq!(waiting.leave().await?, 1);
        base.settled().await?;
        assert_eq!(states(&running, "provider", 1).last(), Some(&Stopped));
        Ok(())
    });
}

#[test]
fn a_drain_waits_for_the_entry_of_a_neighbour_that_may_still_call() {
    on(paused().with(provider()).with(door()), |base, running| async move {
        let waiting = Waiting::inside(&running, "door", "a request").await;
        base.swap_to(provider()).await?;
        base.swap_to(provider()).await?;
        base.advance(Duration::from_secs(29)).await;
        assert_eq!(states(&running, "provider", 1).last(), Some(&Draining), "the entry has pinned it");
        assert_eq!(states(&running, "provider", 2).last(), Some(&Stopped), "this one it has not");
        assert_eq!(waiting.leave().await?, 1);
        base.settled().await?;
        assert_eq!(states(&running, "provider", 1).last(), Some(&Stopped));
        Ok(())
    });
}

#[test]
fn a_drain_waits_for_streams() {
    on(paused().with(provider()), |base, running| async move {
        let stream: StreamGuard = instance(&running.pin(), "provider").stream();
        base.swap_to(provider()).await?;
        base.advance(Duration::from_secs(29)).await;
        assert_eq!(states(&running, "provider", 1).last(), Some(&Draining));
        assert_eq!(stream.run(|| bedplate::isolation::current().unwrap().instance.generation), Some(1));
        assert!(!stream.is_cancelled());
        drop(stream);
        base.settled().await?;
        assert_eq!(states(&running, "provider", 1).last(), Some(&Stopped));
        Ok(())
    });
}

#[test]
fn a_drain_waits_for_tasks_and_asks_them_to_end() {
    let go = Arc::new(Notify::new());
    let (waits, told) = (go.clone(), Arc::new(AtomicBool::new(false)));
    let was_told = told.clone();
    let script = Script::new().start(move |inside| {
        let (go, told, context) = (waits.clone(), told.clone(), inside.context.clone());
        inside.context.spawn("cleaning", async move {
            context.draining().await;
            told.store(true, Ordering::SeqCst);
            go.notified().await;
        });
        async { Ok(()) }
    });
    on(paused().with(script.named("a")), |base, running| async move {
        assert!(!was_told.load(Ordering::SeqCst));
        base.swap_to(plain("a")).await?;
        base.advance(Duration::from_secs(29)).await;
        assert!(was_told.load(Ordering::SeqCst));
        assert_eq!(states(&running, "a", 1).last(), Some(&Draining));
        let task = running.in_flight().into_iter().find(|entry| entry.kind == EntryKind::Task).unwrap();
        assert_eq!((task.label.as_str(), task.instance.generation), ("cleaning", 1));
        assert!(task.place.unwrap().contains("draining.rs:"));
        go.notify_one();
        base.settled().await?;
        assert_eq!(states(&running, "a", 1).last(), Some(&Stopped));
        Ok(())
    });
}

#[test]
fn a_module_stops_when_the_last_entry_has_left_and_not_before() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let stops = log.clone();
    let script = Script::new().entered().stop(move |_| {
        stops.lock().unwrap().push("stop");
        async { Ok(()) }
    });
    let leaves = log.clone();
    with([script.named("provider").publishes_ping(), door()], |base, running| async move {
        let (first, second) =
            (Waiting::inside(&running, "door", "1").await, Waiting::inside(&running, "provider", "2").await);
        base.swap_to(provider()).await?;
        assert_eq!(first.leave().await?, 1);
        leaves.lock().unwrap().push("first");
        assert_eq!(second.leave().await?, 1);
        leaves.lock().unwrap().push("second");
        base.settled().await
    });
    // The stop may come before the test has written down that the last one left.
    let log = log.lock().unwrap();
    assert!(log.iter().position(|what| *what == "first") < log.iter().position(|what| *what == "stop"), "{log:?}");
}

/// Counts the calls that a module gets after its stop has begun.
#[derive(Clone, Default)]
struct Late {
    stopped: Arc<Mutex<Vec<u64>>>,
    calls: Arc<AtomicUsize>,
}

impl Late {
    fn script(&self) -> Script {
        let stopped = self.stopped.clone();
        Script::new().entered().stop(move |inside| {
            stopped.lock().unwrap().push(inside.context.id().generation);
            async { Ok(()) }
        })
    }

    fn look(&self, inside: &Inside) {
        if self.stopped.lock().unwrap().contains(&inside.context.id().generation) {
            self.calls.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn work_that_is_handed_on_is_seen_wherever_it_is() {
    // An entry hands its work to a task of its module and leaves; that one to the other module, whose
    // call hands it to a task there: at each moment exactly one of the counts has it.
    let late = Late::default();
    let seen = late.calls.clone();
    let modules = {
        let late = late.clone();
        move || {
            [
                late.script().named("left").publishes_ping().requires_pong(),
                Late::default().script().named("right").publishes_pong(),
            ]
        }
    };
    let ends = Arc::new(AtomicUsize::new(0));
    let ended = ends.clone();
    let rounds = 300;
    with(modules(), |base, running| async move {
        for _ in 0..rounds {
            let (late, ends) = (late.clone(), ends.clone());
            let hop = deed(move |inside| async move {
                let here = inside.clone();
                inside.context.spawn("one", async move {
                    late.look(&here);
                    let there = late.clone();
                    let hand_over = deed(move |inside| async move {
                        let beyond = inside.clone();
                        inside.context.spawn("two", async move {
                            there.look(&beyond);
                            tokio::task::yield_now().await;
                            there.look(&beyond);
                            ends.fetch_add(1, Ordering::SeqCst);
                        });
                        Ok(0)
                    });
                    here.pong.run(hand_over).await.unwrap();
                });
                Ok(0)
            });
            let request = tokio::spawn({
                let running = running.clone();
                async move { enter(&running, "left", hop).await }
            });
            let change = modules().into_iter().fold(Change::new(), Change::put);
            running.deploy(change).await?;
            request.await??;
        }
        base.settled().await
    });
    assert_eq!(ended.load(Ordering::SeqCst), rounds, "nothing was lost or cancelled");
    assert_eq!(seen.load(Ordering::SeqCst), 0, "nothing was inside a module that stops");
}

thread_local! {
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Collects what is logged on a thread that asked for it.
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.iter_mut().for_each(|log| log.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is logged on this thread: all of a base whose clock is paused.
///
/// One subscriber for the process: one per thread misses what another thread has logged before.
pub fn logged(test: impl FnOnce()) -> String {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init());
    LOG.set(Some(Vec::new()));
    test();
    String::from_utf8(LOG.take().unwrap()).unwrap()
}

#[test]
fn at_the_deadline_what_is_left_is_cancelled_and_named() {
    let forever = Script::new().entered().start(|inside| {
        inside.context.spawn("endless", std::future::pending::<()>());
        async { Ok(()) }
    });
    let log = logged(|| {
        on(paused().with(forever.named("provider").publishes_ping()).with(door()), |base, running| async move {
            let own = Waiting::inside(&running, "provider", "GET /own").await;
            let neighbour = Waiting::inside(&running, "door", "GET /neighbour").await;
            let stream = instance(&running.pin(), "provider").stream();
            base.swap_to(provider()).await?;
            // One that has entered since is in the next composition, and none of this concerns it.
            let later = Waiting::inside(&running, "door", "GET /later").await;
            base.advance(Duration::from_secs(31)).await;
            stream.cancelled().await;
            drop(stream);
            for cancelled in [own, neighbour] {
                let error = cancelled.entry.await?.unwrap_err();
                assert!(matches!(error, CallError::Cancelled { .. }), "{error}");
            }
            base.settled().await?;
            assert_eq!(states(&running, "provider", 1).last(), Some(&Stopped));
            assert_eq!(later.leave().await?, 2);
            let of =
                |module: &str| running.modules().into_iter().find(|info| info.instance.module == name(module)).unwrap();
            assert_eq!((of("provider").stats.cancelled, of("door").stats.cancelled), (2, 1));
            assert_eq!((of("provider").stats.tasks, of("provider").stats.in_flight), (0, 0));
            Ok(())
        });
    });
    let line = |part: &str| log.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part} in {log}"));
    assert!(line("cancelled request `GET /own`").contains("provider@main#1"));
    assert!(line("cancelled request `GET /neighbour`").contains("door@main#1"));
    let task = line("cancelled task `endless`");
    assert!(task.contains("provider@main#1") && task.contains("spawned at") && task.contains("draining.rs:"), "{task}");
    assert!(line("1 streams").contains("provider@main#1"));
    assert!(!log.contains("GET /later"), "{log}");
}

#[test]
fn the_call_of_a_neighbours_task_is_cancelled_and_the_task_lives_on() {
    let outcome = Arc::new(Mutex::new(None));
    let (kept, calls) = (outcome.clone(), Arc::new(Notify::new()));
    let begun = calls.clone();
    let caller = Script::new().exports(move |module, to| {
        let (outcome, begun, inside) = (outcome.clone(), begun.clone(), module.inside());
        to.task("calls", move || {
            let (outcome, begun, ping) = (outcome.clone(), begun.clone(), inside.ping.clone());
            async move {
                let endless = deed(move |_| async move {
                    begun.notify_one();
                    std::future::pending().await
                });
                let answer = ping.run(endless).await;
                let again = ping.generation().await;
                *outcome.lock().unwrap() = Some((answer, again));
            }
        });
    });
    on(paused().with(provider()).with(caller.named("caller").requires_ping()), |base, running| async move {
        calls.notified().await;
        let inside: Vec<_> = running.in_flight().into_iter().map(|entry| (entry.kind, entry.label)).collect();
        assert!(inside.contains(&(EntryKind::Call, "run".to_owned())), "{inside:?}");
        base.swap_to(provider()).await?;
        base.advance(Duration::from_secs(31)).await;
        base.settled().await?;
        let (answer, again) = kept.lock().unwrap().take().unwrap();
        assert_eq!(answer, Err(CallError::Cancelled { target: "provider (Ping::run)".into() }));
        assert_eq!(again, Ok(2), "its own module goes on, with who serves now");
        Ok(())
    });
}

#[test]
fn what_enters_an_instance_after_the_deadline_is_cancelled_at_once() {
    let leaked = Arc::new(Mutex::new(None));
    let leak = leaked.clone();
    let script = Script::new().start(move |inside| {
        *leak.lock().unwrap() = Some(inside.context);
        async { Ok(()) }
    });
    let objects = script.objects();
    let log = logged(|| {
        on(paused().with(script.named("a")), |base, running| async move {
            let pin = running.pin();
            let old = instance(&pin, "a");
            base.swap_to(plain("a")).await?;
            base.advance(Duration::from_secs(45)).await;
            base.settled().await?;
            // The pin alone is nothing that can be cancelled; what enters through it is.
            let entered = old.enter(&pin, Entry::new(EntryKind::Request, "late"), async { 1 }).await;
            assert!(matches!(entered, Err(CallError::Cancelled { .. })), "{entered:?}");
            let context = leaked.lock().unwrap().take().unwrap();
            let ran = Arc::new(AtomicBool::new(false));
            let runs = ran.clone();
            let task = context.spawn("late", async move { runs.store(true, Ordering::SeqCst) });
            base.advance(Duration::from_millis(1)).await;
            assert!(task.is_finished() && !ran.load(Ordering::SeqCst));
            // What lasts is a leak, and is told once.
            base.advance(Duration::from_secs(11)).await;
            drop((old, pin));
            base.advance(Duration::from_secs(11)).await;
            assert!(!objects.lives(1), "let go of when nobody refers to it");
            Ok(())
        });
    });
    assert_eq!(log.matches("a@main#1 is retired, and something still refers to it").count(), 1, "{log}");
}

#[test]
fn what_blocks_its_thread_is_told_as_a_leak_and_waited_for_by_nobody() {
    let (unblock, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let script = Script::new().entered();
    let objects = script.objects();
    let builder = TestBase::builder()
        .with(script.named("a").publishes_ping())
        .set("drain.deadline=50ms")
        .set("lifecycle.stop_deadline=50ms");
    let (entered, inside) = mpsc::channel();
    on(builder, |base, running| async move {
        let entry = std::thread::spawn({
            let running = running.clone();
            let runtime = tokio::runtime::Handle::current();
            move || {
                let blocks = deed(move |_| async move {
                    entered.send(()).unwrap();
                    let _ = blocked.lock().unwrap().recv();
                    Ok(7)
                });
                runtime.block_on(enter(&running, "a", blocks))
            }
        });
        tokio::task::spawn_blocking(move || inside.recv()).await??;
        base.swap_to(provider_named_a()).await?;
        base.settled().await?;
        assert_eq!(states(&running, "a", 1).last(), Some(&Stopped), "nobody waits for it");
        assert!(objects.lives(1), "and it is not gone");
        drop(unblock);
        let joined = tokio::task::spawn_blocking(move || entry.join().unwrap()).await?;
        assert_eq!(joined, Ok(7), "it had come to its end before it could be cancelled");
        Ok(())
    });
}

fn provider_named_a() -> ModuleSpec {
    Script::new().entered().named("a").publishes_ping()
}

#[test]
fn a_deadline_of_nothing_cancels_at_once() {
    on(paused().with(provider()).set("drain.deadline=0s"), |base, running| async move {
        let waiting = Waiting::inside(&running, "provider", "a request").await;
        base.swap_to(provider()).await?;
        base.settled().await?;
        assert!(matches!(waiting.entry.await?, Err(CallError::Cancelled { .. })));
        Ok(())
    });
}

#[test]
fn two_may_wait_for_the_same_drain() {
    with([provider()], |base, running| async move {
        let waiting = Waiting::inside(&running, "provider", "a request").await;
        base.swap_to(provider()).await?;
        let settled = |base: TestBase| tokio::spawn(async move { base.settled().await });
        let (one, other) = (settled(base.clone()), settled(base.clone()));
        // A third that is gone before, and one for whom it is over at once.
        drop(base.settled());
        assert_eq!(waiting.leave().await?, 1);
        one.await??;
        other.await??;
        base.settled().await
    });
}

#[test]
fn a_shutdown_ends_what_was_accepted_and_stops_last() {
    let builder = TestBase::builder().with(provider()).with(door()).with(plain("pong").publishes_pong());
    on(builder, |base, running| async move {
        let mut events = running.history().subscribe();
        let waiting = Waiting::inside(&running, "door", "a request").await;
        let ending = tokio::spawn({
            let running = running.clone();
            async move { running.shutdown().await }
        });
        until(&mut events, "provider", 1, Draining).await;
        assert_eq!(base.service::<dyn Pong>().generation().await, Ok(1), "what the test holds is in the old one");
        assert_eq!(waiting.leave().await?, 1);
        ending.await??;
        Ok(())
    });
}

#[test]
fn what_is_kept_for_a_warm_neighbour_is_no_leak() {
    let script = Script::new().named("neighbour");
    let bake = Duration::from_secs(60);
    let log = logged(|| {
        on(paused().with(provider()).with(script), |base, running| async move {
            running.deploy(Change::new().put(provider()).bake(bake)).await?;
            // The composition that the warm one calls home holds this one as well.
            base.swap_to(plain("neighbour")).await?;
            base.advance(Duration::from_secs(45)).await;
            assert_eq!(states(&running, "neighbour", 1).last(), Some(&Stopped));
            base.advance(bake).await;
            base.settled().await?;
            base.advance(bake).await;
            Ok(())
        });
    });
    assert!(!log.contains("still refers to it"), "{log}");
}
