//! The tool, `cargo bedplate`, as the tests run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// The repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The target folder that the running test was built into.
#[must_use]
pub fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/debug/deps/test
    test.ancestors().nth(3).unwrap().to_owned()
}

/// The tool's binary: the one that `BEDPLATE_TOOL` names, or else built now, once in a run.
///
/// # Panics
///
/// Where it does not compile.
pub fn binary() -> &'static Path {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    TOOL.get_or_init(|| {
        if let Some(tool) = std::env::var_os("BEDPLATE_TOOL") {
            return tool.into();
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--offline", "--quiet", "--package", "cargo-bedplate", "--target-dir"]).arg(target());
        let built = without_cargos_own(&mut cargo).current_dir(repository()).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        target().join("debug/cargo-bedplate")
    })
}

/// The tool, about to work in a folder, with a target folder of its own.
#[must_use]
pub fn command(folder: &Path, target: &Path) -> Command {
    let mut tool = Command::new(binary());
    without_cargos_own(&mut tool).current_dir(folder).env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
    tool
}

/// Cargo, about to work in a folder, with this target folder.
#[must_use]
pub fn cargo(folder: &Path, target: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    without_cargos_own(&mut cargo).current_dir(folder).env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
    cargo
}

/// A shell, about to work in a folder, with this target folder, in which `cargo bedplate` is the tool. `aside` is a
/// folder for what that takes.
///
/// # Panics
///
/// Where nothing can be put into that folder.
#[must_use]
pub fn shell(folder: &Path, target: &Path, aside: &Path) -> Command {
    // The binary may have any name; cargo looks for this one.
    let named = aside.join("cargo-bedplate");
    std::os::unix::fs::symlink(binary(), named).unwrap();
    let before = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(aside.to_owned()).chain(std::env::split_paths(&before));
    let mut bash = Command::new("bash");
    without_cargos_own(&mut bash).current_dir(folder).env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
    // What is found by way of the home, where a test sets another.
    let home = std::env::home_dir().unwrap_or_default();
    for (name, usual) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        bash.env(name, std::env::var_os(name).unwrap_or_else(|| home.join(usual).into()));
    }
    bash.env("PATH", std::env::join_paths(path).unwrap());
    bash
}

/// What the tool wrote as JSON, the last line of it, and whether it went well.
///
/// # Panics
///
/// Where it wrote none.
#[must_use]
pub fn answer(output: &Output) -> (bool, Value) {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let answer = serde_json::from_str(last)
        .unwrap_or_else(|error| panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), answer)
}

/// Whether there is git. Where there is none, the test is named as skipped.
#[must_use]
pub fn has_git(test: &str) -> bool {
    let has = Command::new("git").arg("--version").output().is_ok_and(|said| said.status.success());
    if !has {
        skipped(test, "git is not installed");
    }
    has
}

/// Names a test that cannot be run here, and why.
pub fn skipped(test: &str, why: &str) {
    use std::io::Write;

    // Where the output of a test that passes is captured, too.
    let _ = writeln!(std::io::stderr().lock(), "skipped: {test}: {why}");
}

/// Takes away what cargo has set for the running test and would mean something else to another cargo.
fn without_cargos_own(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let is_of_package =
            text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST") || text.starts_with("CARGO_BIN_");
        if is_of_package
            || matches!(text, "RUSTFLAGS" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "CARGO_TARGET_TMPDIR")
        {
            command.env_remove(&name);
        }
    }
    command.env_remove("LD_LIBRARY_PATH").env_remove("BEDPLATE_PROFILE").env_remove("RUST_LOG")
}
