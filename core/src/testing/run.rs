//! Runs a test on a base, and ends the base with it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;

use crate::testing::builder::Clock;
use crate::testing::folder::Folder;
use crate::testing::time::Standstill;
use crate::testing::{TestBase, TestBaseBuilder};

/// Runs a test on a base of its own, on a runtime of its own. `#[bedplate::test]` calls it.
///
/// # Panics
///
/// Where the test panics, where the runtime does not start or a folder for the test cannot be made, and where the base
/// does not end in order.
pub fn run<F, Fut>(mut builder: TestBaseBuilder, test: F) -> Fut::Output
where
    F: FnOnce(TestBase) -> Fut,
    Fut: Future,
{
    let clock = builder.clock;
    let own = builder.folder.is_none().then(|| Folder::new().expect("there is room for temporary files"));
    if let Some(own) = &own {
        builder = builder.folder(own.path());
    }
    let runtime = runtime(clock).expect("the test's runtime starts");
    let output = runtime.block_on(async {
        let standstill = (clock == Clock::Paused).then(Standstill::begin);
        let base = TestBase::new(builder);
        let output = AssertUnwindSafe(test(base.clone())).catch_unwind().await;
        // The end of the base is bounded by deadlines, which must be able to pass.
        drop(standstill);
        let ended = base.end().await;
        match output {
            Ok(output) => {
                if let Err(error) = ended {
                    panic!("the test's base did not end in order:\n{error}");
                }
                output
            }
            Err(panic) => resume_unwind(panic),
        }
    });
    runtime.shutdown_background();
    drop(own);
    output
}

fn runtime(clock: Clock) -> std::io::Result<tokio::runtime::Runtime> {
    match clock {
        // Two threads, so that a module that blocks one does not stop the test's clock.
        Clock::Real => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build(),
        Clock::Paused => tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build(),
    }
}
