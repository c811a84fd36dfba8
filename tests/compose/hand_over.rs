//! State that lives on: it is handed over while what comes waits, and nothing is lost where that fails.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::bail;
use bedplate::compose::CompositionError;
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{
    Base, CallError, Change, Committing, Ended, Exports, Field, HandOver, LaterStep, Ledger, Module, ModuleContext,
    ModuleSpec, ModuleState, Result, ServiceRef, Step,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{Handed, Inside, Ping, Requires, Script, deed, enter, name, on, requires, states, until};

#[bedplate::service]
pub trait Tally {
    /// The new total, and the generation that keeps it.
    async fn add(&self, by: u64) -> Result<(u64, u64), CallError>;
    fn plain(&self) -> Result<u64, CallError>;
}

/// What a generation of the keeper is written as.
#[derive(Clone)]
struct Code {
    version: u32,
    hands: Hands,
    starts: Starts,
    /// How many of its background tasks run.
    sweeping: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Hands {
    Total,
    TotalWhenTold { begun: Arc<Notify>, go: Arc<Notify> },
    Nothing,
    Err,
    Panic,
    Hang,
    Much,
}

#[derive(Clone)]
enum Starts {
    Well,
    WhenTold { begun: Arc<Notify>, go: Arc<Notify> },
    Err,
    Panic,
    Hang,
}

#[derive(Serialize, Deserialize)]
struct First {
    total: u64,
}

#[derive(Serialize, Deserialize)]
struct Second {
    thousands: u64,
    rest: u64,
}

struct Keeper {
    context: ModuleContext,
    code: Code,
    total: AtomicU64,
}

fn code() -> Code {
    Code { version: 1, hands: Hands::Total, starts: Starts::Well, sweeping: Arc::default() }
}

impl Code {
    fn hands(self, hands: Hands) -> Self {
        Self { hands, ..self }
    }

    fn starts(self, starts: Starts) -> Self {
        Self { starts, ..self }
    }

    fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    fn spec(&self) -> ModuleSpec {
        let code = self.clone();
        let make = move |fields: &bedplate::Fields<'_>| {
            Ok(Keeper { context: fields.context().clone(), code: code.clone(), total: AtomicU64::new(0) })
        };
        ModuleSpec::plain("keeper", make).unwrap().publishing::<Keeper, dyn Tally>()
    }
}

impl Module for Keeper {
    async fn start(&self, ctx: &ModuleContext) -> Result<()> {
        match &self.code.starts {
            Starts::Well => {}
            Starts::WhenTold { begun, go } => {
                begun.notify_one();
                go.notified().await;
            }
            Starts::Err => bail!("the shelf is gone"),
            Starts::Panic => panic!("the shelf fell"),
            Starts::Hang => std::future::pending().await,
        }
        let total = match (ctx.handed_over_version(), self.code.version) {
            (None, _) => 0,
            (Some(1), 2) => ctx.handed_over::<First>()?.map_or(0, |first| first.total),
            (Some(2), 2) => ctx.handed_over::<Second>()?.map_or(0, |second| second.thousands * 1000 + second.rest),
            // Version 1 knows nothing of a later one, and asks all the same.
            _ => ctx.handed_over::<First>()?.map_or(0, |first| first.total),
        };
        self.total.store(total, Ordering::SeqCst);
        Ok(())
    }

    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let sweeping = self.code.sweeping.clone();
        to.task("sweep", move || {
            let sweeping = sweeping.clone();
            async move {
                sweeping.fetch_add(1, Ordering::SeqCst);
                let _ends = Ends(sweeping);
                std::future::pending::<()>().await;
            }
        });
    }

    async fn hand_over(&self) -> Result<Option<HandOver>> {
        assert_eq!(self.code.sweeping.load(Ordering::SeqCst), 0, "no background task runs meanwhile");
        match &self.code.hands {
            Hands::Total => {}
            Hands::TotalWhenTold { begun, go } => {
                begun.notify_one();
                go.notified().await;
            }
            Hands::Nothing => return Ok(None),
            Hands::Err => bail!("the ledger is torn"),
            Hands::Panic => panic!("the ledger burns"),
            Hands::Hang => std::future::pending().await,
            Hands::Much => return Ok(Some(HandOver::of(1, &"x".repeat(2000))?)),
        }
        let total = self.total.load(Ordering::SeqCst);
        let state = match self.code.version {
            1 => HandOver::of(1, &First { total })?,
            version => HandOver::of(version, &Second { thousands: total / 1000, rest: total % 1000 })?,
        };
        Ok(Some(state))
    }
}

struct Ends(Arc<AtomicUsize>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[bedplate::service]
impl Tally for Keeper {
    async fn add(&self, by: u64) -> Result<(u64, u64), CallError> {
        Ok((self.total.fetch_add(by, Ordering::SeqCst) + by, self.context.id().generation))
    }

    fn plain(&self) -> Result<u64, CallError> {
        Ok(self.context.id().generation)
    }
}

/// A base with a keeper, whose clock stands still.
fn keeping(code: &Code) -> TestBaseBuilder {
    TestBase::builder().paused_time().set("deploy.hold=8s").set("drain.deadline=30s").with(code.spec())
}

/// What becomes of a call that is made now, while the test goes on.
fn calls(tally: &ServiceRef<dyn Tally>, by: u64) -> JoinHandle<Result<(u64, u64), CallError>> {
    let tally = tally.clone();
    tokio::spawn(async move { tally.add(by).await })
}

fn deploys(running: &Base, change: Change) -> JoinHandle<Result<Vec<&'static str>, CompositionError>> {
    let running = running.clone();
    tokio::spawn(async move {
        let deployed = running.deploy(change).await?;
        // What is recorded, and where, is no business of these tests.
        Ok(deployed.steps.iter().map(|step: &Step| step.name).filter(|name| *name != "record").collect())
    })
}

/// Lets everything run that can.
async fn turns() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

fn held() -> (Arc<Notify>, Arc<Notify>) {
    (Arc::new(Notify::new()), Arc::new(Notify::new()))
}

fn stats(running: &Base) -> bedplate::isolation::StatsSnapshot {
    running.modules().into_iter().find(|module| module.instance.module == name("keeper")).unwrap().stats
}

#[test]
fn the_state_arrives_and_is_gone_after_the_start() {
    on(keeping(&code()), |base, running| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        assert_eq!(tally.add(7).await?, (7, 1));
        let steps = deploys(&running, Change::new().put(code().spec()).bake(Duration::from_secs(30))).await??;
        assert_eq!(
            steps,
            ["check", "construct", "migrate", "start", "prepare", "hold", "drain", "hand-over", "take-over", "open"]
        );
        assert_eq!(tally.add(1).await?, (8, 2));
        assert!(running.warm().is_empty(), "what has handed over does not come back");
        let again = running.deploy(Change::new().revive(name("keeper"))).await.unwrap_err();
        assert!(again.has("not-warm"), "{again}");
        base.settled().await?;
        assert_eq!(states(&running, "keeper", 1).last(), Some(&ModuleState::Stopped));
        // A rollback is a deployment like any other, and takes the state along.
        base.swap_to(code().spec()).await?;
        assert_eq!(tally.add(1).await?, (9, 3));
        Ok(())
    });
}

#[test]
fn the_new_code_reads_what_older_code_handed_over() {
    on(keeping(&code()), |base, running| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(2500).await?;
        base.swap_to(code().version(2).spec()).await?;
        assert_eq!(tally.add(1).await?, (2501, 2));
        base.swap_to(code().version(2).spec()).await?;
        assert_eq!(tally.add(1).await?, (2502, 3));
        // Version 1 reads it as its own, and is told what is wrong.
        let error = base.swap_to(code().spec()).await.unwrap_err().to_string();
        assert!(error.contains("what keeper@main#3 handed over (version 2) is no `"), "{error}");
        assert!(error.contains("missing field `total`") && error.contains("handed_over_version"), "{error}");
        assert_eq!(tally.add(1).await?, (2503, 3), "the state is where it was");
        running.deploy(Change::new().put(code().spec()).without_state(name("keeper"))).await?;
        assert_eq!(tally.add(1).await?, (1, 5), "unless nobody wants it");
        Ok(())
    });
}

#[test]
fn a_generation_may_have_nothing_to_hand_over() {
    on(keeping(&code().hands(Hands::Nothing)), |base, _| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(7).await?;
        base.swap_to(code().spec()).await?;
        assert_eq!(tally.add(1).await?, (1, 2));
        Ok(())
    });
}

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

/// An entry into a neighbour, that calls.
async fn enters(running: Base, tally: ServiceRef<dyn Tally>) -> Result<u64, CallError> {
    let call = deed(move |_: Inside| async move { tally.add(0).await.map(|(_, generation)| generation) });
    enter(&running, "door", call).await
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

/// A hand-over that fails, with its code and a part of what is told.
fn failing() -> Vec<(Hands, &'static str, &'static str)> {
    vec![
        (Hands::Err, "hand-over-failed", "the ledger is torn"),
        (Hands::Panic, "hand-over-panicked", "it panicked"),
        (Hands::Hang, "hand-over-deadline", "it was not ready within "),
        (Hands::Much, "hand-over-failed", "larger than `deploy.hand_over_limit`, which is 1kB"),
    ]
}

#[test]
fn a_hand_over_that_fails_leaves_all_as_it_was() {
    for (hands, problem, told) in failing() {
        let before = code().hands(hands);
        let sweeping = before.sweeping.clone();
        on(keeping(&before).set("deploy.hand_over_limit=1000"), |base, running| async move {
            let tally: ServiceRef<dyn Tally> = base.service();
            tally.add(7).await?;
            turns().await;
            assert_eq!(sweeping.load(Ordering::SeqCst), 1);
            let deployment = deploys(&running, Change::new().put(code().spec()));
            let waits = calls(&tally, 1);
            turns().await;
            base.advance(Duration::from_secs(5)).await;
            let error = deployment.await?.unwrap_err();
            assert_eq!(error.step, "hand-over", "{error}");
            assert!(error.has(problem) && error.to_string().contains(told), "{error}");
            assert_eq!(waits.await??.1, 1, "the old one serves on");
            assert_eq!(tally.add(1).await?, (9, 1), "with its state");
            turns().await;
            assert_eq!(sweeping.load(Ordering::SeqCst), 1, "its background work goes on");
            assert_eq!(states(&running, "keeper", 1).last(), Some(&ModuleState::Active));
            // It can be mended.
            running.deploy(Change::new().put(code().spec()).without_state(name("keeper"))).await?;
            assert_eq!(tally.add(1).await?, (1, 3));
            turns().await;
            assert_eq!(sweeping.load(Ordering::SeqCst), 0);
            Ok(())
        });
    }
}

#[test]
fn a_start_that_fails_leaves_the_state_where_it_was() {
    let failing = [
        (Starts::Err, "start-failed", "the shelf is gone"),
        (Starts::Panic, "start-panicked", "panicked in its `start`"),
        (Starts::Hang, "start-deadline", "raise that, or do less in the start"),
    ];
    for (starts, problem, told) in failing {
        let before = code();
        let sweeping = before.sweeping.clone();
        let door = requires::<dyn Tally>(Script::new().entered().named("door"), Field::new("tally"));
        on(keeping(&before).with(door), |base, running| async move {
            let tally: ServiceRef<dyn Tally> = base.service();
            tally.add(7).await?;
            let deployment = deploys(&running, Change::new().put(code().starts(starts).spec()));
            turns().await;
            // From outside, and from inside a neighbour that has pinned the composition which fails.
            let waits = calls(&tally, 1);
            let entry = tokio::spawn(enters(running.clone(), tally.clone()));
            base.advance(Duration::from_millis(7900)).await;
            let error = deployment.await?.unwrap_err();
            assert_eq!(error.step, "take-over", "{error}");
            assert!(error.has(problem) && error.to_string().contains(told), "{error}");
            assert_eq!(waits.await??.1, 1, "it waited, and nothing was lost");
            assert_eq!(entry.await?, Ok(1));
            assert_eq!(tally.add(1).await?, (9, 1));
            turns().await;
            assert_eq!(sweeping.load(Ordering::SeqCst), 1, "its background work goes on");
            assert_eq!(states(&running, "keeper", 2).last(), Some(&ModuleState::Failed));
            base.settled().await?;
            assert_eq!(running.modules().len(), 3, "`door`, `keeper`, and the test's own");
            base.swap_to(code().spec()).await?;
            assert_eq!(tally.add(1).await?, (10, 3), "and can still be replaced");
            Ok(())
        });
    }
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
fn a_restart_goes_on_without_a_state_that_cannot_be_had() {
    #[bedplate::service]
    trait Fails {
        async fn fail(&self) -> Result<(), CallError>;
    }
    struct Failing(ModuleContext);
    impl Module for Failing {
        async fn hand_over(&self) -> Result<Option<HandOver>> {
            bail!("what failed is broken")
        }
    }
    #[bedplate::service]
    impl Fails for Failing {
        async fn fail(&self) -> Result<(), CallError> {
            self.0.spawn("breaks", async { Err::<(), _>(std::io::Error::other("it broke")) });
            Ok(())
        }
    }
    let spec = ModuleSpec::plain("failing", |fields| Ok(Failing(fields.context().clone()))).unwrap();
    let builder = TestBase::builder().paused_time().with(spec.publishing::<Failing, dyn Fails>());
    on(builder.set("restart.initial=1s"), |base, running| async move {
        base.service::<dyn Fails>().fail().await?;
        let mut events = running.history().subscribe();
        base.advance(Duration::from_millis(1100)).await;
        until(&mut events, "failing", 2, ModuleState::Active).await;
        until(&mut events, "failing", 1, ModuleState::Stopped).await;
        Ok(())
    });
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

/// A ledger without room for more than the first composition.
struct Full(AtomicUsize);

impl Ledger for Full {
    fn commit(&self, _: &Committing) -> Result<()> {
        anyhow::ensure!(self.0.fetch_add(1, Ordering::SeqCst) == 0, "no space left on device");
        Ok(())
    }

    fn ended(&self, _: &Ended) {}

    fn later(&self, _: &LaterStep) {}
}

#[test]
fn what_cannot_be_recorded_does_not_open() {
    on(keeping(&code()).ledger(Full(AtomicUsize::new(0))), |base, _| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(7).await?;
        let error = base.swap_to(code().spec()).await.unwrap_err();
        assert!(error.has("not-recorded"), "{error}");
        assert_eq!(tally.add(1).await?, (8, 1));
        Ok(())
    });
}

#[test]
fn where_nothing_may_wait_it_is_handed_over_all_the_same() {
    on(keeping(&code()).set("deploy.hold=0s"), |base, _| async move {
        let tally: ServiceRef<dyn Tally> = base.service();
        tally.add(7).await?;
        base.swap_to(code().spec()).await?;
        assert_eq!(tally.add(1).await?, (8, 2));
        Ok(())
    });
}

#[test]
fn nothing_of_the_module_is_left_behind() {
    // `Handed` is what a scripted neighbour exports: its insides refer to the keeper that is replaced.
    let door = requires::<dyn Tally>(Script::new().entered().named("door"), Field::new("tally"));
    on(keeping(&code()).with(door), |base, running| async move {
        for _ in 0..3 {
            base.swap_to(code().starts(Starts::Err).spec()).await.unwrap_err();
            base.swap_to(code().spec()).await?;
        }
        base.settled().await?;
        turns().await;
        assert!(running.in_flight().iter().all(|entry| entry.label == "sweep"), "{:?}", running.in_flight());
        let handed = crate::support::instance(&running.pin(), "door");
        assert!(handed.exports().unwrap().of::<Handed>().next().is_some());
        assert_eq!(stats(&running).waiting, 0);
        Ok(())
    });
}
