#![doc = include_str!("guide.md")]

mod check;
mod checkpoint;
mod checks;
mod each_test;
mod finding;
mod ground;
mod look;
mod objects;
mod subject;

pub use check::Check;
pub use finding::Finding;
pub use look::Look;
pub use subject::{Generations, Given, Subject};

/// Runs a check, and panics where it does not hold. `conformance!` calls it.
///
/// # Panics
///
/// With what was found.
#[track_caller]
pub fn assert<S: Subject>(check: Check) {
    if let Err(finding) = check.run::<S>() {
        panic!("{finding}");
    }
}

/// Stops the compiler where `conformance!` does not list each check under its own name.
#[doc(hidden)]
pub const fn complete(listed: &[(Check, &str)]) {
    assert!(listed.len() == Check::ALL.len(), "`conformance!` lists each check");
    let mut index = 0;
    while index < listed.len() {
        let (check, name) = listed[index];
        assert!(check as usize == index, "`conformance!` lists the checks in their order");
        let (name, own) = (name.as_bytes(), check.name().as_bytes());
        assert!(name.len() == own.len(), "a test has the name of its check");
        let mut byte = 0;
        while byte < name.len() {
            assert!(name[byte] == own[byte], "a test has the name of its check");
            byte += 1;
        }
        index += 1;
    }
}
