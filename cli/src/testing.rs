//! What the unit tests have in common.

use std::process::Command;

/// Whether there is git. Where there is none, the test is named as skipped.
pub(crate) fn has_git(test: &str) -> bool {
    use std::io::Write;

    let has = Command::new("git").arg("--version").output().is_ok_and(|said| said.status.success());
    if !has {
        // Where the output of a test that passes is captured, too.
        let _ = writeln!(std::io::stderr().lock(), "skipped: {test}: git is not installed");
    }
    has
}
