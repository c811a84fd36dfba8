//! Jobs run at their times, one run after the other, whatever becomes of the runs.

use std::time::Duration;

use bedplate::testing::run;
use bedplate_starter_schedule::{Job, Missed};

use crate::worker::{Does, Log, builder, every, seconds, shown, worker};

#[test]
fn an_interval_ticks_from_when_the_module_goes_live() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.running().await.unwrap();
        base.swap_to(worker("one", [every(10)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 9).await;
        assert!(log.seconds().is_empty());
        seconds(&base, 26).await;
        assert_eq!(log.seconds(), [10, 20, 30]);
    });
}

#[test]
fn a_run_that_takes_longer_than_the_interval_is_not_overlapped() {
    run(builder(), |base| async move {
        let log = Log::new();
        let slow = Does::Sleeps(Duration::from_secs(25));
        base.swap_to(worker("one", [every(10)], slow, &log)).await.unwrap();
        seconds(&base, 120).await;
        assert_eq!(log.seconds(), [10, 40, 70, 100], "the ticks in between are skipped");
        assert_eq!(log.most(), 1);
        assert_eq!(shown(&base.running().await.unwrap())[0]["dropped_ticks"], 6);
    });
}

#[test]
fn a_missed_tick_is_made_up_for_where_the_job_says_so() {
    run(builder(), |base| async move {
        let log = Log::new();
        let slow = Does::Sleeps(Duration::from_secs(25));
        base.swap_to(worker("one", [every(10).missed(Missed::RunOnce)], slow, &log)).await.unwrap();
        seconds(&base, 100).await;
        assert_eq!(log.seconds(), [10, 35, 60, 85], "at once, one run for all that passed");
        assert_eq!(log.most(), 1);
    });
}

#[test]
fn a_tick_that_is_noticed_late_is_served_once() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("one", [every(10)], Does::Nothing, &log)).await.unwrap();
        // Time jumps, as it does where a computer slept.
        tokio::time::advance(Duration::from_secs(35)).await;
        seconds(&base, 10).await;
        assert_eq!(log.seconds(), [35, 40]);
    });
}

#[test]
fn a_cron_job_runs_by_the_time_of_day() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("one", [Job::cron("minutely", "* * * * *")], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 630).await;
        let runs = log.seconds();
        assert!((10..=11).contains(&runs.len()), "{runs:?}");
        // Where the first minute begins depends on when the test runs; the others follow it.
        assert!(runs.windows(2).all(|pair| pair[1] - pair[0] >= 59 && pair[1] - pair[0] <= 61), "{runs:?}");
    });
}

#[test]
fn errors_and_panics_are_counted_and_the_schedule_goes_on() {
    run(builder(), |base| async move {
        let log = Log::new();
        let running = base.running().await.unwrap();
        base.swap_to(worker("fails", [every(10)], Does::Fails, &log)).await.unwrap();
        seconds(&base, 21).await;
        let job = &shown(&running)[0];
        assert_eq!((&job["runs"], &job["failures"], &job["last"]["outcome"]), (&2.into(), &2.into(), &"failed".into()));
        assert_eq!(job["last"]["cause"], "nothing to sweep with");
        base.swap_to(worker("panics", [every(10)], Does::Panics, &log)).await.unwrap();
        seconds(&base, 20).await;
        let job = &shown(&running)[0];
        assert_eq!((&job["runs"], &job["last"]["outcome"]), (&4.into(), &"given_up".into()));
        assert!(!job.to_string().contains("a broken broom"), "a panic's text stays in the log: {job}");
        base.swap_to(worker("works", [every(10)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 10).await;
        let job = &shown(&running)[0];
        assert_eq!((&job["failures"], &job["last"]["outcome"]), (&4.into(), &"completed".into()));
        assert_eq!(log.seconds(), [10, 20, 30, 40, 50]);
    });
}

#[test]
fn a_run_is_given_up_at_its_deadline() {
    run(builder(), |base| async move {
        let log = Log::new();
        let job = every(10).deadline(Duration::from_secs(3));
        base.swap_to(worker("one", [job], Does::WaitsForTheTest, &log)).await.unwrap();
        seconds(&base, 12).await;
        assert_eq!(log.running(), 1);
        seconds(&base, 2).await;
        assert_eq!(log.running(), 0);
        let job = &shown(&base.running().await.unwrap())[0];
        assert_eq!(job["last"]["outcome"], "given_up");
        seconds(&base, 8).await;
        assert_eq!(log.seconds(), [10, 20]);
        log.go_on();
    });
}

#[test]
fn paused_jobs_stand_still() {
    let log = Log::new();
    let base = builder().settings("[modules.worker.schedule]\npaused = true");
    run(base.with(worker("one", [every(10)], Does::Nothing, &log)), |base| async move {
        let running = base.running().await.unwrap();
        seconds(&base, 30).await;
        assert!(log.seconds().is_empty());
        assert_eq!(shown(&running)[0]["paused"], true);
    });
}

#[test]
fn jitter_delays_runs_and_keeps_the_rhythm() {
    run(builder().set("starters.schedule.jitter=5s"), |base| async move {
        let log = Log::new();
        base.swap_to(worker("one", [every(20)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 210).await;
        let runs = log.seconds();
        assert_eq!(runs.len(), 10, "{runs:?}");
        for (tick, run) in (1..).zip(runs) {
            assert!((20 * tick..=20 * tick + 5).contains(&run), "tick {tick} ran at {run}");
        }
    });
}

#[test]
fn what_is_known_of_a_job_can_be_seen() {
    run(builder(), |base| async move {
        let log = Log::new();
        let job = every(10).missed(Missed::RunOnce).deadline(Duration::from_secs(60));
        base.swap_to(worker("one", [job], Does::WaitsForTheTest, &log)).await.unwrap();
        let running = base.running().await.unwrap();
        let job = &shown(&running)[0];
        assert_eq!((&job["module"], &job["scene"], &job["name"]), (&"worker".into(), &"main".into(), &"sweep".into()));
        assert_eq!((&job["schedule"], &job["missed"]), (&"every 10s".into(), &"run_once".into()));
        assert!(job["next_due"].is_string() && job["last"].is_null() && job["running_ms"].is_null(), "{job}");
        seconds(&base, 13).await;
        assert!(shown(&running)[0]["running_ms"].as_u64().unwrap() >= 2_000);
        let entered = running.in_flight();
        assert!(entered.iter().any(|entry| entry.label == "sweep"), "{entered:?}");
        log.go_on();
        seconds(&base, 1).await;
        assert!(shown(&running)[0]["last"]["took_ms"].as_u64().unwrap() >= 2_000);
    });
}
