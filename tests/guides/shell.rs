//! The shell of somebody who follows a guide: one bash from the first command to the last, so that a folder that was
//! entered stays so, and what was started beside it is there until it is ended.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bedplate_tests::http;

/// Stands before what the shell says at the end of each command.
const MARK: char = '\u{1}';

/// How long a command may take: on a slow machine one of them builds all that a base depends on.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Between two looks at a base that is to become healthy.
const PAUSE: Duration = Duration::from_millis(50);

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) text: String,
    /// Where the shell is afterwards.
    pub(crate) folder: PathBuf,
}

/// A shell.
#[derive(Debug)]
pub(crate) struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// What runs beside: its process, and where its output goes.
    beside: Option<(u32, PathBuf)>,
    logs: PathBuf,
}

impl Shell {
    /// Starts it. Logs of what runs beside it go to a folder.
    pub(crate) fn start(mut bash: Command, logs: &Path) -> Self {
        bash.args(["--noprofile", "--norc"]);
        bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = bash.spawn().unwrap_or_else(|error| panic!("bash cannot be run: {error}"));
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
        let mut shell = Self { child, input, lines, beside: None, logs: logs.to_owned() };
        // `set -m`: what runs beside has a group of its own, as in a terminal.
        assert_eq!(shell.run("exec 2>&1; set -m").status, 0);
        shell
    }

    /// Runs a command to its end.
    pub(crate) fn run(&mut self, command: &str) -> Said {
        let script = format!("{{ {command}\n}} </dev/null\nprintf '\\n{MARK}%s %s\\n' \"$?\" \"$PWD\"\n");
        self.input.write_all(script.as_bytes()).unwrap();
        let (since, mut text) = (Instant::now(), String::new());
        loop {
            let left = LONGEST.saturating_sub(since.elapsed());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("`{command}` does not end:\n{text}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the shell ended at `{command}`:\n{text}"),
            };
            if let Some((status, folder)) = line.strip_prefix(MARK).and_then(|end| end.split_once(' ')) {
                return Said { status: status.parse().unwrap(), text, folder: folder.into() };
            }
            text.push_str(&line);
            text.push('\n');
        }
    }

    /// Starts a base beside the shell, in the place of one that runs there, and waits until it is ready.
    pub(crate) fn serve(&mut self, command: &str, admin: SocketAddr) {
        self.end_beside();
        let log = self.logs.join("beside.log");
        let said = self.run(&format!("{command} >'{}' 2>&1 &\necho $!", log.display()));
        let last = said.text.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
        let process: u32 = last.parse().unwrap_or_else(|_| panic!("`{command}` does not begin: {}", said.text));
        self.beside = Some((process, log));
        let since = Instant::now();
        while http::get(admin, "/readyz").is_none_or(|answer| answer.status != 200) {
            let is_there = self.run(&format!("kill -0 {process}")).status == 0;
            assert!(is_there && since.elapsed() < LONGEST, "`{command}` is not ready:\n{}", self.log());
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether something runs beside.
    pub(crate) fn is_serving(&self) -> bool {
        self.beside.is_some()
    }

    /// What that which runs beside has written.
    pub(crate) fn log(&self) -> String {
        let log = self.beside.as_ref().map(|(_, log)| std::fs::read(log).unwrap_or_default());
        log.map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Ends what runs beside, as Ctrl-C in its terminal does: it ends in order.
    pub(crate) fn end_beside(&mut self) {
        let Some((process, _)) = self.beside else { return };
        // To all of its group.
        let said = self.run(&format!("kill -INT -- -{process}; wait {process}"));
        assert_eq!(said.status, 0, "what ran beside did not end in order: {}\n{}", said.text, self.log());
        self.beside = None;
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some((process, _)) = self.beside {
            // Where a test has failed: asked first, since its base ends with `dev` only then.
            let ended = format!("kill -TERM -- -{process}; wait {process}\n");
            let _ = self.input.write_all(ended.as_bytes());
        }
        let _ = self.input.write_all(b"exit\n");
        let _ = self.child.wait();
    }
}
