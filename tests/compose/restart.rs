//! A module whose task or start fails is started again, later and later, and given up at last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Base, ModuleState, RestartInfo, Result};
use tokio::sync::Notify;

use crate::support::{Ping, Requires, Script, name, on, plain, states};

use ModuleState::{Active, Draining, Failed, Resolved, Starting, Stopped};

fn paused() -> TestBaseBuilder {
    let settings = "[restart]\nattempts = 3\ninitial = '1s'\nlongest = '3s'\nreset_after = '60s'\n";
    TestBase::builder().paused_time().settings(settings)
}

/// A module with a background task that fails when it is told to.
#[derive(Clone)]
struct Fragile {
    fail: Arc<Notify>,
    begun: Arc<AtomicU64>,
    how: Arc<Mutex<How>>,
}

#[derive(Clone, Copy)]
enum How {
    Errs,
    Panics,
    PanicsBeforeItsFuture,
}

impl Fragile {
    fn new(how: How) -> Self {
        Self { fail: Arc::default(), begun: Arc::default(), how: Arc::new(Mutex::new(how)) }
    }

    fn script(&self) -> Script {
        let this = self.clone();
        Script::new().exports(move |_, to| {
            let this = this.clone();
            to.task("pump", move || {
                let this = this.clone();
                this.begun.fetch_add(1, Ordering::SeqCst);
                let how = *this.how.lock().unwrap();
                assert!(!matches!(how, How::PanicsBeforeItsFuture), "no future");
                async move {
                    this.fail.notified().await;
                    match how {
                        How::Errs => Err(anyhow::anyhow!("the queue is gone")),
                        _ => panic!("secret"),
                    }
                }
            });
        })
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }
}

fn info(running: &Base, module: &str) -> RestartInfo {
    running.restarts().into_iter().find(|info| info.module == name(module)).unwrap()
}

fn generation(running: &Base, module: &str) -> u64 {
    running.modules().into_iter().find(|info| info.instance.module == name(module)).unwrap().instance.generation
}

fn state(running: &Base, module: &str) -> ModuleState {
    running.modules().into_iter().find(|info| info.instance.module == name(module)).unwrap().state
}

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(10);

#[test]
fn a_failing_task_restarts_its_module_later_and_later_until_it_is_given_up() {
    for (how, cause) in [(How::Errs, "task `pump` failed: the queue is gone"), (How::Panics, "task `pump` panicked")] {
        let fragile = Fragile::new(how);
        let module = fragile.script().named("pump").publishes_ping();
        bedplate::testing::run(paused().with(module), |base| async move {
            let running = base.running().await.unwrap();
            base.advance(MOMENT).await;
            // 1 s, doubled to 2 s, and 3 s at most.
            for (attempt, wait) in [(1, 1000), (2, 2000), (3, 3000)] {
                assert_eq!((generation(&running, "pump"), fragile.begun()), (attempt, attempt));
                fragile.fail.notify_one();
                base.advance(MOMENT).await;
                let told = info(&running, "pump");
                assert_eq!((told.failures, told.attempts, told.cause.as_str()), (attempt as u32, 3, cause));
                assert_eq!(told.action.to_string(), format!("restarts in {}s", wait / 1000));
                base.advance(Duration::from_millis(wait - 50)).await;
                assert_eq!(generation(&running, "pump"), attempt, "not before its time");
                assert_eq!(state(&running, "pump"), Active, "it serves on meanwhile");
                base.advance(Duration::from_millis(100)).await;
                assert_eq!(generation(&running, "pump"), attempt + 1);
                assert_eq!(info(&running, "pump").action.to_string(), "restarted");
            }
            fragile.fail.notify_one();
            base.advance(MOMENT).await;
            assert_eq!(
                (info(&running, "pump").action.to_string().as_str(), state(&running, "pump")),
                ("given up", Failed)
            );
            base.advance(60 * SECOND).await;
            assert_eq!(generation(&running, "pump"), 4);
            let kept = running.history().kept();
            let last = kept.iter().rfind(|event| event.to == Failed).unwrap();
            assert_eq!(last.cause, format!("given up after 3 restarts: {cause}"));
            assert!(!running.readiness().await.ready);
            assert_eq!(base.service::<dyn Ping>().generation().await, Ok(4), "what it can still do, it does");
            assert_eq!(running.modules()[0].stats.restarts, 3);
            // Somebody mends it.
            base.swap_to(plain("pump").publishes_ping()).await.unwrap();
            assert_eq!((state(&running, "pump"), running.readiness().await.ready), (Active, true));
            assert!(running.restarts().is_empty(), "what had failed before is not held against it");
        });
    }
}

#[test]
fn a_required_module_that_was_given_up_is_told_at_the_end() {
    let fragile = Fragile::new(How::Errs);
    let builder = paused().with(fragile.script().named("pump")).set("restart.attempts=0");
    bedplate::testing::run(builder, |base| async move {
        let running = base.running().await.unwrap();
        fragile.fail.notify_one();
        base.advance(MOMENT).await;
        assert_eq!(state(&running, "pump"), Failed);
        let error = running.shutdown().await.unwrap_err();
        assert_eq!(error.problems[0].code, "module-failed");
        assert!(error.problems[0].places[0].at.contains("restart.rs:"), "{error}");
    });
}

#[test]
fn a_task_whose_future_cannot_be_made_is_a_failure_like_any_other() {
    let fragile = Fragile::new(How::PanicsBeforeItsFuture);
    let told = fragile.clone();
    on(paused().with(fragile.script().named("pump")).with(plain("a")), |base, running| async move {
        base.advance(MOMENT).await;
        assert_eq!(info(&running, "pump").cause, "task `pump` panicked");
        *told.how.lock().unwrap() = How::Errs;
        base.advance(2 * SECOND).await;
        assert_eq!((generation(&running, "pump"), state(&running, "pump")), (2, Active));
        Ok(())
    });
}

#[test]
fn a_generation_whose_task_fails_at_once_is_restarted_too() {
    // The failure comes while the deployment that brought the generation is still on its way.
    let begun = Arc::new(AtomicU64::new(0));
    let counted = begun.clone();
    let script = Script::new().exports(move |_, to| {
        let counted = counted.clone();
        to.task("pump", move || {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Err::<(), _>(anyhow::anyhow!("at once")) }
        });
    });
    bedplate::testing::run(paused().with(script.named("pump")), |base| async move {
        let running = base.running().await.unwrap();
        base.advance(20 * SECOND).await;
        assert_eq!((begun.load(Ordering::SeqCst), generation(&running, "pump")), (4, 4));
        assert_eq!((info(&running, "pump").action.to_string().as_str(), state(&running, "pump")), ("given up", Failed));
        running.shutdown().await.unwrap_err();
    });
}

#[test]
fn a_task_that_fails_before_its_generation_serves_is_not_forgotten() {
    let script = Script::new().start(|inside| async move {
        let task = inside.context.spawn("early", async { Err::<(), _>(anyhow::anyhow!("no host")) });
        while !task.is_finished() {
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    bedplate::testing::run(paused().with(script.named("a")), |base| async move {
        let running = base.running().await.unwrap();
        base.advance(MOMENT).await;
        assert_eq!(info(&running, "a").cause, "task `early` failed: no host");
        base.advance(SECOND).await;
        assert_eq!(generation(&running, "a"), 2);
        running.shutdown().await.ok();
    });
}

#[test]
fn counting_begins_anew_after_a_quiet_time() {
    let fragile = Fragile::new(How::Errs);
    let told = fragile.clone();
    on(paused().with(fragile.script().named("pump")), |base, running| async move {
        for _ in 0..6 {
            told.fail.notify_one();
            base.advance(2 * SECOND).await;
            assert_eq!(
                (info(&running, "pump").failures, info(&running, "pump").action.to_string().as_str()),
                (1, "restarted")
            );
            base.advance(61 * SECOND).await;
        }
        assert_eq!(generation(&running, "pump"), 7);
        Ok(())
    });
}

#[test]
fn a_generation_that_was_replaced_meanwhile_is_not_restarted() {
    let fragile = Fragile::new(How::Errs);
    let told = fragile.clone();
    on(paused().with(fragile.script().named("pump")), |base, running| async move {
        told.fail.notify_one();
        base.advance(MOMENT).await;
        assert_eq!(info(&running, "pump").action.to_string(), "restarts in 1s");
        base.swap_to(told.script().named("pump")).await?;
        base.advance(5 * SECOND).await;
        assert_eq!(generation(&running, "pump"), 2);
        assert!(running.restarts().is_empty(), "nothing is pending for what was deployed anew");
        // And the next failure is a matter of its own.
        told.fail.notify_one();
        base.advance(5 * SECOND).await;
        assert_eq!(generation(&running, "pump"), 3);
        // One that was taken out is not put in again.
        told.fail.notify_one();
        base.advance(MOMENT).await;
        running.deploy(bedplate::Change::new().remove(name("pump"))).await?;
        base.advance(10 * SECOND).await;
        assert!(running.modules().iter().all(|info| info.instance.module != name("pump")));
        Ok(())
    });
}

#[test]
fn a_restart_that_fails_is_tried_again_and_the_module_serves_on_meanwhile() {
    let fragile = Fragile::new(How::Errs);
    let starts = Arc::new(AtomicU64::new(0));
    let counted = starts.clone();
    let script = fragile.script().start(move |_| {
        let begun = counted.fetch_add(1, Ordering::SeqCst);
        // The second and the third fail.
        async move {
            anyhow::ensure!(begun == 0 || begun == 3, "not yet");
            Ok(())
        }
    });
    let told = fragile.clone();
    on(paused().with(script.named("pump").publishes_ping()), |base, running| async move {
        told.fail.notify_one();
        base.advance(Duration::from_millis(1100)).await;
        assert_eq!((starts.load(Ordering::SeqCst), info(&running, "pump").failures), (2, 2));
        assert!(info(&running, "pump").cause.contains("not yet"), "{:?}", info(&running, "pump"));
        assert_eq!(base.service::<dyn Ping>().generation().await, Ok(1));
        assert_eq!(states(&running, "pump", 2), [Resolved, Starting, Failed]);
        base.advance(6 * SECOND).await;
        assert_eq!((starts.load(Ordering::SeqCst), base.service::<dyn Ping>().generation().await), (4, Ok(4)));
        assert_eq!(info(&running, "pump").action.to_string(), "restarted");
        base.settled().await?;
        assert_eq!(states(&running, "pump", 1), [Resolved, Starting, Active, Draining, Stopped]);
        Ok(())
    });
}

#[test]
fn an_optional_module_that_fails_at_the_start_joins_later() {
    let starts = Arc::new(AtomicU64::new(0));
    let script = Script::new().start(move |_| {
        let begun = starts.fetch_add(1, Ordering::SeqCst);
        async move {
            anyhow::ensure!(begun == 2, "attempt {begun}");
            Ok(())
        }
    });
    on(paused().with(script.named("late").publishes_ping().optional()), |base, running| async move {
        assert!(base.service::<dyn Ping>().generation().await.is_err());
        assert!(running.readiness().await.ready, "the base can do without it");
        assert_eq!(info(&running, "late").cause, "`late` did not start: attempt 0");
        base.advance(Duration::from_millis(1100)).await;
        assert!(info(&running, "late").cause.contains("attempt 1"));
        base.advance(Duration::from_millis(2100)).await;
        assert_eq!(base.service::<dyn Ping>().generation().await, Ok(3));
        assert_eq!(info(&running, "late").action.to_string(), "restarted");
        Ok(())
    });
}

#[test]
fn an_optional_module_that_never_starts_is_given_up() {
    let starts = Arc::new(AtomicU64::new(0));
    let counted = starts.clone();
    let script = Script::new().start(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Err(anyhow::anyhow!("never")) }
    });
    on(paused().with(script.named("never").optional()), |base, running| async move {
        base.advance(30 * SECOND).await;
        assert_eq!(
            (starts.load(Ordering::SeqCst), info(&running, "never").action.to_string().as_str()),
            (4, "given up")
        );
        assert_eq!(info(&running, "never").failures, 4);
        Ok(())
    });
}

#[test]
fn a_base_that_ends_restarts_nothing() {
    let fragile = Fragile::new(How::Errs);
    let told = fragile.clone();
    on(paused().with(fragile.script().named("pump")).set("drain.grace=10s"), |base, running| async move {
        told.fail.notify_one();
        base.advance(MOMENT).await;
        let (ended, ()) = tokio::join!(running.shutdown(), base.advance(15 * SECOND));
        ended?;
        base.advance(15 * SECOND).await;
        assert_eq!(told.begun(), 1);
        assert!(base.swap_to(plain("pump")).await.unwrap_err().has("base-ending"));
        Result::Ok(())
    });
}
