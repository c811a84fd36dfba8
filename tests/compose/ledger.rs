//! The ledger hears of a deployment before the pointer moves, and what came does not serve without proof.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{
    Base, Change, Committing, Composition, DeploymentOutcome, Ended, LaterStep, Ledger, ModuleSpec, ModuleState,
    Occasion, Result, Starter, StarterContext, starter,
};
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{Inside, Ping, Requires, Script, deed, enter, instance, name, on, plain, states};

/// A ledger that tells what it heard, and refuses where it is told to.
#[derive(Clone, Default)]
struct Book(Arc<Pages>);

#[derive(Default)]
struct Pages {
    lines: Mutex<Vec<String>>,
    is_full: AtomicBool,
    panics: AtomicBool,
    base: OnceLock<Base>,
}

impl Book {
    fn write(&self, line: String) {
        self.0.lines.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lines.lock().unwrap())
    }

    fn first(&self) -> Option<String> {
        let mut lines = self.0.lines.lock().unwrap();
        (!lines.is_empty()).then(|| lines.remove(0))
    }

    /// The next line: the ledger writes on threads of its own.
    async fn next(&self) -> String {
        loop {
            match self.first() {
                Some(line) => return line,
                None => tokio::task::yield_now().await,
            }
        }
    }

    fn builder(&self) -> TestBaseBuilder {
        TestBase::builder().ledger(self.clone())
    }
}

fn list<T: ToString>(of: impl IntoIterator<Item = T>) -> String {
    of.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(" ")
}

impl Ledger for Book {
    fn commit(&self, committing: &Committing) -> Result<()> {
        let serving = self.0.base.get().map(|base| base.pin().number());
        assert_ne!(serving, Some(committing.composition), "the pointer has not moved yet");
        if self.0.panics.load(Ordering::SeqCst) {
            panic!("a torn page");
        }
        anyhow::ensure!(!self.0.is_full.load(Ordering::SeqCst), "no space left on device");
        let members = committing.members.iter().map(|(id, _)| id).filter(|id| id.module.as_str() != "test");
        self.write(format!("commit {:?} {}", committing.occasion, list(members)));
        if !committing.waiting.is_empty() {
            self.write(format!("waiting {}", list(&committing.waiting)));
        }
        if let Some(source) = &committing.source {
            self.write(format!(
                "source {source}; came {}; replaced {}",
                list(&committing.came),
                list(&committing.replaced)
            ));
        }
        Ok(())
    }

    fn ended(&self, ended: &Ended) {
        let outcome = match &ended.outcome {
            DeploymentOutcome::Serves(_) => "serves".to_owned(),
            DeploymentOutcome::Failed(error) => format!("failed at {}", error.step),
            DeploymentOutcome::TakenBack(error) => format!("taken back at {}", error.step),
            _ => "?".to_owned(),
        };
        let steps = list(ended.steps.iter().map(|step| step.name));
        self.write(format!("ended {:?} {outcome}: {steps}", ended.occasion));
    }

    fn later(&self, step: &LaterStep) {
        let trouble = step.trouble.as_ref().map(|trouble| format!(": {trouble}")).unwrap_or_default();
        self.write(format!("{} {}{trouble}", step.instance, step.name));
    }
}

fn module() -> ModuleSpec {
    Script::new().entered().named("a").publishes_ping()
}

fn generation(running: &Base) -> u64 {
    instance(&running.pin(), "a").id().generation
}

#[test]
fn the_ledger_hears_of_it_before_the_pointer_moves_and_of_its_end_in_order() {
    let book = Book::default();
    on(book.builder().paused_time().with(module()), |base, running| async move {
        let _ = book.0.base.set(running.clone());
        assert_eq!(
            book.take(),
            ["commit Start a@main#1", "ended Start serves: check construct migrate start prepare record swap"]
        );
        let change = Change::new().put(module()).bake(Duration::from_secs(30)).source(json!({"who": "uid 7"}));
        running.deploy(change).await?;
        assert_eq!(
            book.take(),
            [
                "commit Asked a@main#2",
                "source {\"who\":\"uid 7\"}; came a@main#2; replaced a@main#1",
                "ended Asked serves: check construct migrate start prepare record swap",
            ]
        );
        base.advance(Duration::from_secs(31)).await;
        base.settled().await?;
        assert_eq!(book.take(), ["a@main#1 bake", "a@main#1 drain", "a@main#1 stop"]);
        running.deploy(Change::new().remove(name("nobody"))).await.unwrap_err();
        assert_eq!(book.take(), ["ended Asked failed at check: "]);
        Ok(())
    });
}

/// Prepares numbers, and counts those that are taken back.
#[starter(name = "counting")]
struct Counting(Mutex<(u64, u64)>);

impl Starter for Counting {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self(Mutex::default()))
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        self.0.lock().unwrap().0 += 1;
        Ok(())
    }

    async fn abort(&self, (): ()) {
        self.0.lock().unwrap().1 += 1;
    }
}

#[test]
fn what_cannot_be_recorded_is_not_made() {
    let book = Book::default();
    let builder = book.builder().paused_time().starter::<Counting>().with(module());
    on(builder, |base, running| async move {
        book.take();
        for fault in [&book.0.is_full, &book.0.panics] {
            fault.store(true, Ordering::SeqCst);
            let error = running.deploy(Change::new().put(module()).put(plain("b"))).await.unwrap_err();
            assert!(error.has("not-recorded") && error.step == "record", "{error}");
            fault.store(false, Ordering::SeqCst);
            assert_eq!((generation(&running), running.modules().len()), (1, 2), "`a`, and the test's own");
            assert_eq!(book.take(), ["ended Asked failed at record: check construct migrate start prepare"]);
        }
        assert_eq!(*running.starter::<Counting>().unwrap().0.lock().unwrap(), (3, 2), "what was prepared is aborted");
        assert_eq!(states(&running, "a", 2).last(), Some(&ModuleState::Stopped), "what was started is stopped");
        // A rollback that cannot be recorded leaves both as they were.
        running.deploy(Change::new().put(module()).bake(Duration::from_secs(30))).await?;
        book.0.is_full.store(true, Ordering::SeqCst);
        running.deploy(Change::new().revive(name("a"))).await.unwrap_err();
        book.0.is_full.store(false, Ordering::SeqCst);
        assert_eq!((generation(&running), running.warm().len()), (4, 1));
        running.deploy(Change::new().revive(name("a"))).await?;
        assert_eq!(generation(&running), 1);
        base.settled().await
    });
}

#[test]
fn a_restart_is_no_new_commitment_and_what_waits_is_part_of_each() {
    let book = Book::default();
    let broken = || Script::new().start(|_| async { Err(anyhow::anyhow!("no")) }).named("late").optional();
    let builder = book.builder().paused_time().set("restart.initial=1s").with(broken()).with(module());
    on(builder, |base, running| async move {
        let lines = book.take();
        assert_eq!(lines[..2], ["commit Start a@main#1", "waiting late"]);
        base.advance(Duration::from_millis(1100)).await;
        let ended = book.next().await;
        assert_eq!(ended, "ended Restart failed at start: check construct migrate");
        running.deploy(Change::new().put(plain("b"))).await?;
        assert_eq!(book.take()[..2], ["commit Asked a@main#1 b@main#1", "waiting late"]);
        running.deploy(Change::new().remove(name("late"))).await?;
        assert_eq!(book.take()[0], "commit Asked a@main#1 b@main#1");
        assert_eq!(serde_json::to_value(Occasion::Asked)?, "asked");
        Ok(())
    });
}

#[test]
fn an_end_that_is_not_in_order_is_told() {
    let book = Book::default();
    let stuck = || {
        let script = Script::new().entered().stop(|_| async { Err(anyhow::anyhow!("a file is open")) });
        script.named("a")
    };
    let builder = book.builder().paused_time().set("drain.deadline=5s").with(stuck());
    bedplate::testing::run(builder, |base| async move {
        let running = base.running().await?;
        book.take();
        let hangs = running.clone();
        let request = tokio::spawn(async move { enter(&hangs, "a", deed(|_: Inside| std::future::pending())).await });
        while running.in_flight().is_empty() {
            tokio::task::yield_now().await;
        }
        running.deploy(Change::new().remove(name("a"))).await?;
        base.advance(Duration::from_secs(6)).await;
        base.settled().await?;
        assert!(request.await?.is_err());
        assert_eq!(
            book.take()[2..],
            [
                "a@main#1 drain: cancelled at the drain's deadline: request `test`",
                "a@main#1 stop: its stop failed: a file is open",
            ]
        );
        running.shutdown().await.unwrap_err();
        Ok::<_, bedplate::Error>(())
    })
    .unwrap();
}

#[test]
fn what_does_not_prove_itself_is_taken_back_at_once() {
    let book = Book::default();
    let proves: [fn() -> Result<(), String>; 2] = [|| Err("another build id".to_owned()), || panic!("no proof")];
    on(book.builder().paused_time().with(module()), |base, running| async move {
        for (proof, why) in proves.into_iter().zip(["another build id", "panicked"]) {
            book.take();
            let before = running.pin().number();
            let error = running.deploy(Change::new().put(module().proving(proof)).put(plain("b"))).await.unwrap_err();
            assert!(error.has("not-proven") && error.step == "prove", "{error}");
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!((generation(&running), running.pin().number(), running.modules().len()), (1, before, 2));
            base.settled().await?;
            let lines = book.take();
            let ended = "ended Asked taken back at prove: check construct migrate start prepare record swap prove";
            assert!(lines.iter().any(|line| line == ended), "{lines:?}");
        }
        assert_eq!(states(&running, "a", 1).last(), Some(&ModuleState::Active));
        assert_eq!(states(&running, "a", 2).last(), Some(&ModuleState::Stopped));
        assert_eq!(states(&running, "b", 1).last(), Some(&ModuleState::Stopped));
        running.deploy(Change::new().put(module().proving(|| Ok(())))).await?;
        assert_eq!(generation(&running), 4);
        base.settled().await
    });
}

#[test]
fn the_proof_runs_in_the_new_instance_while_it_serves_and_what_entered_then_ends_in_order() {
    let (asked, answer) = (Arc::new(Notify::new()), std::sync::mpsc::channel::<()>());
    let (tell, waits) = (asked.clone(), Mutex::new(answer.1));
    let prove = move || {
        let current = bedplate::isolation::current().unwrap().instance.to_string();
        tell.notify_one();
        // Until the test has looked.
        let _ = waits.lock().unwrap().recv();
        Err(format!("proof of {current}"))
    };
    on(TestBase::builder().with(module()), |base, running| async move {
        let deploying = running.clone();
        let deployed = tokio::spawn(async move { deploying.deploy(Change::new().put(module().proving(prove))).await });
        asked.notified().await;
        assert_eq!(generation(&running), 2);
        let (go, entered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (waits, tells, enters) = (go.clone(), entered.clone(), running.clone());
        let request = tokio::spawn(async move {
            let waits = deed(move |inside: Inside| async move {
                tells.notify_one();
                waits.notified().await;
                inside.ping.generation().await
            });
            enter(&enters, "a", waits).await
        });
        entered.notified().await;
        drop(answer.0);
        let error = deployed.await?.unwrap_err();
        assert!(error.to_string().contains("proof of a@main#2"), "{error}");
        assert_eq!(generation(&running), 1);
        go.notify_one();
        assert_eq!(request.await??, 2, "one request, one composition");
        base.settled().await?;
        assert_eq!(states(&running, "a", 2).last(), Some(&ModuleState::Stopped));
        Ok(())
    });
}
