//! Over a swap a job keeps its rhythm, runs on what serves, and waits for its own last run.

use bedplate::testing::run;
use bedplate::{Change, ModuleSpec};
use bedplate_starter_schedule::Job;
use std::time::Duration;

use crate::worker::{Does, Log, builder, every, name, seconds, shown, worker};

#[test]
fn the_rhythm_goes_on_and_no_tick_runs_twice() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("old", [every(10)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 15).await;
        base.swap_to(worker("new", [every(10)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 20).await;
        assert_eq!(log.runs(), [(10, "old"), (20, "new"), (30, "new")]);
    });
}

#[test]
fn a_run_of_the_old_generation_is_not_overlapped() {
    run(builder().set("drain.deadline=1h"), |base| async move {
        let log = Log::new();
        base.swap_to(worker("old", [every(10)], Does::WaitsForTheTest, &log)).await.unwrap();
        seconds(&base, 12).await;
        base.swap_to(worker("new", [every(10)], Does::WaitsForTheTest, &log)).await.unwrap();
        seconds(&base, 30).await;
        assert_eq!(log.runs(), [(10, "old")], "its run is still at work");
        log.go_on();
        seconds(&base, 10).await;
        assert_eq!(log.runs(), [(10, "old"), (50, "new")]);
        assert_eq!(log.most(), 1);
        log.go_on();
        base.settled().await.unwrap();
    });
}

#[test]
fn a_module_that_comes_back_waits_for_the_run_that_it_left() {
    run(builder().set("drain.deadline=1h"), |base| async move {
        let log = Log::new();
        base.swap_to(worker("old", [every(10)], Does::WaitsForTheTest, &log)).await.unwrap();
        seconds(&base, 12).await;
        let running = base.running().await.unwrap();
        running.deploy(Change::new().remove(name())).await.unwrap();
        base.swap_to(worker("new", [every(10)], Does::WaitsForTheTest, &log)).await.unwrap();
        seconds(&base, 30).await;
        assert_eq!(log.runs(), [(10, "old")]);
        log.go_on();
        seconds(&base, 10).await;
        assert_eq!(log.runs(), [(10, "old"), (50, "new")]);
        log.go_on();
        base.settled().await.unwrap();
    });
}

#[test]
fn a_schedule_that_changes_begins_anew() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("old", [every(10)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 15).await;
        base.swap_to(worker("new", [every(7)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 16).await;
        assert_eq!(log.runs(), [(10, "old"), (22, "new"), (29, "new")]);
    });
}

#[test]
fn jobs_come_and_go_with_the_generation() {
    run(builder(), |base| async move {
        let log = Log::new();
        let other = Job::every("other", Duration::from_secs(10));
        base.swap_to(worker("old", [every(10), other], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 11).await;
        assert_eq!(log.runs().len(), 2);
        base.swap_to(worker("new", [every(10)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 10).await;
        assert_eq!(log.runs().len(), 3);
        assert_eq!(shown(&base.running().await.unwrap()).len(), 1);
    });
}

#[test]
fn a_deployment_that_fails_changes_no_job() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("old", [every(10)], Does::Nothing, &log)).await.unwrap();
        let zero = Job::every("sweep", Duration::ZERO);
        base.swap_to(worker("new", [zero], Does::Nothing, &log)).await.unwrap_err();
        seconds(&base, 11).await;
        assert_eq!(log.runs(), [(10, "old")]);
    });
}

#[test]
fn other_modules_jobs_do_not_notice_a_swap() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("one", [every(10)], Does::Nothing, &log)).await.unwrap();
        for _ in 0..8 {
            seconds(&base, 4).await;
            base.swap_to(ModuleSpec::plain("other", |_| Ok(Other)).unwrap()).await.unwrap();
        }
        assert_eq!(log.seconds(), [10, 20, 30]);
    });
}

struct Other;

impl bedplate::Module for Other {}
