//! One job at work: waits for its ticks, and runs it on whatever composition serves then.
//!
//! There is one runner per job, and it runs one run at a time: so a job never overlaps with itself,
//! and over a swap the next run waits for the one that is still at work in the old generation.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bedplate::{Base, CallError, Entry, EntryKind, Instance, Pinned};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Now;
use crate::job::{Missed, ScheduledJob};
use crate::record::{Outcome, Record};
use crate::schedule::{Due, Schedule};
use crate::starter::ScheduleStarter;
use crate::table::{JobTable, Key};

/// How often the clock of the day is looked at again while a job waits for a time on it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The runners of a base.
pub(crate) struct Runners {
    /// Taken at the end: the base holds its starters, and they must not hold it for ever.
    base: Mutex<Option<Base>>,
    runtime: Handle,
    jitter: Duration,
    plan: Mutex<Plan>,
    tasks: TaskTracker,
    ending: CancellationToken,
}

/// What is to run now, and who runs it.
#[derive(Default)]
struct Plan {
    table: Arc<JobTable>,
    slots: BTreeMap<Key, Arc<Slot>>,
}

/// The place of one job. It is there as long as its runner.
#[derive(Default)]
struct Slot {
    changed: Notify,
    record: Mutex<Record>,
}

impl Slot {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runners {
    pub(crate) fn new(base: Base, runtime: Handle, jitter: Duration) -> Arc<Self> {
        Arc::new(Self {
            base: Mutex::new(Some(base)),
            runtime,
            jitter,
            plan: Mutex::default(),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
        })
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the jobs of this table from now on, and no others.
    pub(crate) fn follow(self: &Arc<Self>, table: Arc<JobTable>) {
        let mut plan = self.plan();
        plan.table = table.clone();
        // Those that are no longer planned end by themselves, under this lock: a job that comes
        // back while its last run is still at work finds its runner, and waits for it.
        plan.slots.values().for_each(|slot| slot.changed.notify_one());
        if self.ending.is_cancelled() {
            return;
        }
        for key in table.jobs.keys().filter(|key| !plan.slots.contains_key(*key)).cloned().collect::<Vec<_>>() {
            let slot = Arc::new(Slot::default());
            plan.slots.insert(key.clone(), slot.clone());
            self.tasks.spawn_on(self.clone().run(key, slot), &self.runtime);
        }
    }

    /// Starts no run any more, and waits for those that are at work.
    pub(crate) async fn drain(&self) {
        self.ending.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Lets go of the base.
    pub(crate) fn stop(&self) {
        self.ending.cancel();
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(base);
    }

    /// What is known of each job of a table.
    pub(crate) fn shown(&self, table: &JobTable) -> Vec<serde_json::Value> {
        let now = Now::read();
        let plan = self.plan();
        let record = |key| plan.slots.get(key).map(|slot| slot.record().clone()).unwrap_or_default();
        table.jobs.iter().map(|(key, planned)| record(key).shown(key, planned, now)).collect()
    }

    async fn run(self: Arc<Self>, key: Key, slot: Arc<Slot>) {
        let mut rhythm = Rhythm::default();
        while let Some((schedule, missed, paused)) = self.planned(&key) {
            let due = rhythm.due(schedule);
            slot.record().due(due);
            tokio::select! {
                biased;
                () = self.ending.cancelled() => continue,
                () = slot.changed.notified() => continue,
                () = reach(due, self.jitter) => {}
            }
            let together = rhythm.catch_up();
            if !paused {
                slot.record().dropped(together);
                self.run_once(&key, &slot).await;
            }
            let dropped = rhythm.go_on(missed);
            if !paused {
                slot.record().dropped(dropped);
            }
        }
    }

    /// The job as it is planned now. `None` where it is not any more: its place is given up.
    fn planned(&self, key: &Key) -> Option<(Schedule, Missed, bool)> {
        let mut plan = self.plan();
        match plan.table.jobs.get(key) {
            Some(planned) if !self.ending.is_cancelled() => {
                Some((planned.job.schedule.clone(), planned.job.missed, planned.paused))
            }
            _ => {
                plan.slots.remove(key);
                None
            }
        }
    }

    /// One run, on the composition that serves at its start.
    async fn run_once(&self, key: &Key, slot: &Slot) {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(mut pin) = base.as_ref().map(Base::pin) else { return };
        let result = loop {
            // Taken out between the tick and now: it is not run.
            let Some((instance, job)) = found(&pin, key) else { return };
            let entry = Entry::new(EntryKind::Job, key.name.clone());
            let entry = match job.deadline {
                Some(deadline) => entry.deadline(deadline),
                None => entry,
            };
            slot.record().begins(Now::read());
            // Made inside, so that a panic in making it is the module's too.
            match instance.enter(&pin, entry, async move { job.run().await }).await {
                // It has waited while another generation was to take over, which did not: of a tick there is one
                // run, and not none.
                Err(CallError::Superseded { .. }) => {
                    slot.record().did_not_begin();
                    let Some(now) = base.as_ref().map(Base::pin) else { return };
                    pin = now;
                }
                result => break result,
            }
        };
        let outcome = Outcome::of(result);
        if let Some(cause) = outcome.cause() {
            tracing::error!(
                target: "bedplate::schedule", module = %key.module, scene = %key.scene, job = key.name,
                "the job {key} failed: {cause}"
            );
        }
        slot.record().ends(Now::read(), outcome);
    }
}

/// The instance that runs a job in a composition, and the job as it is there.
fn found(pin: &Pinned, key: &Key) -> Option<(Arc<Instance>, ScheduledJob)> {
    let job = pin.prepared::<ScheduleStarter>()?.jobs.get(key)?.job.clone();
    Some((pin.instance(&key.module, &key.scene)?.clone(), job))
}

/// A job's ticks: which one is next, by which schedule.
#[derive(Default)]
struct Rhythm {
    schedule: Option<Schedule>,
    due: Option<Due>,
}

impl Rhythm {
    /// The next tick. A schedule that has changed begins anew.
    fn due(&mut self, schedule: Schedule) -> Option<Due> {
        if self.schedule.as_ref() != Some(&schedule) {
            self.due = schedule.first(Now::read());
            self.schedule = Some(schedule);
        }
        self.due
    }

    /// Where the tick is served so late that others have passed (the computer slept, or its clock
    /// was set), one run serves them all. Says how many others.
    fn catch_up(&mut self) -> u64 {
        let (Some(schedule), Some(due)) = (&self.schedule, self.due) else { return 0 };
        let now = Now::read();
        let latest = schedule.after(due, now, Missed::RunOnce);
        match latest.due {
            Some(later) if later.left(now).is_zero() => {
                self.due = latest.due;
                latest.dropped + 1
            }
            _ => 0,
        }
    }

    /// Goes on to the tick after the one that was served, and says how many were dropped.
    fn go_on(&mut self, missed: Missed) -> u64 {
        let (Some(schedule), Some(due)) = (&self.schedule, self.due) else { return 0 };
        let next = schedule.after(due, Now::read(), missed);
        self.due = next.due;
        next.dropped
    }
}

/// Waits for a tick, and then for up to `jitter`.
async fn reach(due: Option<Due>, jitter: Duration) {
    let Some(due) = due else { return std::future::pending().await };
    loop {
        let left = due.left(Now::read());
        if left.is_zero() {
            break;
        }
        match due {
            Due::At(instant) => tokio::time::sleep_until(instant).await,
            Due::On(_) => sleep(left.min(LOOK_AGAIN)).await,
        }
    }
    if !jitter.is_zero() {
        sleep(jitter.mul_f64(chance())).await;
    }
}

/// A number from 0 to 1. The keys of the standard library's hash maps are random.
fn chance() -> f64 {
    let random = u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or(0);
    f64::from(random) / f64::from(u32::MAX)
}
