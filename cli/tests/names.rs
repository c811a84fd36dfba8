//! The tool has two names, and cargo finds it under both.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

/// `cargo NAME ARGUMENTS`, where the tool's binaries are installed and no alias of this repository counts.
fn cargo(arguments: &[&str]) -> Output {
    let binaries = [env!("CARGO_BIN_EXE_cargo-bedplate"), env!("CARGO_BIN_EXE_cargo-bp")];
    let installed = binaries.map(|binary| Path::new(binary).parent().unwrap().to_owned());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(installed.into_iter().chain(std::env::split_paths(&path))).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO")).args(arguments).current_dir(elsewhere.path()).env("PATH", path).output().unwrap()
}

#[test]
fn cargo_finds_it_by_its_name_and_by_its_short_name() {
    for name in ["bedplate", "bp"] {
        let version = cargo(&[name, "--version"]);
        let text = String::from_utf8_lossy(&version.stdout);
        assert!(version.status.success() && text.contains(env!("CARGO_PKG_VERSION")), "{name}: {version:?}");
        let help = String::from_utf8(cargo(&[name, "redeploy", "--help"]).stdout).unwrap();
        assert!(help.contains(&format!("Usage: cargo {name} redeploy")), "{help}");
    }
}

#[test]
fn both_do_the_same() {
    let answers = ["bedplate", "bp"].map(|name| cargo(&[name, "build", "--json"]));
    for answer in &answers {
        assert_eq!(answer.status.code(), Some(1), "{answer:?}");
        let error: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!(error["error"]["code"], "no-workspace", "{error}");
    }
}
