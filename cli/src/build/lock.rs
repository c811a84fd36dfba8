//! One tool at a time in the folder of what is built: two of them would write below each other's hands.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;
use crate::workspace::Workspace;

/// How often a tool that waits looks whether it is its turn.
const LOOK: Duration = Duration::from_millis(20);

/// The right to build and link in the output folder of a workspace; it ends with the value, or the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Takes the folder. Where another process has it, says so and waits.
    pub(crate) fn take(workspace: &Workspace, output: Output) -> Result<Self> {
        Self::take_unless(workspace, output, || false)
    }

    /// The same, for somebody who may not want it any more.
    pub(crate) fn take_unless(
        workspace: &Workspace,
        output: Output,
        is_interrupted: impl Fn() -> bool,
    ) -> Result<Self> {
        let folder = &workspace.output;
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        let path = folder.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("{} cannot be opened", path.display()))?;
        let mut is_told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::WouldBlock) => {}
                // As cargo does: a file system that knows no locks is built on all the same.
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                    return Ok(Self { _file: None });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("{} cannot be locked", path.display()));
                }
            }
            if is_interrupted() {
                return Err(Failure::error("interrupted", "it was asked to end while it waited", ""));
            }
            if !is_told {
                is_told = true;
                output.line(format!("another `cargo bedplate` builds in {}: waiting for it", folder.display()));
                output.object(&json!({ "version": 1, "event": "waiting", "for": path }));
            }
            thread::sleep(LOOK);
        }
    }
}
