//! Objects that are not loaded: what is said, and that what serves serves on.

use std::fs;
use std::path::{Path, PathBuf};

use bedplate_admin_client::protocol::Refusal;

use crate::base::{Base, Place};
use crate::workshop::{folder, object, workshop};

/// An object that was written over, under a name of its own.
fn forged(name: &str, forge: impl FnOnce(Vec<u8>) -> Vec<u8>) -> PathBuf {
    let to = folder().join("objects").join(format!("{name}.so"));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::write(&to, forge(fs::read(object("plain", "two")).unwrap())).unwrap();
    to
}

/// With a piece of text in place of another one of the same length, wherever it stands.
fn replaced(mut bytes: Vec<u8>, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let places: Vec<_> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, window)| *window == old.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "no {old:?} in the object");
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}

/// Tries these objects, and returns why they are refused. Nothing has changed then.
#[track_caller]
pub(crate) fn refusal(base: &Base, objects: &[&Path]) -> Refusal {
    let (composition, texts) = (base.composition(), texts(base));
    let refusal = base.try_install(objects).expect_err("it is refused");
    assert_eq!(base.composition(), composition, "a deployment that fails changes nothing: {refusal}");
    assert_eq!(self::texts(base), texts, "{refusal}");
    assert!(!refusal.help.is_empty() || refusal.problems.iter().all(|problem| !problem.help.is_empty()), "{refusal}");
    refusal
}

/// What all modules say.
pub(crate) fn texts(base: &Base) -> Vec<String> {
    let paths = ["/caller/twice", "/caller/versions", "/plain", "/port", "/reporter", "/notes", "/keeper", "/subject"];
    paths.iter().map(|path| base.text(path)).collect()
}

#[track_caller]
fn refused(base: &Base, object: &Path, code: &str, words: &[&str]) {
    let refusal = refusal(base, &[object]);
    assert!(refusal.has(code), "{code}: {refusal:?}");
    let text = refusal.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} in {text}");
    }
}

#[test]
fn files_that_are_no_whole_objects() {
    let base = Place::new("no-objects").start();
    refused(&base, &forged("empty", |_| Vec::new()), "object-empty", &["empty"]);
    refused(&base, &forged("text", |_| b"#!/bin/sh\n".repeat(100)), "not-an-object", &["ELF"]);
    for part in [2, 3, 10] {
        let cut = forged(&format!("cut-{part}"), |bytes| bytes[..bytes.len() - bytes.len() / part].to_vec());
        refused(&base, &cut, "object-truncated", &["cut off"]);
    }
    // Programs of this very machine, and of another one.
    refused(&base, &std::env::current_exe().unwrap(), "object-not-shared", &["no shared object"]);
    let machine = if cfg!(target_arch = "x86_64") { 183_u16 } else { 62 };
    let foreign = forged("foreign", |mut bytes| {
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes
    });
    refused(&base, &foreign, "object-foreign", &["this base runs on"]);
    let mut library = fs::read_dir(crate::workshop::bundle().join("lib")).unwrap().map(|entry| entry.unwrap().path());
    let standard = library.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("libstd-")).unwrap();
    refused(&base, &standard, "object-unlabelled", &["cargo bedplate"]);
    base.end();
}

#[test]
fn objects_that_were_tampered_with() {
    let base = Place::new("tampered").start();
    let renamed = forged("renamed", |bytes| replaced(bytes, "\"module\":\"plain\"", "\"module\":\"brain\""));
    refused(&base, &renamed, "label-untrue", &["`brain`", "`plain`"]);
    let unreadable = forged("unreadable", |bytes| replaced(bytes, "\"module\":\"plain\"", "\"module\":\"pl\0in\""));
    refused(&base, &unreadable, "label-unreadable", &["label"]);
    let newer = forged("newer", |bytes| replaced(bytes, "\"format\":1", "\"format\":7"));
    refused(&base, &newer, "label-format", &["7"]);

    // Of what was stored, not a byte may change either.
    base.install(&[object("plain", "two")]);
    base.install(&[object("plain", "one")]);
    for entry in fs::read_dir(base.socket.parent().unwrap().join("artifacts")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "so") {
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let refusal = base.try_rollback(&["plain"]).unwrap_err();
    assert!(refusal.has("artifact-tampered"), "{refusal:?}");
    assert!(base.text("/plain").starts_with("one"));
    base.end();
}

#[test]
fn objects_of_other_builds_are_refused_with_the_part_that_differs() {
    let base = Place::new("other-builds").start();
    let compiler = fs::read_to_string(crate::workshop::bundle().join("bundle.json")).unwrap();
    let compiler: serde_json::Value = serde_json::from_str(&compiler).unwrap();
    let compiler = compiler["label"]["compiler"].as_str().unwrap().to_owned();
    let other = compiler.replacen("rustc 1.", "rustc 2.", 1);
    let object = forged("other-compiler", |bytes| replaced(bytes, &compiler, &other));
    refused(&base, &object, "other-compiler", &["compiler", &compiler, &other]);
    let object = forged("other-profile", |bytes| replaced(bytes, "\"profile\":\"dev\"", "\"profile\":\"rel\""));
    refused(&base, &object, "other-profile", &["profile", "`rel`", "`dev`"]);
    let object = forged("other-flags", |bytes| replaced(bytes, "[\"lto=off\"]", "[\"lto=fat\"]"));
    refused(&base, &object, "other-flags", &["flags", "lto=fat"]);
    base.end();
}

#[test]
fn objects_for_an_edited_base_are_refused_with_the_crate_that_differs() {
    let base = Place::new("edited-base").start();
    // Linked and loaded, it would read a `Word` of the old base as one of the new base.
    let mut copy = workshop();
    copy.replace(
        "common/src/lib.rs",
        "    /// How often it was said.\n",
        "    /// Which one it is.\n    pub number: u8,\n    /// How often it was said.\n",
    );
    copy.replace("common/src/lib.rs", "times: 1", "number: 7, times: 1");
    let source = copy.object("plain", "other-source");
    copy.restore();
    copy.replace(
        "modules/plain/Cargo.toml",
        "common.workspace = true",
        "common = { workspace = true, features = [\"extra\"] }",
    );
    let features = copy.object("plain", "other-features");
    copy.restore();
    copy.replace("common/Cargo.toml", "version.workspace = true", "version = \"0.1.1\"");
    let lock = copy.object("plain", "other-lock-file");
    drop(copy);
    refused(&base, &source, "other-base-source", &["base source", "`common`"]);
    refused(&base, &features, "other-features", &["feature set", "`common`", "extra"]);
    refused(&base, &lock, "other-lock-file", &["lock file", "`common`", "0.1.1", "0.1.0"]);
    base.end();
}

#[test]
fn a_changed_contract_wants_all_of_its_users() {
    let place = Place::new("contract");
    let base = place.start();
    let mut copy = workshop();
    copy.replace(
        "contracts/report/src/lib.rs",
        "    async fn build(&self) -> Result<String, CallError>;\n\n    /// `forget` and the name of the build.\n    async fn forget(&self) -> Result<String, CallError>;",
        "    async fn forget(&self) -> Result<String, CallError>;\n\n    /// `build` and the name of the build.\n    async fn build(&self) -> Result<String, CallError>;",
    );
    copy.mark(&["caller", "reporter"], "two");
    let objects = copy.objects(&["caller", "reporter"], "reordered");
    drop(copy);
    let (caller, reporter) = (objects["caller"].as_path(), objects["reporter"].as_path());
    for (alone, other) in [(caller, "reporter"), (reporter, "caller")] {
        let refusal = refusal(&base, &[alone]);
        assert!(refusal.has("contract-disagrees"), "{refusal:?}");
        let text = refusal.to_string();
        assert!(text.contains(&format!("`{other}`")) && text.contains("`report`"), "{text}");
    }

    // A task of the old generation of which the base knows nothing asks for `build`: the first method then, the
    // second one now.
    let told = place.folder.join("told");
    fs::write(&told, "").unwrap();
    base.text(&format!("/caller/stray?to={}", told.display()));
    let all = |what: &str| {
        bedplate_tests::process::eventually(format!("the task is told {what:?}"), || {
            let told = fs::read_to_string(&told).unwrap();
            told.lines().any(|line| line.contains(what)).then_some(told)
        })
    };
    all("build:one");
    base.install(&[caller, reporter]);
    assert_eq!(base.text("/caller/twice"), "two build:two build:two");
    let told_all = all("retired");
    for line in told_all.lines() {
        let is_right = line == "one build:one" || line.starts_with("one refused") && line.contains("retired");
        assert!(is_right, "the wrong method, or the wrong code: {line}");
    }
    fs::remove_file(&told).unwrap();
    base.end();
}

#[test]
fn code_that_would_run_while_an_object_is_loaded() {
    const CONSTRUCTOR: &str = r#"
        extern "C" fn early() {
            // What it would do does not matter: nobody could take it back.
            std::hint::black_box(0);
        }
        #[used]
        #[unsafe(link_section = ".init_array")]
        static EARLY: extern "C" fn() = early;
    "#;
    let base = Place::new("constructor").start();
    let mut copy = workshop();
    let helper = copy.read("helper/src/lib.rs").replace("#![forbid(unsafe_code)]", "");
    copy.write("helper/src/lib.rs", &format!("{helper}{CONSTRUCTOR}"));
    copy.replace(
        "modules/subject/Cargo.toml",
        "axum.workspace = true",
        "axum.workspace = true\nhelper.workspace = true",
    );
    copy.replace("modules/subject/src/lib.rs", "\"in order\"", "helper::help()");
    let object = copy.object("subject", "constructor");
    drop(copy);
    refused(&base, &object, "object-constructor", &["`helper`", "allow_constructors"]);
    base.end();

    let base = Place::new("constructor-allowed").set("deploy.allow_constructors=[\"helper\"]").start();
    base.install(&[&object]);
    assert_eq!(base.text("/subject"), "helped");
    base.end();
}
