//! A module whose jobs tell the test what they do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Base, Content, Exports, Module, ModuleName, ModuleSpec, Result};
use bedplate_starter_schedule::{Job, ScheduleExt, ScheduleStarter};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What the jobs of all generations did.
#[derive(Clone)]
pub(crate) struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    since: Instant,
    runs: Mutex<Vec<(u64, &'static str)>>,
    running: AtomicUsize,
    most: AtomicUsize,
    /// Permits for runs that wait for the test.
    go_on: Semaphore,
}

impl Log {
    /// Counts time from now.
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                since: Instant::now(),
                runs: Mutex::default(),
                running: AtomicUsize::new(0),
                most: AtomicUsize::new(0),
                go_on: Semaphore::new(0),
            }),
        }
    }

    /// The runs so far: the second in which each began, and the generation's label.
    pub(crate) fn runs(&self) -> Vec<(u64, &'static str)> {
        self.inner.runs.lock().unwrap().clone()
    }

    /// The seconds in which runs began.
    pub(crate) fn seconds(&self) -> Vec<u64> {
        self.runs().into_iter().map(|(second, _)| second).collect()
    }

    /// The most runs that were at work at once.
    pub(crate) fn most(&self) -> usize {
        self.inner.most.load(Ordering::SeqCst)
    }

    /// How many runs are at work.
    pub(crate) fn running(&self) -> usize {
        self.inner.running.load(Ordering::SeqCst)
    }

    /// Lets one run end that waits for it.
    pub(crate) fn go_on(&self) {
        self.inner.go_on.add_permits(1);
    }
}

/// What a run does.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    Nothing,
    Sleeps(Duration),
    WaitsForTheTest,
    Fails,
    Panics,
}

/// A module with jobs.
pub(crate) struct Worker {
    label: &'static str,
    jobs: Vec<Job>,
    does: Does,
    log: Log,
}

struct Running<'a>(&'a Inner);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Worker {
    async fn work(&self) -> Result<()> {
        self.log.run(self.label, self.does).await
    }
}

impl Log {
    /// One run of this generation, from its begin to its end.
    pub(crate) async fn run(&self, label: &'static str, does: Does) -> Result<()> {
        let log = &*self.inner;
        log.runs.lock().unwrap().push((log.since.elapsed().as_secs(), label));
        let now = log.running.fetch_add(1, Ordering::SeqCst) + 1;
        log.most.fetch_max(now, Ordering::SeqCst);
        let _running = Running(log);
        match does {
            Does::Nothing => {}
            Does::Sleeps(time) => tokio::time::sleep(time).await,
            Does::WaitsForTheTest => log.go_on.acquire().await?.forget(),
            Does::Fails => anyhow::bail!("nothing to sweep with"),
            Does::Panics => panic!("a broken broom"),
        }
        Ok(())
    }
}

impl Module for Worker {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        for job in self.jobs.clone() {
            to.job(job, self, Self::work);
        }
    }
}

/// The module `worker`, as the generation that the test calls `label`.
pub(crate) fn worker(label: &'static str, jobs: impl Into<Vec<Job>>, does: Does, log: &Log) -> ModuleSpec {
    let (jobs, log) = (jobs.into(), log.clone());
    ModuleSpec::plain("worker", move |_| Ok(Worker { label, jobs: jobs.clone(), does, log: log.clone() })).unwrap()
}

/// A test's base with the starter, in time that stands still.
pub(crate) fn builder() -> TestBaseBuilder {
    TestBase::builder().starter::<ScheduleStarter>().paused_time()
}

/// Moves time on by as many seconds, one by one.
pub(crate) async fn seconds(base: &TestBase, seconds: u64) {
    for _ in 0..seconds {
        base.advance(Duration::from_secs(1)).await;
    }
}

/// An interval in seconds.
pub(crate) fn every(seconds: u64) -> Job {
    Job::every("sweep", Duration::from_secs(seconds))
}

/// What the starter shows of the jobs.
pub(crate) fn shown(base: &Base) -> Vec<Value> {
    let jobs = base.inspect().into_iter().find(|inspection| inspection.name == "jobs").unwrap();
    let Content::Json(Value::Array(jobs)) = jobs.content else { panic!("a list is shown") };
    jobs
}

/// The module's name.
pub(crate) fn name() -> ModuleName {
    ModuleName::new("worker").unwrap()
}
