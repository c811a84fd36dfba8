//! The end of a base: its starters stop after the modules, in reverse, and are not waited for without end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Wrong, base, record};
use crate::support::{Script, on};

#[test]
fn starters_stop_in_reverse_after_the_modules() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let keep = ended.clone();
    on(base(), |base, running| async move {
        let record = record(&base).await;
        record.take();
        running.shutdown().await?;
        *keep.lock().unwrap() = record.take();
        Ok(())
    });
    let steps = ended.lock().unwrap().clone();
    let at = |step: &str| steps.iter().position(|told| told.starts_with(step)).unwrap();
    assert!(at("second drain") < at("first release a@main#1"));
    assert!(at("first release a@main#1") < at("second stop-second"));
    assert!(at("second stop-second") < at("first stop"));
}

#[test]
fn starters_that_do_not_end_in_order_are_told_and_the_modules_are_stopped_all_the_same() {
    for (step, how, code, says) in [
        (
            "drain",
            Wrong::Errs,
            "drain-failed",
            "the starter `second` did not drain: not today; what is left is cancelled",
        ),
        (
            "drain",
            Wrong::Panics,
            "drain-failed",
            "the starter `second` did not drain: it panicked: not today; what is left is cancelled",
        ),
        (
            "drain",
            Wrong::Hangs,
            "drain-failed",
            "the starter `second` did not drain: it did not answer within 30s; what is left is cancelled",
        ),
        ("stop-second", Wrong::Errs, "stop-failed", "the starter `second` did not stop in order: not today"),
        (
            "stop-second",
            Wrong::Panics,
            "stop-failed",
            "the starter `second` did not stop in order: it panicked: not today",
        ),
        (
            "stop-second",
            Wrong::Hangs,
            "stop-failed",
            "the starter `second` did not stop in order: it did not answer within 10s",
        ),
        ("prepare-third", Wrong::Errs, "", ""),
        ("prepare-third", Wrong::Panics, "", ""),
    ] {
        let stopped = Arc::new(Mutex::new(false));
        let last = stopped.clone();
        let script = Script::new().stop(move |_| {
            *last.lock().unwrap() = true;
            async { Ok(()) }
        });
        bedplate::testing::run(base().with(script.named("b")).paused_time(), |base| async move {
            let running = base.running().await.unwrap();
            record(&base).await.goes_wrong(step, how);
            let (ended, ()) = tokio::join!(running.shutdown(), base.advance(Duration::from_secs(90)));
            let told: Vec<_> = ended.err().into_iter().flat_map(|error| error.problems).collect();
            let told: Vec<_> = told.iter().map(|problem| (problem.code, problem.what.as_str())).collect();
            assert_eq!(told, if code.is_empty() { Vec::new() } else { vec![(code, says)] });
        });
        assert!(*stopped.lock().unwrap(), "{step}");
    }
}
