//! `cargo bedplate dev`, as the tests run it: what it says of each save, and what its base answers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::http::{self, Answer};
use crate::process::{PATIENCE, eventually};

/// A `dev` at work. It is asked to end where a test fails, and its base ends with it.
#[derive(Debug)]
pub struct Dev {
    child: Child,
    events: Receiver<Value>,
    log: PathBuf,
}

impl Dev {
    /// Starts it by this command, which has it write JSON, and waits until its base serves. What is no event goes
    /// to the log.
    ///
    /// # Panics
    ///
    /// Where its base does not serve.
    #[must_use]
    pub fn start(mut tool: Command, log: &Path) -> Self {
        let errors = fs::File::create(log).unwrap();
        let mut child = tool.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let (sender, events) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The base writes to the same place.
                if let Ok(event) = serde_json::from_str(&line) {
                    let _ = sender.send(event);
                }
            }
        });
        let mut dev = Self { child, events, log: log.to_owned() };
        dev.event("serving");
        dev
    }

    /// What it and its base have written for people.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The next event.
    ///
    /// # Panics
    ///
    /// Where there is none within the tests' patience.
    #[track_caller]
    pub fn next_event(&mut self) -> Value {
        let next = self.events.recv_timeout(PATIENCE);
        next.unwrap_or_else(|error| panic!("{error}: {:?}\n{}", self.child.try_wait(), self.log()))
    }

    /// The next event, which is of this kind.
    ///
    /// # Panics
    ///
    /// Where it is of another one.
    #[track_caller]
    pub fn event(&mut self, kind: &str) -> Value {
        let next = self.next_event();
        assert_eq!(next["event"], kind, "{next:#}\n{}", self.log());
        next
    }

    /// The next event: that something did not work, with this code. Returns what was told.
    ///
    /// # Panics
    ///
    /// Where it is another event.
    #[track_caller]
    pub fn error(&mut self, code: &str) -> String {
        let next = self.next_event();
        assert_eq!(next["error"]["code"], code, "{next:#}\n{}", self.log());
        next["error"].to_string()
    }

    /// The modules of the next event, in order of their names. It is a swap, and says how long its steps took.
    ///
    /// # Panics
    ///
    /// Where it is another event.
    #[track_caller]
    pub fn swapped(&mut self) -> Vec<String> {
        let event = self.event("swapped");
        let steps: Vec<_> = event["steps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
        for step in ["check", "swap"] {
            let is_swap = steps.iter().any(|name| *name == step || *name == "hold");
            assert!(event["took_ms"].is_u64() && is_swap, "{event}");
        }
        let mut modules: Vec<_> =
            event["modules"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        modules.sort();
        modules
    }

    /// How often its base was started.
    #[must_use]
    pub fn starts(&self) -> usize {
        self.log().matches("serving on http://").count()
    }

    /// What the base that runs now answers to a GET.
    ///
    /// # Panics
    ///
    /// Where none runs.
    #[track_caller]
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        let log = self.log();
        let (_, rest) = log.rsplit_once("serving on http://").expect("a base serves");
        let address = rest.split_whitespace().next().unwrap().parse().unwrap();
        http::get(address, path).expect("it answers")
    }

    /// The text of a GET that is answered with 200.
    ///
    /// # Panics
    ///
    /// Where it is not.
    #[track_caller]
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        self.get(path).expect(200)
    }

    /// Asks it to end; it ends in order, and its base with it.
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub fn end(mut self) {
        self.signal("INT");
        let status = eventually("dev ends", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}\n{}", self.log());
        assert!(self.log().contains("the base has stopped"), "{}", self.log());
    }

    fn signal(&self, name: &str) {
        let _ = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Its base goes with it when it is asked, and not when it is killed.
            self.signal("TERM");
            let _ = self.child.wait();
        }
    }
}
