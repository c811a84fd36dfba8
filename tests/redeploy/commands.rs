//! What a production host has: a bundle, in any folder, and the commands of the base's own binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::base::{Base, Place};
use crate::subjects::{says, subject};
use crate::workshop::{bundle, folder, object};

/// What a command wrote as JSON.
#[track_caller]
fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim())
        .unwrap_or_else(|error| panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[track_caller]
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A copy of a bundle. What was there is removed.
fn copied(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let copied = Command::new("cp").arg("-R").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// The files that a process has mapped.
#[cfg(target_os = "linux")]
fn mapped(base: &Base) -> String {
    fs::read_to_string(format!("/proc/{}/maps", base.process.id())).unwrap()
}

#[test]
fn a_bundle_runs_in_any_folder() {
    let elsewhere = folder().join("somewhere else");
    copied(bundle(), &elsewhere);
    let place = Place::of(&elsewhere, "moved");
    let base = place.start();
    assert_eq!(base.text("/caller/twice"), "one build:one build:one");
    base.install(&[object("plain", "two")]);
    assert!(base.text("/plain").starts_with("two"));
    #[cfg(target_os = "linux")]
    {
        let maps = mapped(&base);
        assert!(maps.contains("somewhere else/lib/libbedplate_base_station.so"), "{maps}");
        assert!(maps.contains("somewhere else/lib/libstd-"), "the standard library is the bundle's: {maps}");
        let first = bundle().display().to_string();
        assert!(
            !maps.lines().any(|line| line.contains(&format!("{first}/"))),
            "something is loaded from where it was built"
        );
    }
    base.end();
    // Its settings are beside its manifest, where nobody names others.
    fs::copy(place.folder.join("bedplate.toml"), elsewhere.join("bedplate.toml")).unwrap();
    let settings =
        Command::new(elsewhere.join("bin/station")).args(["settings", "--json"]).current_dir("/").output().unwrap();
    let settings = json(&settings);
    assert!(settings.to_string().contains("somewhere else/bedplate.toml"), "{settings}");
    fs::remove_dir_all(&elsewhere).unwrap();
}

#[test]
fn a_bundle_that_is_not_of_one_piece_does_not_start() {
    let broken = folder().join("broken-bundle");
    let try_it = |change: &dyn Fn(&Path), code: &str| {
        copied(bundle(), &broken);
        change(&broken);
        let output = Place::of(&broken, "broken-bundle").run(&["run", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let report = json(&output);
        assert_eq!(report["problems"][0]["code"], code, "{report}");
        assert!(!report["problems"][0]["help"].as_str().unwrap().is_empty());
    };
    try_it(&|folder| fs::remove_file(folder.join("bundle.json")).unwrap(), "no-bundle");
    try_it(&|folder| fs::write(folder.join("bundle.json"), "{").unwrap(), "bundle-unreadable");
    try_it(
        &|folder| {
            fs::copy(object("plain", "two"), folder.join("modules/plain.so")).unwrap();
        },
        "bundle-tampered",
    );
    try_it(&|folder| fs::remove_file(folder.join("modules/plain.so")).unwrap(), "bundle-unreadable");
    let other_name = |folder: &Path| {
        let manifest = fs::read_to_string(folder.join("bundle.json")).unwrap();
        fs::write(folder.join("bundle.json"), manifest.replace("\"name\": \"plain\"", "\"name\": \"other\"")).unwrap();
    };
    try_it(&other_name, "other-module");
    fs::remove_dir_all(&broken).unwrap();
}

#[test]
fn all_commands_act_on_the_base_that_runs() {
    let place = Place::new("commands").set("deploy.bake=1h");
    let nobody = place.run(&["status"]);
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no base answers"), "{nobody:?}");

    let base = place.start();
    let modules = text(&place.run(&["status"]));
    assert!(modules.contains("plain@main#1") && modules.contains("serving"), "{modules}");
    assert!(text(&place.run(&["routes"])).contains("/caller/twice"));
    assert!(place.run(&["ready"]).status.success());

    // Looked at first: nothing changes, and nothing is kept of it.
    let file = object("plain", "two").to_str().unwrap().to_owned();
    let planned = text(&place.run(&["install", &file, "--plan"]));
    assert!(planned.contains("plain"), "{planned}");
    assert_eq!(base.generation("plain"), 1);

    let installed = text(&place.run(&["install", &file]));
    assert!(installed.contains("swap") && installed.contains("plain"), "each step is shown: {installed}");
    assert!(base.text("/plain").starts_with("two"));
    let back = json(&place.run(&["rollback", "plain", "--json"]));
    assert_eq!(back["deployment"]["state"], "live", "{back}");
    assert!(base.text("/plain").starts_with("one"));
    text(&place.run(&["redeploy", "reporter", "keeper"]));
    assert_eq!((base.generation("reporter"), base.generation("keeper")), (2, 2));

    // A refusal goes to the terminal, and into the exit status.
    let refused = place.run(&["install", file_of_text(&place).to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not-an-object"), "{refused:?}");
    let missing = place.run(&["uninstall", "reporter", "--json"]);
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(json(&missing)["error"]["problems"][0]["code"], "missing-service", "{missing:?}");
    text(&place.run(&["uninstall", "subject"]));
    assert_eq!(base.get("/subject").status, 404);

    let history = json(&place.run(&["history", "--json"]));
    let operations: Vec<_> = history["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|past| past["asked"]["operation"].as_str().unwrap().to_owned())
        .collect();
    for operation in ["uninstall", "redeploy", "rollback", "install"] {
        assert!(operations.iter().any(|past| past == operation), "{operations:?}");
    }
    assert!(history.to_string().contains("uid"), "who asked is known: {history}");
    assert!(text(&place.run(&["history"])).contains("uninstall"));
    assert!(text(&place.run(&["inflight"])).contains("accept"), "the task of `port`");
    text(&place.run(&["logs", "plain"]));
    base.end();
}

fn file_of_text(place: &Place) -> PathBuf {
    let file = place.folder.join("text.so");
    fs::write(&file, "text").unwrap();
    file
}

#[test]
fn what_is_logged_of_a_module_is_shown() {
    let place = Place::new("logs");
    let base = place.start();
    let panics = says("logs").replace("async { \"logs\" }", "async { if true { panic!(\"out of order\") } \"logs\" }");
    base.install(&[&subject("logs", &panics)]);
    assert_eq!(base.get("/subject").status, 500);
    let lines = text(&place.run(&["logs", "subject"]));
    assert!(lines.contains("out of order"), "{lines}");
    assert!(!text(&place.run(&["logs", "plain"])).contains("out of order"));
    base.end();
}

#[test]
fn a_snapshot_is_a_bundle_of_what_served() {
    let place = Place::new("snapshot");
    let base = place.start();
    base.install(&[object("caller", "two"), object("reporter", "two")]);
    let snapshot = json(&place.run(&["snapshot", "--json"]));
    let taken = PathBuf::from(snapshot["folder"].as_str().unwrap());
    base.install(&[object("plain", "two")]);
    base.end();

    let elsewhere = folder().join("snapshot");
    copied(&taken, &elsewhere);
    fs::remove_dir_all(&taken).unwrap();
    let base = Place::of(&elsewhere, "of-snapshot").start();
    assert_eq!(base.text("/caller/twice"), "two build:two build:two");
    assert!(base.text("/plain").starts_with("one"), "what came after it is in it");
    base.end();
    fs::remove_dir_all(&elsewhere).unwrap();
}

#[test]
fn a_change_of_settings_is_a_deployment_without_a_build() {
    let place = Place::new("new-settings");
    let base = place.start();
    let settings = place.folder.join("bedplate.toml");
    let before = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{before}\n[modules.plain.http]\nprefix = \"/below\"\n")).unwrap();
    text(&place.run(&["settings", "apply"]));
    assert!(base.text("/below/plain").starts_with("one"));
    assert_eq!((base.generation("plain"), base.generation("reporter")), (2, 1), "one module's settings differ");
    fs::write(&settings, format!("{before}\n[modules.plain.http]\nprefx = \"/below\"\n")).unwrap();
    let wrong = place.run(&["settings", "apply"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("prefix"), "{wrong:?}");
    assert!(base.text("/below/plain").starts_with("one"));
    base.end();
}
