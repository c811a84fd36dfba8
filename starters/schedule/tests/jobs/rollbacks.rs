//! Jobs and background tasks over a rollback, and over a restart: on what serves, once, and one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bedplate::testing::{TestBase, run};
use bedplate::{Change, Exports, Module, ModuleSpec, Result};
use bedplate_starter_schedule::ScheduleExt;

use crate::worker::{Does, Log, builder, every, name, seconds, shown, worker};

/// Replaces the module, and keeps the one before warm for long.
async fn replace(base: &TestBase, module: ModuleSpec) {
    let change = Change::new().put(module).bake(Duration::from_secs(3600));
    base.running().await.unwrap().deploy(change).await.unwrap();
}

async fn roll_back(base: &TestBase) {
    base.running().await.unwrap().deploy(Change::new().revive(name())).await.unwrap();
}

#[test]
fn one_that_is_warm_runs_no_jobs_until_it_serves_again() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("old", [every(10)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 15).await;
        replace(&base, worker("new", [every(10)], Does::Nothing, &log)).await;
        seconds(&base, 10).await;
        assert_eq!(base.running().await.unwrap().warm().len(), 1);
        roll_back(&base).await;
        seconds(&base, 20).await;
        assert_eq!(log.runs(), [(10, "old"), (20, "new"), (30, "old"), (40, "old")]);
        assert_eq!(shown(&base.running().await.unwrap()).len(), 1);
    });
}

#[test]
fn a_run_that_is_at_work_is_not_overlapped_by_a_rollback() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("old", [every(10)], Does::WaitsForTheTest, &log)).await.unwrap();
        seconds(&base, 12).await;
        replace(&base, worker("new", [every(10)], Does::WaitsForTheTest, &log)).await;
        seconds(&base, 10).await;
        assert_eq!(log.runs(), [(10, "old")], "its run goes on though it is only warm");
        log.go_on();
        seconds(&base, 10).await;
        assert_eq!(log.runs(), [(10, "old"), (30, "new")]);
        roll_back(&base).await;
        seconds(&base, 10).await;
        assert_eq!(log.runs(), [(10, "old"), (30, "new")], "that of the new one goes on too");
        log.go_on();
        seconds(&base, 10).await;
        assert_eq!(log.runs(), [(10, "old"), (30, "new"), (50, "old")]);
        assert_eq!(log.most(), 1);
        log.go_on();
    });
}

#[test]
fn a_job_that_the_new_generation_brought_ends_with_the_rollback() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("old", [every(10)], Does::Nothing, &log)).await.unwrap();
        replace(&base, worker("new", [every(7)], Does::Nothing, &log)).await;
        seconds(&base, 15).await;
        roll_back(&base).await;
        seconds(&base, 25).await;
        // A schedule that changes begins anew.
        assert_eq!(log.runs(), [(7, "new"), (14, "new"), (25, "old"), (35, "old")]);
    });
}

/// A module with a job and with a task, which fails when the test says so.
struct Busy {
    label: &'static str,
    jobs: Log,
    tasks: Log,
    fails: Arc<AtomicBool>,
}

impl Busy {
    async fn work(&self) -> Result<()> {
        self.jobs.run(self.label, Does::Nothing).await
    }
}

impl Module for Busy {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.every("sweep", Duration::from_secs(10), self, Self::work);
        let busy = self.clone();
        to.task("watch", move || {
            let busy = busy.clone();
            async move {
                let watching = busy.tasks.run(busy.label, Does::Sleeps(Duration::from_secs(86_400)));
                let failing = async {
                    while !busy.fails.swap(false, Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                };
                tokio::select! {
                    ended = watching => ended,
                    () = failing => anyhow::bail!("lost the connection"),
                }
            }
        });
    }
}

fn busy(label: &'static str, jobs: &Log, tasks: &Log, fails: &Arc<AtomicBool>) -> ModuleSpec {
    let (jobs, tasks, fails) = (jobs.clone(), tasks.clone(), fails.clone());
    let make = move || Busy { label, jobs: jobs.clone(), tasks: tasks.clone(), fails: fails.clone() };
    ModuleSpec::plain("worker", move |_| Ok(make())).unwrap()
}

#[test]
fn background_work_runs_once_over_a_swap_and_a_rollback() {
    run(builder(), |base| async move {
        let (jobs, tasks, fails) = (Log::new(), Log::new(), Arc::default());
        base.swap_to(busy("old", &jobs, &tasks, &fails)).await.unwrap();
        seconds(&base, 1).await;
        replace(&base, busy("new", &jobs, &tasks, &fails)).await;
        seconds(&base, 1).await;
        roll_back(&base).await;
        seconds(&base, 9).await;
        assert_eq!(tasks.runs(), [(0, "old"), (1, "new"), (2, "old")]);
        assert_eq!((tasks.running(), tasks.most()), (1, 1), "never two at a time");
        assert_eq!(jobs.runs(), [(10, "old")]);
    });
}

#[test]
fn a_restart_of_the_module_keeps_the_rhythm() {
    run(builder().set("restart.initial=3s"), |base| async move {
        let (jobs, tasks, fails) = (Log::new(), Log::new(), Arc::<AtomicBool>::default());
        base.swap_to(busy("one", &jobs, &tasks, &fails)).await.unwrap();
        seconds(&base, 15).await;
        fails.store(true, Ordering::SeqCst);
        seconds(&base, 2).await;
        assert_eq!(tasks.running(), 0, "it waits for its restart");
        seconds(&base, 18).await;
        let pin = base.running().await.unwrap().pin();
        let worker = pin.instances().find(|instance| *instance.module() == name()).unwrap();
        assert_eq!(worker.id().generation, 2, "it was restarted");
        assert_eq!(jobs.seconds(), [10, 20, 30], "each tick once, and none left out");
        assert_eq!((tasks.runs().len(), tasks.running(), tasks.most()), (2, 1, 1));
    });
}
