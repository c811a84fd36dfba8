//! The real binary in a folder of its own, on ports of its own.

use std::fs;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bedplate_tests::process::{Process, free_address};

use crate::client;
use crate::executable::{NAME, executable};

/// A folder with the settings of Conduit, and free ports.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conduit").join(NAME).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("bedplate.toml"), folder.join("bedplate.toml")).unwrap();
        Self { folder, http: free_address(), admin: free_address() }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executable());
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("bedplate.toml"))
            .args(["--set", &format!("starters.http.address={}", self.http)])
            .args(["--set", &format!("starters.admin.address={}", self.admin)])
            .env_remove("BEDPLATE_PROFILE")
            .env_remove("RUST_LOG")
            .env_remove("LD_LIBRARY_PATH")
            .current_dir(&self.folder);
        command
    }

    /// Runs a command that ends by itself.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Starts the base, and waits until it is ready.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut process = Process::start(self.command(arguments), &self.folder.join("log"));
        process.wait_for("it is ready", |_| {
            let answer = client::get(self.admin, "/readyz")?;
            (answer.status == 200).then_some(())
        });
        Running(process)
    }
}

/// A base that runs.
pub(crate) struct Running(Process);

impl Deref for Running {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.0
    }
}
