//! The base that the tool works with: where it is built, where its socket is, and its life as a child.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bedplate::base::state_folder;
use bedplate::settings::{Sources, Tree};
use bedplate_admin_client::Endpoint;
use bedplate_admin_client::blocking::Client;

use crate::failure::Failure;
use crate::workspace::Workspace;

/// How often a base that starts is asked whether it serves.
const ASKED_EVERY: Duration = Duration::from_millis(10);
/// How long a base may take to start before the tool says so; it goes on waiting.
const SLOW: Duration = Duration::from_secs(30);
/// How long a base may take to end before it is killed.
const ENDING: Duration = Duration::from_secs(90);

/// The settings that the tool's base runs with.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The executable in the bundle.
    pub(crate) executable: PathBuf,
    /// The settings file.
    pub(crate) settings: PathBuf,
    /// The settings profile.
    pub(crate) profile: Option<String>,
    /// Single settings, as `key=value`.
    pub(crate) sets: Vec<String>,
}

impl Place {
    /// The base's own settings: those beside its `Cargo.toml`, so that a base runs as it does under cargo.
    pub(crate) fn of(
        workspace: &Workspace,
        config: Option<&PathBuf>,
        profile: Option<&String>,
        sets: Vec<String>,
    ) -> Self {
        let beside = workspace.base.folder.join("bedplate.toml");
        Self {
            executable: workspace.output.join("bundle").join("bin").join(&workspace.base.binary),
            settings: config.cloned().unwrap_or(beside),
            profile: profile.cloned(),
            sets,
        }
    }

    /// The arguments that name the settings.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        if self.settings.exists() {
            arguments.extend(["--config".into(), self.settings.clone().into()]);
        }
        if let Some(profile) = &self.profile {
            arguments.extend(["--profile".into(), profile.into()]);
        }
        for set in &self.sets {
            arguments.extend(["--set".into(), set.into()]);
        }
        arguments
    }

    /// The settings, as the base itself reads them.
    pub(crate) fn tree(&self) -> Result<Tree> {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let profile = self.profile.clone().or_else(|| std::env::var("BEDPLATE_PROFILE").ok());
        let sources = Sources::new().optional_file(&self.settings).profile(profile).environment(variables);
        self.sets.iter().cloned().fold(sources, Sources::set).load().map_err(|problems| {
            let all: Vec<_> = problems.iter().map(ToString::to_string).collect();
            Failure::error("settings", all.join("\n"), "mend the settings")
        })
    }

    /// The socket of the base that runs with these settings.
    pub(crate) fn socket(&self) -> Result<PathBuf> {
        let tree = self.tree()?;
        let beside = self.settings.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(state_folder(&tree, &beside).join("admin.sock"))
    }

    /// A client of the base that runs with these settings.
    pub(crate) fn client(&self) -> Result<Client> {
        Ok(Client::new(Endpoint::Socket(self.socket()?))?)
    }
}

/// A base that the tool has started.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts the base, and returns when it serves.
    pub(crate) fn start(place: &Place, is_interrupted: impl Fn() -> bool) -> Result<Self> {
        let mut base = Command::new(&place.executable);
        base.arg("run").args(place.arguments());
        // Ctrl-C in a terminal is for all of its group: the base would hear it twice, the second time from `stop`,
        // and a second signal forces the end.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut base, 0);
        let child = base.spawn().with_context(|| format!("{} cannot be run", place.executable.display()))?;
        let mut running = Self { child };
        let client = place.client()?;
        let since = Instant::now();
        let mut is_told = false;
        loop {
            if let Some(status) = running.ended()? {
                return Err(Failure::error(
                    "base-does-not-start",
                    format!("the base ended while it started ({status})"),
                    "mend what it says above; it is started again after the next change",
                ));
            }
            if client.get("ready").is_ok_and(|answer| answer["phase"] == "serving") || is_interrupted() {
                return Ok(running);
            }
            if since.elapsed() > SLOW && !is_told {
                is_told = true;
                eprintln!("the base has not started yet; waiting on");
            }
            thread::sleep(ASKED_EVERY);
        }
    }

    /// The status that it ended with; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        self.child.try_wait().context("the base cannot be waited for")
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<std::process::ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        terminate(&self.child)?;
        let since = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if since.elapsed() > ENDING {
                eprintln!("the base has not ended within {} s, and is killed", ENDING.as_secs());
                self.child.kill().context("the base cannot be killed")?;
            }
            thread::sleep(ASKED_EVERY);
        }
    }
}

#[cfg(unix)]
fn terminate(child: &Child) -> Result<()> {
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).context("a child has an id")?;
    match rustix::process::kill_process(id, rustix::process::Signal::TERM) {
        // It has just ended.
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => other.context("the base cannot be told to end"),
    }
}
