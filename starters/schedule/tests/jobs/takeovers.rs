//! A job that is due while its module takes over from the generation before: it waits, and runs once.

use std::sync::Arc;
use std::time::Duration;

use bedplate::testing::{TestBase, run};
use bedplate::{Change, Exports, Module, ModuleContext, ModuleSpec, Result};
use bedplate_starter_schedule::ScheduleExt;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::worker::{Does, Log, builder, seconds, shown};

/// Cannot be there twice, and starts when the test says so.
struct Single {
    label: &'static str,
    log: Log,
    start: Arc<Start>,
    starts: Starts,
}

/// A permit for each start, and word of each that has begun.
struct Start {
    permits: Semaphore,
    begun: Semaphore,
}

impl Start {
    /// So many starts may come to their end.
    fn with(permits: usize) -> Arc<Self> {
        Arc::new(Self { permits: Semaphore::new(permits), begun: Semaphore::new(0) })
    }

    /// Waits until another start has begun.
    async fn begins(&self) {
        self.begun.acquire().await.unwrap().forget();
    }
}

#[derive(Clone, Copy)]
enum Starts {
    Well,
    Badly,
}

impl Single {
    async fn work(&self) -> Result<()> {
        self.log.run(self.label, Does::Nothing).await
    }
}

impl Module for Single {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        self.start.begun.add_permits(1);
        self.start.permits.acquire().await?.forget();
        match self.starts {
            Starts::Well => Ok(()),
            Starts::Badly => anyhow::bail!("the port is gone"),
        }
    }

    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.every("sweep", Duration::from_secs(10), self, Self::work);
    }
}

fn single(label: &'static str, starts: Starts, start: &Arc<Start>, log: &Log) -> ModuleSpec {
    let (log, start) = (log.clone(), start.clone());
    let make = move || Single { label, log: log.clone(), start: start.clone(), starts };
    ModuleSpec::plain("worker", move |_| Ok(make())).unwrap().exclusive()
}

/// A deployment that goes on beside the test.
async fn deploying(base: &TestBase, module: ModuleSpec) -> JoinHandle<bool> {
    let running = base.running().await.unwrap();
    tokio::spawn(async move { running.deploy(Change::new().put(module)).await.is_ok() })
}

#[test]
fn a_tick_during_a_take_over_runs_once_on_the_new_generation() {
    run(builder().set("deploy.hold=20s"), |base| async move {
        let (log, start) = (Log::new(), Start::with(1));
        base.swap_to(single("old", Starts::Well, &start, &log)).await.unwrap();
        start.begins().await;
        seconds(&base, 8).await;
        let deployed = deploying(&base, single("new", Starts::Well, &start, &log)).await;
        start.begins().await;
        seconds(&base, 5).await;
        assert_eq!(log.runs(), [], "the tick waits at the gate");
        start.permits.add_permits(1);
        assert!(deployed.await.unwrap());
        seconds(&base, 8).await;
        assert_eq!(log.runs(), [(13, "new"), (20, "new")]);
        let job = &shown(&base.running().await.unwrap())[0];
        assert_eq!((&job["runs"], &job["failures"]), (&2.into(), &0.into()));
    });
}

#[test]
fn a_tick_during_a_take_over_that_fails_runs_once_on_the_old_module() {
    run(builder().set("deploy.hold=20s"), |base| async move {
        let (log, start) = (Log::new(), Start::with(1));
        base.swap_to(single("old", Starts::Well, &start, &log)).await.unwrap();
        start.begins().await;
        seconds(&base, 8).await;
        let deployed = deploying(&base, single("new", Starts::Badly, &start, &log)).await;
        start.begins().await;
        seconds(&base, 5).await;
        assert_eq!(log.runs(), [], "the tick waits at the gate");
        // For the new one, and for a fresh instance of the old one.
        start.permits.add_permits(2);
        assert!(!deployed.await.unwrap());
        seconds(&base, 8).await;
        assert_eq!(log.runs(), [(13, "old"), (20, "old")]);
        let job = &shown(&base.running().await.unwrap())[0];
        assert_eq!((&job["runs"], &job["failures"]), (&2.into(), &0.into()), "{job}");
    });
}

#[test]
fn a_tick_that_waits_for_too_long_is_given_up() {
    run(builder().set("deploy.hold=2s"), |base| async move {
        let (log, start) = (Log::new(), Start::with(1));
        base.swap_to(single("old", Starts::Well, &start, &log)).await.unwrap();
        start.begins().await;
        seconds(&base, 8).await;
        let deployed = deploying(&base, single("new", Starts::Well, &start, &log)).await;
        start.begins().await;
        seconds(&base, 5).await;
        let job = &shown(&base.running().await.unwrap())[0];
        assert_eq!((&job["last"]["outcome"], &job["failures"]), (&"given_up".into(), &1.into()), "{job}");
        assert!(job["last"]["cause"].as_str().unwrap().contains("held"), "{job}");
        start.permits.add_permits(1);
        assert!(deployed.await.unwrap());
        seconds(&base, 8).await;
        assert_eq!(log.runs(), [(20, "new")], "the next one is served");
    });
}
