//! The starter itself: compiles the table of jobs, and lets the runners follow it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bedplate::{Composition, Content, Inspection, InstanceId, Provided, Result, Starter, StarterContext, starter};
use tokio::runtime::Handle;

use crate::job::ScheduledJob;
use crate::runner::Runners;
use crate::settings::{ScheduleModuleSettings, ScheduleSettings};
use crate::table::JobTable;

/// Runs named jobs of modules, at intervals or by cron expressions.
///
/// A module adds them in its `exports`, with [`ScheduleExt`](crate::ScheduleExt). A job never overlaps with itself.
#[starter(
    name = "schedule",
    reads(ScheduledJob),
    settings = ScheduleSettings,
    module_settings = ScheduleModuleSettings
)]
pub struct ScheduleStarter {
    runners: Arc<Runners>,
    /// The instances whose settings say that their jobs stand still.
    paused: Mutex<BTreeSet<InstanceId>>,
}

impl ScheduleStarter {
    fn paused(&self) -> MutexGuard<'_, BTreeSet<InstanceId>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Starter for ScheduleStarter {
    type Prepared = Arc<JobTable>;

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let settings: ScheduleSettings = ctx.settings()?;
        let runners = Runners::new(ctx.base().clone(), Handle::current(), settings.jitter);
        Ok(Self { runners, paused: Mutex::default() })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        let staged = to.staged();
        let settings: ScheduleModuleSettings = staged.module_settings("schedule")?;
        if settings.paused {
            self.paused().insert(staged.id().clone());
        }
        Ok(())
    }

    async fn prepare(&self, next: &Composition) -> Result<Arc<JobTable>> {
        let table = JobTable::of(next, &self.paused())?;
        Ok(Arc::new(table))
    }

    fn committed(&self, now: &Composition) {
        if let Some(table) = now.prepared::<Self>() {
            self.runners.follow(table.clone());
        }
    }

    async fn release(&self, instance: &InstanceId) {
        self.paused().remove(instance);
    }

    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        let jobs = now.prepared::<Self>().map(|table| self.runners.shown(table)).unwrap_or_default();
        vec![Inspection { name: "jobs", content: Content::Json(jobs.into()) }]
    }

    async fn drain(&self) -> Result<()> {
        self.runners.drain().await;
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.runners.stop();
        Ok(())
    }
}
