//! Waits in a step of a deployment for as long as a file is there.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use bedplate::{Composition, Result, Staged, Starter, StarterContext};

/// Waits in `migrate` and in `prepare`.
#[derive(Debug)]
#[bedplate::starter(name = "checkpoint")]
pub struct Checkpoint {
    /// The folder of the base's settings.
    folder: PathBuf,
}

impl Checkpoint {
    /// Refuses where a file `refuse-<step>` says why. Where there is a file `hold-<step>`, says by a file
    /// `at-<step>` that the step is reached, and goes on when the first one is gone.
    async fn pass(&self, step: &str) -> Result<()> {
        if let Ok(why) = std::fs::read_to_string(self.folder.join(format!("refuse-{step}"))) {
            return Err(std::io::Error::other(why).into());
        }
        let hold = self.folder.join(format!("hold-{step}"));
        if hold.exists() {
            std::fs::write(self.folder.join(format!("at-{step}")), "")?;
        }
        while hold.exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

impl Starter for Checkpoint {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        Ok(Self { folder: ctx.folder().to_owned() })
    }

    async fn migrate(&self, _: &Staged<'_>) -> Result<()> {
        self.pass("migrate").await
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        self.pass("prepare").await
    }
}
