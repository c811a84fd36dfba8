//! A whole process: the first base in it installs the logger, by its settings.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::process::Command;

use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::{Entry, EntryKind, Module, ModuleSpec};
use bedplate_starter_telemetry::Telemetry;
use serde_json::Value;

/// The variable that makes this program the process under test, with the settings in its value.
const CHILD: &str = "TELEMETRY_TEST_SETTINGS";

struct Plain;

impl Module for Plain {}

/// What the process under test does: a base with one module, which logs once.
async fn child(settings: &str) {
    let tree = Sources::new().text("bedplate.toml", settings).load().unwrap();
    let assembly = Assembly::new(tree, std::env::temp_dir()).starter::<Telemetry>();
    let base = assembly.module(ModuleSpec::plain("greeter", |_| Ok(Plain)).unwrap()).start().await.unwrap();
    let now = base.pin();
    let greeter = now.instances().next().unwrap();
    let work = async { tracing::info!(count = 1, "hello") };
    greeter.enter(&now, Entry::new(EntryKind::Request, "GET /"), work).await.unwrap();
    drop(now);
    base.shutdown().await.unwrap();
}

/// Runs the test of this name in a process of its own; what it wrote to its two outputs.
fn run(test: &str, settings: &str) -> (String, String) {
    let program = std::env::current_exe().unwrap();
    let output =
        Command::new(program).args([test, "--exact", "--nocapture", "--quiet"]).env(CHILD, settings).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn json_to_stdout() {
    if let Ok(settings) = std::env::var(CHILD) {
        return child(&settings).await;
    }
    let (stdout, stderr) = run("json_to_stdout", "[starters.telemetry]\nformat = 'json'\noutput = 'stdout'");
    let lines: Vec<Value> = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let hello = lines.iter().find(|line| line["message"] == "hello").unwrap_or_else(|| panic!("{stdout}"));
    assert_eq!(
        (&hello["module"], &hello["scene"], &hello["fields"]["count"]),
        (&"greeter".into(), &"main".into(), &1.into())
    );
    assert!(lines.iter().any(|line| line["target"] == "bedplate::lifecycle"), "{stdout}");
    assert!(!stderr.contains("hello"), "{stderr}");
}

#[tokio::test]
async fn lines_for_people_to_stderr() {
    if let Ok(settings) = std::env::var(CHILD) {
        return child(&settings).await;
    }
    let (stdout, stderr) = run("lines_for_people_to_stderr", "");
    assert!(stderr.contains(" INFO process: hello count=1 module=greeter scene=main\n"), "{stderr}");
    assert!(!stdout.contains("hello"), "{stdout}");
}
