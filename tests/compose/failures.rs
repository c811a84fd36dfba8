//! What fails while a base starts, deploys or stops: told with its place, and without a trace left.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bedplate::testing::TestBase;
use bedplate::{CallError, Change, EntryKind, Module, ModuleSpec, ModuleState, Result};
use tokio::sync::Notify;

use crate::support::{Deed, Inside, Ping, Requires, Script, failure, name, on, plain, states, with};

use ModuleState::{Active, Draining, Failed, Resolved, Starting, Stopped};

fn failing_start() -> Script {
    Script::new().start(|_| async { Err(anyhow::anyhow!("no route to host").context("cannot reach the bank")) })
}

fn panicking_start() -> Script {
    Script::new().start(|_| async { panic!("index out of bounds") })
}

#[test]
fn all_failures_of_a_start_are_told_together_and_dependents_are_skipped() {
    let builder = TestBase::builder()
        .with(failing_start().named("errs").publishes_ping())
        .with(panicking_start().named("panics").publishes_pong())
        .with(plain("needs-both").requires_ping().requires_pong())
        .with(plain("fine"));
    let error = failure(builder);
    assert_eq!(error.step, "start");
    let told: Vec<_> = error.problems.iter().map(|problem| (problem.code, problem.what.as_str())).collect();
    assert_eq!(
        told,
        [
            ("start-failed", "`errs` did not start: cannot reach the bank: no route to host"),
            ("start-panicked", "`panics` panicked in its `start`; the log has the panic's text"),
            ("start-skipped", "`needs-both` was not started: it requires `errs`, `panics`, which did not start"),
        ]
    );
    assert!(error.problems.iter().all(|problem| problem.places[0].at.contains("failures.rs:")), "{error}");
}

#[test]
fn what_had_started_is_stopped_again_after_its_work() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (started, stopped) = (log.clone(), log.clone());
    let good = Script::new()
        .start(move |inside| {
            let log = started.clone();
            async move {
                let ended = Ended(log.clone());
                inside.context.spawn("work", async move {
                    let _ended = ended;
                    std::future::pending::<()>().await;
                });
                Ok(())
            }
        })
        .stop(move |_| {
            stopped.lock().unwrap().push("stopped");
            async { Ok(()) }
        });
    let objects = good.objects();
    let failed = failing_start();
    let others = failed.objects();
    failure(TestBase::builder().with(good.named("good").publishes_ping()).with(failed.named("bad").requires_ping()));
    assert_eq!(*log.lock().unwrap(), ["the task has gone", "stopped"], "a stop comes after the drain, here too");
    assert_eq!((objects.made(), objects.alive(), others.made(), others.alive()), (1, 0, 1, 0));
}

struct Ended(Arc<Mutex<Vec<&'static str>>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().unwrap().push("the task has gone");
    }
}

#[test]
fn a_module_that_started_and_is_not_ready_is_stopped() {
    let stops = Arc::new(Mutex::new(0));
    let counted = stops.clone();
    let unready = Script::new().ready(|_| async { Err(anyhow::anyhow!("cold")) }).stop(move |_| {
        *counted.lock().unwrap() += 1;
        async { Ok(()) }
    });
    with([plain("a")], |base, running| async move {
        assert!(base.swap_to(unready.named("a")).await.unwrap_err().has("not-ready"));
        assert_eq!(*stops.lock().unwrap(), 1);
        assert_eq!(states(&running, "a", 2), [Resolved, Starting, Failed], "it has failed, and stays so");
        let never_started = failing_start().stop(|_| async { panic!("it never started") });
        assert!(base.swap_to(never_started.named("a")).await.unwrap_err().has("start-failed"));
        assert_eq!(running.modules()[0].stats.panics, 0);
        Ok(())
    });
}

#[test]
fn a_module_that_cannot_export_is_told_with_all_reasons() {
    let refusing = Script::new().exports(|_, to| {
        to.fail(anyhow::anyhow!("first")).fail(anyhow::anyhow!("second"));
    });
    let panicking = Script::new().exports(|_, _| panic!("no exports"));
    let error = failure(TestBase::builder().with(refusing.named("a")).with(panicking.named("b")));
    let told: Vec<_> = error.problems.iter().map(|problem| (problem.code, problem.what.as_str())).collect();
    assert_eq!(told[0], ("exports-failed", "`a` cannot export what it wants to: first; second"));
    assert_eq!(told[1].0, "start-panicked");
}

struct Unmade;

impl Module for Unmade {}

#[test]
fn a_constructor_that_errs_panics_or_blocks() {
    let errs = ModuleSpec::plain("errs", |_| Err::<Unmade, _>(anyhow::anyhow!("no licence"))).unwrap();
    let panics = ModuleSpec::plain("panics", |_| -> Result<Unmade> { panic!("no licence") }).unwrap();
    let (unblock, blocked) = mpsc::channel::<()>();
    let blocked = Mutex::new(blocked);
    let blocks = ModuleSpec::plain("blocks", move |_| {
        let _ = blocked.lock().unwrap().recv();
        Ok(Unmade)
    });
    let good = Script::new();
    let objects = good.objects();
    let builder = TestBase::builder()
        .with(errs)
        .with(panics)
        .with(blocks.unwrap())
        .with(good.named("good"))
        .set("modules.blocks.start_deadline=100ms");
    let error = failure(builder);
    drop(unblock);
    assert_eq!(error.step, "construct");
    let told: Vec<_> = error.problems.iter().map(|problem| (problem.code, problem.what.as_str())).collect();
    assert_eq!(
        told,
        [
            ("construct-deadline", "the constructor of `blocks` did not end within 100ms"),
            ("construct-failed", "`errs` cannot be made: no licence"),
            ("construct-panicked", "`panics` cannot be made: its constructor panicked: no licence"),
        ]
    );
    assert!(error.problems.iter().all(|problem| problem.places[0].at.contains("failures.rs:")), "{error}");
    assert_eq!((objects.made(), objects.alive()), (1, 0), "what was made beside them is gone");
}

#[test]
fn a_failed_deployment_changes_nothing() {
    let good = Script::new();
    let objects = good.objects();
    with([good.named("a").publishes_ping(), plain("b").requires_ping()], |base, running| async move {
        let before = running.pin();
        let kept = running.history().kept().len();
        let uid = |pin: &bedplate::Pinned| pin.instances().map(|instance| instance.uid()).collect::<Vec<_>>();
        for failing in [failing_start(), panicking_start()] {
            let lost = failing.objects();
            let error = base.swap_to(failing.named("a").publishes_ping()).await.unwrap_err();
            assert_eq!(error.step, "start");
            assert_eq!((lost.made(), lost.alive()), (1, 0));
        }
        // Several modules in one: the good one does not go live without the bad one.
        let with_it = Script::new();
        let lost = with_it.objects();
        let change = Change::new().put(with_it.named("b").requires_ping()).put(failing_start().named("c"));
        running.deploy(change).await.unwrap_err();
        assert_eq!((lost.made(), lost.alive()), (1, 0));
        // Not even a valid one: what is required would be missing.
        let error = running.deploy(Change::new().remove(name("a"))).await.unwrap_err();
        assert!(error.step == "check" && error.has("missing-service"), "{error}");
        let error = running.deploy(Change::new().remove(name("nobody"))).await.unwrap_err();
        assert!(error.has("not-installed"), "{error}");

        let now = running.pin();
        assert_eq!((now.number(), uid(&now)), (before.number(), uid(&before)));
        assert!(running.modules().iter().all(|module| module.state == Active && module.instance.generation == 1));
        let told = running.history().kept();
        assert!(told[kept..].iter().all(|event| event.instance.generation > 1 || event.instance.module == name("c")));
        assert_eq!(base.service::<dyn Ping>().generation().await?, 1);
        assert_eq!(states(&running, "b", 2), [Resolved, Starting, Active, Draining, Stopped]);
        Ok(())
    });
    assert_eq!(objects.alive(), 0);
}

#[test]
fn an_optional_module_that_fails_is_left_out_with_those_that_require_it() {
    let builder = TestBase::builder()
        .with(failing_start().named("errs").publishes_ping().optional())
        .with(plain("user").requires_ping().optional())
        .with(plain("fine"))
        .paused_time();
    on(builder, |_, running| async move {
        let there: Vec<_> = running.modules().iter().map(|module| module.instance.module.to_string()).collect();
        assert_eq!(there, ["fine", "test"]);
        let told: Vec<_> = running.restarts().into_iter().map(|info| (info.module, info.cause)).collect();
        assert_eq!(told[0], (name("errs"), "`errs` did not start: cannot reach the bank: no route to host".into()));
        assert_eq!(told[1], (name("user"), "`user` was not started: it requires `errs`, which did not start".into()));
        Ok(())
    });
}

#[test]
fn an_optional_module_that_cannot_be_made_is_left_out_with_those_that_require_it() {
    let unmade = || {
        ModuleSpec::plain("unmade", |_| -> Result<Inert> { Err(anyhow::anyhow!("no licence")) })
            .unwrap()
            .publishing::<Inert, dyn Ping>()
    };
    let builder = TestBase::builder()
        .with(unmade().optional())
        .with(plain("user").requires_ping().optional())
        .with(plain("fine"))
        .paused_time();
    on(builder, |_, running| async move {
        let there: Vec<_> = running.modules().iter().map(|module| module.instance.module.to_string()).collect();
        assert_eq!(there, ["fine", "test"]);
        let told: Vec<_> = running.restarts().into_iter().map(|info| (info.module, info.cause)).collect();
        assert_eq!(told[0], (name("unmade"), "`unmade` cannot be made: no licence".into()));
        assert_eq!(told[1], (name("user"), "`user` requires `unmade`, which is left out".into()));
        // Taken out for good, it is not tried again.
        running.deploy(Change::new().remove(name("user")).remove(name("unmade"))).await?;
        assert!(running.restarts().is_empty());
        Ok(())
    });
    assert!(failure(TestBase::builder().with(unmade())).has("construct-failed"));
    assert!(
        failure(TestBase::builder().with(unmade().optional()).with(plain("user").requires_ping()))
            .has("construct-failed")
    );
}

/// A module that does nothing, and answers nothing.
struct Inert;

impl Module for Inert {}

#[bedplate::service]
impl Ping for Inert {
    async fn generation(&self) -> Result<u64, CallError> {
        Ok(0)
    }

    async fn run(&self, _: Deed) -> Result<u64, CallError> {
        Ok(0)
    }

    fn plain(&self, _: Box<dyn FnOnce(Inside) -> u64 + Send>) -> Result<u64, CallError> {
        Ok(0)
    }
}

#[test]
fn an_optional_module_that_a_required_one_needs_may_not_fail() {
    let builder = TestBase::builder()
        .with(failing_start().named("errs").publishes_ping().optional())
        .with(plain("user").requires_ping());
    assert!(failure(builder).has("start-skipped"));
}

#[test]
fn settings_say_whether_a_base_can_do_without_a_module() {
    let errs = || failing_start().named("errs");
    assert!(
        failure(TestBase::builder().with(errs().optional()).set("modules.errs.optional=false")).has("start-failed")
    );
    on(TestBase::builder().with(errs()).set("modules.errs.optional=true"), |_, _| async { Ok(()) });
}

fn shutdown_of(builder: bedplate::testing::TestBaseBuilder) -> Vec<(&'static str, String)> {
    bedplate::testing::run(builder, |base| async move {
        let running = base.running().await.unwrap();
        let (ended, ()) = tokio::join!(running.shutdown(), base.advance(Duration::from_secs(60)));
        let error = ended.unwrap_err();
        assert_eq!(error.step, "shutdown");
        assert!(error.problems.iter().all(|problem| problem.places[0].at.contains("failures.rs:")), "{error}");
        assert_eq!(running.phase(), bedplate::base::Phase::Stopped, "it has ended all the same");
        error.problems.into_iter().map(|problem| (problem.code, problem.what)).collect()
    })
}

#[test]
fn stops_that_err_panic_and_hang_are_told_together_and_hold_nobody_up() {
    let stopped = Arc::new(Mutex::new(false));
    let last = stopped.clone();
    let builder = TestBase::builder()
        .with(Script::new().stop(|_| async { Err(anyhow::anyhow!("disk full")) }).named("errs").requires_ping())
        .with(Script::new().stop(|_| async { panic!("boom") }).named("panics").requires_ping())
        .with(Script::new().stop(|_| std::future::pending::<Result<()>>()).named("hangs").requires_ping())
        .with(
            Script::new()
                .stop(move |_| {
                    *last.lock().unwrap() = true;
                    async { Ok(()) }
                })
                .named("provider")
                .publishes_ping(),
        )
        .set("lifecycle.stop_deadline=3s")
        .paused_time();
    let mut told = shutdown_of(builder);
    told.sort();
    assert_eq!(
        told,
        [
            ("stop-deadline", "hangs@main#1: its stop did not end within 3s".to_owned()),
            ("stop-failed", "errs@main#1: its stop failed: disk full".to_owned()),
            ("stop-panicked", "panics@main#1: its stop panicked".to_owned()),
        ]
    );
    assert!(*stopped.lock().unwrap());
}

#[test]
fn a_stop_that_blocks_its_thread_does_not_keep_the_base() {
    let (unblock, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let blocking = Script::new().stop(move |_| {
        let blocked = blocked.clone();
        async move {
            let _ = blocked.lock().unwrap().recv();
            Ok(())
        }
    });
    let builder = TestBase::builder().with(blocking.named("blocks")).set("lifecycle.stop_deadline=100ms");
    bedplate::testing::run(builder, |base| async move {
        let error = base.running().await.unwrap().shutdown().await.unwrap_err();
        assert_eq!(error.problems[0].what, "blocks@main#1: its stop did not end within 100ms");
    });
    drop(unblock);
}

#[test]
fn a_failed_stop_of_a_replaced_generation_is_known_at_the_end() {
    let builder = TestBase::builder().with(Script::new().stop(|_| async { panic!("boom") }).named("a"));
    bedplate::testing::run(builder, |base| async move {
        base.swap_to(plain("a")).await.unwrap();
        base.settled().await.unwrap();
        let running = base.running().await.unwrap();
        assert_eq!(states(&running, "a", 1).last(), Some(&Stopped));
        assert_eq!(running.shutdown().await.unwrap_err().problems[0].what, "a@main#1: its stop panicked");
    });
}

#[test]
fn a_deployment_whose_caller_is_gone_ends_all_the_same() {
    let go = Arc::new(Notify::new());
    let inside = Arc::new(Notify::new());
    let (waits, enters) = (go.clone(), inside.clone());
    let slow = Script::new().start(move |_| {
        let (go, inside) = (waits.clone(), enters.clone());
        async move {
            inside.notify_one();
            go.notified().await;
            Ok(())
        }
    });
    with([plain("a").publishes_ping()], |base, running| async move {
        let swapping = tokio::spawn({
            let base = base.clone();
            let slow = slow.named("a").publishes_ping();
            async move { base.swap_to(slow).await }
        });
        inside.notified().await;
        swapping.abort();
        assert!(swapping.await.unwrap_err().is_cancelled());
        go.notify_one();
        // The next one has its turn when that one has ended.
        base.swap_to(plain("a").publishes_ping()).await?;
        assert_eq!(base.service::<dyn Ping>().generation().await?, 3);
        base.settled().await?;
        assert_eq!(states(&running, "a", 2), [Resolved, Starting, Active, Draining, Stopped]);
        Ok(())
    });
}

#[test]
fn an_error_whose_text_panics_is_contained() {
    #[derive(Debug)]
    struct Unwritable;
    impl std::fmt::Display for Unwritable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no words")
        }
    }
    impl std::error::Error for Unwritable {}

    let start = Script::new().start(|_| async { Err(Unwritable.into()) });
    let stop = Script::new().stop(|_| async { Err(Unwritable.into()) });
    let made = ModuleSpec::plain("c", |_| Err::<Unmade, _>(Unwritable.into())).unwrap();
    assert!(failure(TestBase::builder().with(start.named("a"))).has("start-panicked"));
    assert!(failure(TestBase::builder().with(made)).has("construct-panicked"));
    assert_eq!(shutdown_of(TestBase::builder().with(stop.named("b")).paused_time())[0].0, "stop-panicked");
}

#[test]
fn start_and_stop_run_as_the_module() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let step = |what: &'static str| {
        let seen = seen.clone();
        move |_| {
            let seen = seen.clone();
            async move {
                let current = bedplate::isolation::current().unwrap();
                seen.lock().unwrap().push((what, current.instance.to_string()));
                Ok(())
            }
        }
    };
    with(
        [Script::new().start(step("start")).ready(step("ready")).stop(step("stop")).named("a")],
        |_, running| async move {
            assert!(running.in_flight().iter().all(|entry| entry.kind != EntryKind::Start));
            Ok(())
        },
    );
    let told = ["start", "ready", "stop"].map(|what| (what, "a@main#1".to_owned()));
    assert_eq!(*seen.lock().unwrap(), told);
}
