//! A job: what it is called, when it is due, what it does.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use bedplate::{Error, Export, TaskOutcome};
use serde::Serialize;

use crate::schedule::Schedule;

/// What happens to ticks that pass while the job still runs.
///
/// A tick that comes late for another reason (the computer slept, or its clock was set) is served
/// when that is noticed: one run for all ticks that have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// They are dropped; the job runs at the next tick.
    #[default]
    Skip,
    /// The job runs once for all of them, at once; then the rhythm goes on as it was.
    RunOnce,
}

/// A job's name, schedule and rules. [`ScheduleExt::job`](crate::ScheduleExt::job) adds what it does.
///
/// ```
/// use std::time::Duration;
/// use bedplate_starter_schedule::{Job, Missed};
///
/// Job::every("sweep", Duration::from_secs(60)).missed(Missed::RunOnce).deadline(Duration::from_secs(30));
/// Job::cron("nightly", "0 3 * * *");
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Job {
    name: Cow<'static, str>,
    schedule: Result<Schedule, String>,
    missed: Missed,
    deadline: Option<Duration>,
}

impl Job {
    /// A job that runs at an interval, of 1 ms at least, counted from when its module goes live.
    /// The time that a run takes does not shift the next one.
    pub fn every(name: impl Into<Cow<'static, str>>, interval: Duration) -> Self {
        Self { name: name.into(), schedule: Schedule::every(interval), missed: Missed::default(), deadline: None }
    }

    /// A job that runs by a cron expression, in UTC: `minute hour day month weekday`, with seconds
    /// before and years after where they are wanted, or a word such as `@daily`.
    pub fn cron(name: impl Into<Cow<'static, str>>, expression: impl AsRef<str>) -> Self {
        Self {
            name: name.into(),
            schedule: Schedule::cron(expression.as_ref()),
            missed: Missed::default(),
            deadline: None,
        }
    }

    /// The same job, with this policy for ticks that it misses.
    pub fn missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }

    /// The same job, each run of which is given up after this time. Without it a run may take for
    /// ever, and no other starts.
    pub fn deadline(self, after: Duration) -> Self {
        Self { deadline: Some(after), ..self }
    }

    /// The job as an export of a function with `#[module]`: `work` makes the future of each run.
    ///
    /// # Errors
    ///
    /// Where the schedule is none, with the expression and the place of this call.
    #[track_caller]
    pub fn runs<W, F>(self, work: W) -> bedplate::Result<ScheduledJob>
    where
        W: Fn() -> F + Send + Sync + 'static,
        F: Future<Output: TaskOutcome> + Send + 'static,
    {
        self.with(Location::caller(), Arc::new(move || erased(work())))
    }

    /// The job that runs on a module.
    pub(crate) fn on<M, R>(
        self,
        place: &'static Location<'static>,
        module: Arc<M>,
        run: R,
    ) -> bedplate::Result<ScheduledJob>
    where
        M: Send + Sync + 'static,
        R: for<'m> JobFn<'m, M>,
    {
        let run = Arc::new(run);
        let work = move || {
            let (module, run) = (module.clone(), run.clone());
            Box::pin(async move { run.call(&module).await.failure() }) as Run
        };
        self.with(place, Arc::new(work))
    }

    fn with(self, place: &'static Location<'static>, work: Work) -> bedplate::Result<ScheduledJob> {
        let name = self.name;
        anyhow::ensure!(!name.trim().is_empty(), "a job at {} has no name", At(place));
        let schedule =
            self.schedule.map_err(|reason| anyhow::anyhow!("the job `{name}` at {} has {reason}", At(place)))?;
        Ok(ScheduledJob { name, schedule, missed: self.missed, deadline: self.deadline, place, work })
    }
}

/// A run of a job on its module: an `async fn(&self)` of the module, such as `Self::sweep`, which
/// returns nothing or a `Result<(), E>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run as a job of `{M}`",
    label = "not an `async fn(&self)` of the module",
    note = "hand over a method of the module, such as `Self::sweep`, declared as `async fn sweep(&self)`; it returns nothing or a `Result<(), E>`"
)]
pub trait JobFn<'m, M>: Send + Sync + 'static {
    /// What a run returns.
    type Outcome: TaskOutcome;
    /// A run.
    type Future: Future<Output = Self::Outcome> + Send + 'm;

    /// Begins a run.
    fn call(&self, module: &'m M) -> Self::Future;
}

impl<'m, M, R, F> JobFn<'m, M> for R
where
    M: 'm,
    R: Fn(&'m M) -> F + Send + Sync + 'static,
    F: Future<Output: TaskOutcome> + Send + 'm,
{
    type Outcome = F::Output;
    type Future = F;

    fn call(&self, module: &'m M) -> F {
        self(module)
    }
}

/// One run, which ends with its failure where it failed.
pub(crate) type Run = std::pin::Pin<Box<dyn Future<Output = Option<Error>> + Send>>;

type Work = Arc<dyn Fn() -> Run + Send + Sync>;

fn erased<F: Future<Output: TaskOutcome> + Send + 'static>(run: F) -> Run {
    Box::pin(async move { run.await.failure() })
}

/// A job that a module exports.
#[derive(Clone)]
pub struct ScheduledJob {
    pub(crate) name: Cow<'static, str>,
    pub(crate) schedule: Schedule,
    pub(crate) missed: Missed,
    pub(crate) deadline: Option<Duration>,
    pub(crate) place: &'static Location<'static>,
    work: Work,
}

impl Export for ScheduledJob {}

impl ScheduledJob {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins a run.
    pub(crate) fn run(&self) -> Run {
        (self.work)()
    }
}

impl fmt::Debug for ScheduledJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduledJob")
            .field("name", &self.name)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// A place in a source file, as `file:line`.
pub(crate) struct At(pub(crate) &'static Location<'static>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.file(), self.0.line())
    }
}
