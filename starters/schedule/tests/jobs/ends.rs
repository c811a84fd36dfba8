//! Jobs end with their module, and with the base.

use bedplate::Change;
use bedplate::base::Phase;
use bedplate::testing::run;

use crate::worker::{Does, Log, builder, every, name, seconds, shown, worker};

#[test]
fn the_jobs_of_a_module_that_is_taken_out_end() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("one", [every(10)], Does::Nothing, &log)).await.unwrap();
        seconds(&base, 11).await;
        let running = base.running().await.unwrap();
        running.deploy(Change::new().remove(name())).await.unwrap();
        seconds(&base, 30).await;
        assert_eq!(log.seconds(), [10]);
        assert!(shown(&running).is_empty());
    });
}

#[test]
fn a_drain_waits_for_runs_and_starts_none() {
    run(builder(), |base| async move {
        let log = Log::new();
        base.swap_to(worker("one", [every(10)], Does::WaitsForTheTest, &log)).await.unwrap();
        seconds(&base, 10).await;
        let running = base.running().await.unwrap();
        let ending = tokio::spawn({
            let running = running.clone();
            async move { running.shutdown().await }
        });
        seconds(&base, 15).await;
        assert_eq!(running.phase(), Phase::Draining, "it waits for the run");
        log.go_on();
        ending.await.unwrap().unwrap();
        assert_eq!(log.seconds(), [10]);
        assert_eq!(running.pin().instances().count(), 0);
    });
}

#[test]
fn a_drain_gives_up_a_run_that_does_not_end() {
    run(builder().set("drain.deadline=5s"), |base| async move {
        let log = Log::new();
        base.swap_to(worker("one", [every(10)], Does::WaitsForTheTest, &log)).await.unwrap();
        seconds(&base, 10).await;
        let running = base.running().await.unwrap();
        let ending = tokio::spawn({
            let running = running.clone();
            async move { running.shutdown().await }
        });
        seconds(&base, 30).await;
        let error = ending.await.unwrap().unwrap_err();
        assert!(error.has("drain-failed"), "{error}");
        assert_eq!(log.running(), 0, "the run was cancelled with its module");
    });
}
