//! Many connections that are kept open and ask all the time, each answer of which is looked at.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bedplate_tests::http::Connection;
use bedplate_tests::process::eventually;

use crate::base::Base;

/// How many connections ask.
pub(crate) const CONNECTIONS: usize = 32;

/// What builds are called.
const MARKS: [&str; 5] = ["one", "two", "more", "less", "new"];

/// What the connections have in common.
#[derive(Default)]
pub(crate) struct Load {
    is_over: AtomicBool,
    answered: AtomicU64,
    /// How often the keeper was asked to count one more, and said that it has.
    pub(crate) kept: AtomicU64,
}

/// Whether the caller and the reporter are always deployed together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Together {
    Yes,
    No,
}

impl Load {
    /// How many requests were answered.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits until so many more requests were answered: what was deployed has been under load.
    pub(crate) fn goes_on(&self, more: u64) {
        let from = self.answered();
        eventually("requests are answered", || (self.answered() >= from + more || self.is_over()).then_some(()));
        assert!(!self.is_over(), "a connection has failed");
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// Ends the load however its time ends: a connection that would ask on would keep a failed test.
struct Ends<'a>(&'a Load);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// Asks on many connections while `during` runs. A request that fails, a connection that is closed, an
/// answer of two generations fails the test.
pub(crate) fn under_load<T>(base: &Base, together: Together, during: impl FnOnce(&Load) -> T) -> (T, Load) {
    let load = Load::default();
    let result = thread::scope(|scope| {
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let load = &load;
                scope.spawn(move || {
                    let _ends = Ends(load);
                    ask(base, load, together, number);
                })
            })
            .collect();
        let result = {
            let _ends = Ends(&load);
            load.goes_on(CONNECTIONS as u64);
            during(&load)
        };
        for connection in connections {
            connection.join().unwrap_or_else(|_| panic!("a connection failed:\n{}", base.process.log()));
        }
        result
    });
    (result, load)
}

fn ask(base: &Base, load: &Load, together: Together, number: usize) {
    let mut connection = Connection::open(base.http).unwrap();
    let mut round = number;
    while !load.is_over() {
        let (method, path) = [
            ("GET", "/caller/twice"),
            ("GET", "/plain"),
            ("POST", "/keeper"),
            ("GET", "/caller/versions"),
            ("GET", "/port"),
            ("GET", "/reporter"),
            ("GET", "/notes"),
            ("GET", "/caller"),
            ("GET", "/subject"),
        ][round % 9];
        let answer =
            connection.send(method, path, &[], "").unwrap_or_else(|| panic!("closed before {path} was answered"));
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
        assert!(!answer.closes(), "{method} {path}: {answer:?}");
        let body = &answer.body;
        match path {
            "/caller/twice" => one_generation(body, together),
            "/caller/versions" => {
                let parts: Vec<_> = body.split([' ', ':']).collect();
                assert!(matches!(parts[..], ["build", a, "next", b] if a == b), "two generations: {body}");
            }
            // The tests write into it what they need.
            "/subject" => {}
            "/keeper" => drop(load.kept.fetch_add(1, Ordering::Relaxed)),
            _ => assert!(MARKS.contains(&body.split_whitespace().next().unwrap_or_default()), "{path}: {body}"),
        }
        load.answered.fetch_add(1, Ordering::Relaxed);
        round += 1;
    }
}

/// `<own> build:<first> build:<second>`, of one generation of the reporter, and of one set.
fn one_generation(body: &str, together: Together) {
    let parts: Vec<_> = body.split(' ').collect();
    let [own, first, second] = parts[..] else { panic!("{body}") };
    let name =
        |answer: &str| answer.strip_prefix("build:").unwrap_or_else(|| panic!("the wrong method: {body}")).to_owned();
    assert_eq!(name(first), name(second), "two generations of one module: {body}");
    if together == Together::Yes {
        assert_eq!(own, name(first), "half of a set: {body}");
    }
}
