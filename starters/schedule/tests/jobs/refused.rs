//! What is no job is refused, with the module, the job, and the line that adds it.

use std::time::Duration;

use bedplate::testing::run;
use bedplate::{Exports, IntoExports, Module, ModuleSpec};
use bedplate_starter_schedule::{Job, ScheduledJob};
use std::sync::Arc;

use crate::worker::{Does, Log, builder, every, worker};

fn refusal(jobs: Vec<Job>) -> String {
    run(builder(), |base| async move {
        let spec = worker("one", jobs, Does::Nothing, &Log::new());
        base.swap_to(spec).await.unwrap_err().to_string()
    })
}

#[test]
fn a_cron_expression_that_is_none() {
    let error = refusal(vec![Job::cron("nightly", "0 25 * * *")]);
    assert!(error.contains("`worker` cannot export"), "{error}");
    assert!(error.contains("the job `nightly` at ") && error.contains("worker.rs:"), "{error}");
    assert!(error.contains("the cron expression \"0 25 * * *\""), "{error}");
}

#[test]
fn an_interval_of_zero() {
    let error = refusal(vec![Job::every("sweep", Duration::ZERO)]);
    assert!(error.contains("the job `sweep` at ") && error.contains("an interval of 0ns"), "{error}");
}

#[test]
fn two_jobs_of_one_name() {
    let error = refusal(vec![every(10), every(20)]);
    assert!(error.contains("two jobs have the name `sweep`"), "{error}");
    let what = error.lines().next().unwrap();
    assert_eq!(what.matches("worker.rs:").count(), 2, "both places are named: {error}");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let error =
        refusal(vec![Job::every("sweep", Duration::ZERO), Job::cron("nightly", "never"), Job::cron("", "@daily")]);
    assert!(error.contains("`sweep`") && error.contains("`nightly`") && error.contains("has no name"), "{error}");
}

/// A module that exports what it was given, as a function with `#[module]` does.
struct Exporting(Vec<ScheduledJob>);

impl Module for Exporting {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        self.0.clone().into_iter().for_each(|job| job.add_to(to));
    }
}

#[test]
fn two_exported_jobs_of_one_name() {
    run(builder(), |base| async move {
        let job = || Job::cron("nightly", "@daily").runs(async || ()).unwrap();
        let spec = ModuleSpec::plain("exporting", move |_| Ok(Exporting(vec![job(), job()]))).unwrap();
        let error = base.swap_to(spec).await.unwrap_err().to_string();
        assert!(error.contains("the jobs of `exporting` cannot be told apart"), "{error}");
        assert_eq!(error.matches("refused.rs:").count(), 2, "{error}");
    });
}
