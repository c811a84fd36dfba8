//! The tool's `dev` as a process: a base that is rebuilt and swapped as files are saved.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::project::{Profile, Project};
use crate::running::{Place, terminate};
use crate::tool::Tool;

/// How long the first build may take: everything is compiled.
const BUILDING: Duration = Duration::from_secs(3600);
/// How long one edit may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long `dev` may take to end, with its base.
const ENDING: Duration = Duration::from_secs(120);

/// `dev` that runs. It is ended where it is dropped, and its base with it.
#[derive(Debug)]
pub struct Live {
    child: Child,
    events: Receiver<Value>,
    errors: PathBuf,
}

impl Live {
    /// Starts `dev` on a project, and returns when the base serves.
    ///
    /// # Errors
    ///
    /// Where it does not come to that.
    pub fn start(tool: &Tool, project: &Project, profile: Profile, place: &Place) -> Result<Self> {
        let errors = place.state().with_file_name("dev.log");
        let log = std::fs::File::create(&errors).context("the log can be written")?;
        let mut child = tool
            .command("dev", project, profile)
            .arg("--json")
            .args(place.arguments(project))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("the tool cannot be run")?;
        let output = child.stdout.take().context("its output is piped")?;
        let live = Self { child, events: events(output), errors };
        live.wait("serving", BUILDING)?;
        Ok(live)
    }

    /// Waits until an edit serves, and returns what `dev` says of it.
    ///
    /// # Errors
    ///
    /// Where it does not come to that, with the reason.
    pub fn swapped(&self) -> Result<Value> {
        self.wait("swapped", PATIENCE)
    }

    fn wait(&self, wanted: &str, limit: Duration) -> Result<Value> {
        let begin = Instant::now();
        loop {
            match self.events.recv_timeout(limit.saturating_sub(begin.elapsed())) {
                Ok(event) if event["event"] == wanted => return Ok(event),
                Ok(event) if event.get("error").is_some() => bail!("`dev` says: {}", event["error"]),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("`dev` is not {wanted} after {} s:\n{}", limit.as_secs(), self.said())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("`dev` has ended:\n{}", self.said()),
            }
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap_or_default()
    }
}

/// The JSON lines among what is written: the base writes to the same place.
fn events(output: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, events) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            if let Ok(event @ Value::Object(_)) = serde_json::from_str(&line)
                && sender.send(event).is_err()
            {
                return;
            }
        }
    });
    events
}

impl Drop for Live {
    fn drop(&mut self) {
        // Not killed at once: it has a child of its own to end.
        let told = terminate(&self.child);
        let begin = Instant::now();
        while told.is_ok() && begin.elapsed() < ENDING {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
