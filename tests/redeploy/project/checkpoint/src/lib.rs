//! Waits in a step of a deployment for as long as a file is there.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use bedplate::{Composition, Result, Staged, Starter, StarterContext};

/// Between two looks at a file.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits in `migrate`, in `prepare`, and where it is told that a composition serves.
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
        let hold = self.held(step)?;
        while hold.exists() {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The file that holds a step up. Where it is there, says that the step is reached.
    fn held(&self, step: &str) -> std::io::Result<PathBuf> {
        let hold = self.folder.join(format!("hold-{step}"));
        if hold.exists() {
            std::fs::write(self.folder.join(format!("at-{step}")), "")?;
        }
        Ok(hold)
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

    fn committed(&self, _: &Composition) {
        // Nothing awaits here: the thread waits.
        while self.held("committed").is_ok_and(|hold| hold.exists()) {
            std::thread::sleep(PAUSE);
        }
    }
}
