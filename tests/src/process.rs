//! Processes that the tests start, wait for and end; and waiting, bounded.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything that the tests wait for may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at what is waited for.
const PAUSE: Duration = Duration::from_millis(1);

/// Looks until there is something to see.
///
/// # Panics
///
/// Where there is nothing within the tests' patience: `what` says what was waited for.
#[track_caller]
pub fn eventually<T>(what: impl AsRef<str>, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begin.elapsed() < PATIENCE, "waited too long: {}", what.as_ref());
        std::thread::sleep(PAUSE);
    }
}

/// An address on loopback that nobody listens on, for a process that is started later.
///
/// Its port is not one that the system gives to a connection meanwhile: it lies below those of Linux
/// (32768 and up) and of macOS (49152 and up). No two calls of a process get the same one.
///
/// # Panics
///
/// Where no port is free.
#[must_use]
pub fn free_address() -> SocketAddr {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let offset = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + offset).unwrap();
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr().unwrap();
        }
    }
    panic!("no port of loopback is free")
}

/// A process with a log. It is killed where a test fails.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; all that it writes goes to the log.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    #[must_use]
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// All that it has written.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    ///
    /// # Panics
    ///
    /// Where it cannot be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Kills it, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended, where it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub fn ended(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.has_ended() {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "the process does not end:\n{}", self.log());
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits for what `look` sees; `None` of it while the process runs means: not yet.
    ///
    /// # Panics
    ///
    /// Where the process ends before, or where there is nothing to see in time.
    #[track_caller]
    pub fn wait_for<T>(&mut self, what: &str, mut look: impl FnMut(&str) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(seen) = look(&self.log()) {
                return seen;
            }
            if let Some(status) = self.has_ended() {
                panic!("it ended with {status}, before {what}:\n{}", self.log());
            }
            assert!(begin.elapsed() < PATIENCE, "waited too long for {what}:\n{}", self.log());
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
