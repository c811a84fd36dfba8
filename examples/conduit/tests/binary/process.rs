//! The real binary in a folder of its own, on ports of its own.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use crate::client;

/// How long anything that the tests wait for may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with the settings of Conduit, and free ports.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conduit").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("bedplate.toml"), folder.join("bedplate.toml")).unwrap();
        let [http, admin] = free_addresses();
        Self { folder, http, admin }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conduit"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("bedplate.toml"))
            .args(["--set", &format!("starters.http.address={}", self.http)])
            .args(["--set", &format!("starters.admin.address={}", self.admin)])
            .env_remove("BEDPLATE_PROFILE")
            .env_remove("RUST_LOG")
            .current_dir(&self.folder);
        command
    }

    /// Runs a command that ends by itself.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Starts the base, and waits until it is ready.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let log = self.folder.join("log");
        let file = fs::File::create(&log).unwrap();
        let process = self
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut running = Running { process, log };
        let begin = Instant::now();
        while client::get(self.admin, "/readyz").map(|answer| answer.status) != Some(200) {
            if let Some(status) = running.process.try_wait().unwrap() {
                panic!("the base ended with {status}:\n{}", running.log());
            }
            assert!(begin.elapsed() < PATIENCE, "the base is not ready:\n{}", running.log());
            std::thread::yield_now();
        }
        running
    }
}

/// Two addresses on loopback that nobody listens on.
fn free_addresses() -> [SocketAddr; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

/// A base that runs. It is killed where a test fails.
pub(crate) struct Running {
    process: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until the process has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "the base does not end:\n{}", self.log());
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
