//! A base that runs as a process of its own, on ports of its own, and is ended by its id.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bedplate_admin_client::{Client, Endpoint};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::project::Project;

/// How long a base may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a base keeps its state and serves: nothing of it is there before, and nothing stays.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    /// Where it serves HTTP.
    pub http: SocketAddr,
}

impl Place {
    /// A new place. The folder lies below `parent`, else where temporary files do: a socket's path has to be short.
    ///
    /// # Errors
    ///
    /// Where there is no folder or no port.
    pub fn new(parent: Option<&Path>) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("bedplate-bench-");
        let folder = match parent {
            Some(parent) => builder.tempdir_in(parent),
            None => builder.tempdir(),
        };
        let folder = folder.context("a folder for the base's state cannot be made")?;
        // Given back at once: the base is told an address, since it does not say which it got.
        let listener = TcpListener::bind("127.0.0.1:0").context("the system has a free port")?;
        Ok(Self { folder, http: listener.local_addr()? })
    }

    /// The base's state folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A client of the base that runs here.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(Endpoint::Socket(self.state().join("admin.sock")))
    }

    /// The arguments that let a base, or the tool, use this place.
    #[must_use]
    pub fn arguments(&self, project: &Project) -> Vec<String> {
        let folder = self.folder.path().display();
        let mut arguments = vec!["--config".to_owned(), project.settings().display().to_string()];
        let mut set = |key: &str, value: String| arguments.extend(["--set".to_owned(), format!("{key}={value}")]);
        set("starters.http.address", self.http.to_string());
        set("starters.admin.address", "127.0.0.1:0".to_owned());
        set("deploy.folder", format!("{folder}/state"));
        if project.base == "conduit" {
            set("starters.sql.folder", format!("{folder}/data"));
        }
        arguments
    }

    /// Where its output goes.
    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

/// A base that runs. It is killed where it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program of a base, and does not wait.
    ///
    /// # Errors
    ///
    /// Where it cannot be run.
    pub fn spawn(program: &Path, project: &Project, place: &Place, more: &[String]) -> Result<Self> {
        let log = fs::File::create(place.log()).context("the log can be written")?;
        let mut command = Command::new(program);
        command.arg("run").args(place.arguments(project)).args(more).current_dir(place.folder.path());
        let child = crate::tool::free(&mut command, false)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be run", program.display()))?;
        Ok(Self { child, log: place.log() })
    }

    /// Starts a bundle, and returns when it serves.
    ///
    /// # Errors
    ///
    /// Where it ends, or does not serve in time; with what it said.
    pub async fn start(bundle: &Path, project: &Project, place: &Place, more: &[String]) -> Result<Self> {
        let mut running = Self::spawn(&bundle.join("bin").join(&project.base), project, place, more)?;
        let client = place.client();
        let begin = Instant::now();
        loop {
            running.must_run()?;
            if client.get("ready").await.is_ok_and(|answer| answer["phase"] == "serving") {
                return Ok(running);
            }
            if begin.elapsed() > PATIENCE {
                bail!("the base does not serve:\n{}", running.said());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails where it has ended by itself.
    ///
    /// # Errors
    ///
    /// With what it said.
    pub fn must_run(&mut self) -> Result<()> {
        match self.child.try_wait().context("a child can be looked after")? {
            None => Ok(()),
            Some(status) => bail!("the base has ended ({status}):\n{}", self.said()),
        }
    }

    /// Asks it to end, and waits until it has. Where it does not end in order, that is an error.
    ///
    /// # Errors
    ///
    /// With what it said.
    pub async fn stop(mut self) -> Result<()> {
        self.must_run()?;
        terminate(&self.child)?;
        let begin = Instant::now();
        loop {
            match self.child.try_wait().context("a child can be looked after")? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the base did not end in order ({status}):\n{}", self.said()),
                None if begin.elapsed() > PATIENCE => bail!("the base does not end:\n{}", self.said()),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// The last lines that it wrote.
    fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks a child to end.
///
/// # Errors
///
/// Where the system refuses; not where it has just ended.
pub fn terminate(child: &Child) -> Result<()> {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a child has an id")?;
    match kill_process(id, Signal::TERM) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => other.context("the child cannot be told to end"),
    }
}
