//! How a module exports jobs.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use bedplate::Exports;

use crate::job::{At, Job, JobFn, ScheduledJob};

/// Adds jobs to a module's exports.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use bedplate::{Exports, Module, Result};
/// use bedplate_starter_schedule::{Job, Missed, ScheduleExt};
///
/// struct Comments;
///
/// impl Comments {
///     async fn sweep(&self) -> Result<()> { Ok(()) }
///     async fn report(&self) {}
/// }
///
/// impl Module for Comments {
///     fn exports(self: &Arc<Self>, to: &mut Exports) {
///         to.every("sweep", Duration::from_secs(3600), self, Self::sweep)
///             .cron("nightly", "0 3 * * *", self, Self::report)
///             .job(Job::cron("weekly", "@weekly").missed(Missed::RunOnce), self, Self::report);
///     }
/// }
/// ```
///
/// A schedule that is none, and a name that the module has used before, fail the deployment.
pub trait ScheduleExt {
    /// Runs `run` at an interval, of 1 ms at least.
    #[track_caller]
    fn every<M, R>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        interval: Duration,
        module: &Arc<M>,
        run: R,
    ) -> &mut Self
    where
        M: Send + Sync + 'static,
        R: for<'m> JobFn<'m, M>;

    /// Runs `run` by a cron expression, in UTC.
    #[track_caller]
    fn cron<M, R>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        expression: impl AsRef<str>,
        module: &Arc<M>,
        run: R,
    ) -> &mut Self
    where
        M: Send + Sync + 'static,
        R: for<'m> JobFn<'m, M>;

    /// Runs `run` as the job says.
    #[track_caller]
    fn job<M, R>(&mut self, job: Job, module: &Arc<M>, run: R) -> &mut Self
    where
        M: Send + Sync + 'static,
        R: for<'m> JobFn<'m, M>;
}

impl ScheduleExt for Exports {
    #[track_caller]
    fn every<M, R>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        interval: Duration,
        module: &Arc<M>,
        run: R,
    ) -> &mut Self
    where
        M: Send + Sync + 'static,
        R: for<'m> JobFn<'m, M>,
    {
        self.job(Job::every(name, interval), module, run)
    }

    #[track_caller]
    fn cron<M, R>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        expression: impl AsRef<str>,
        module: &Arc<M>,
        run: R,
    ) -> &mut Self
    where
        M: Send + Sync + 'static,
        R: for<'m> JobFn<'m, M>,
    {
        self.job(Job::cron(name, expression), module, run)
    }

    #[track_caller]
    fn job<M, R>(&mut self, job: Job, module: &Arc<M>, run: R) -> &mut Self
    where
        M: Send + Sync + 'static,
        R: for<'m> JobFn<'m, M>,
    {
        let place = Location::caller();
        let job = job.on(place, module.clone(), run);
        add(self, job)
    }
}

fn add(to: &mut Exports, job: bedplate::Result<ScheduledJob>) -> &mut Exports {
    match job {
        Err(error) => to.fail(error),
        Ok(job) => match twice(to.of::<ScheduledJob>(), &job) {
            Some(error) => to.fail(error),
            None => to.add(job),
        },
    }
}

/// What is wrong where one of these jobs has the name of another.
pub(crate) fn twice<'a>(
    mut jobs: impl Iterator<Item = &'a ScheduledJob>,
    job: &ScheduledJob,
) -> Option<bedplate::Error> {
    let first = jobs.find(|other| other.name == job.name)?;
    Some(anyhow::anyhow!(
        "two jobs have the name `{}`, one at {} and one at {}: a job is known by its name within its module",
        job.name,
        At(first.place),
        At(job.place)
    ))
}
