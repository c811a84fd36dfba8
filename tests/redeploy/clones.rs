//! One commit in two folders: what is built in one is what is built in the other.
//!
//! A clone holds the core and the smallest base and module: each builds all of it anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use bedplate_tests::process::Process;
use bedplate_tests::tool;
use serde_json::Value;

use crate::workshop::{folder, write};

const BASE: &str = r#"[package]
name = "small"
version.workspace = true
edition.workspace = true
publish = false

[dependencies]
bedplate.workspace = true
spoken = { path = "../spoken" }
word = { path = "../word" }
"#;

const MODULE: &str = r#"[package]
name = "word"
version.workspace = true
edition.workspace = true
publish = false

[package.metadata.bedplate]
kind = "module"

[dependencies]
bedplate.workspace = true
letters = { path = "../letters" }
spoken = { path = "../spoken" }
"#;

/// Crates of the base and of the module alone, with a macro that shows a path.
const LIBRARY: &str = r#"[package]
name = "NAME"
version.workspace = true
edition.workspace = true
publish = false
"#;

const SOURCE: &str = "//! Says where it is.\n\n/// Where it is.\npub fn place() -> &'static str {\n    file!()\n}\n";

const MODULE_SOURCE: &str = r#"//! Writes a word where it is told to.

use bedplate::{Module, ModuleContext, Result};

/// Writes a word.
#[bedplate::module]
pub struct Word {}

impl Module for Word {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        let to = std::env::var_os("WORD_FILE").unwrap_or_default();
        Ok(std::fs::write(to, format!("{} {}", letters::place(), spoken::place()))?)
    }
}
"#;

/// A clone, with its bundle.
struct Clone {
    folder: PathBuf,
    answer: Value,
}

impl Clone {
    fn of(name: &str) -> Self {
        let folder = folder().join("clones").join(name);
        for part in ["core", "macros"] {
            copy(&tool::repository().join(part), &folder.join(part));
        }
        let manifest = fs::read_to_string(tool::repository().join("Cargo.toml")).unwrap();
        let start = manifest.find("members = [").unwrap();
        let end = manifest.find("[workspace.package]").unwrap();
        let profile = manifest.find("[profile.dev]").unwrap();
        let members = "members = [\"core\", \"letters\", \"macros\", \"small\", \"spoken\", \"word\"]\n\n";
        let manifest =
            format!("{}{members}{}[profile.dev]\ndebug = false\n", &manifest[..start], &manifest[end..profile]);
        write(&folder.join("Cargo.toml"), &manifest);
        let lock = fs::read_to_string(tool::repository().join("Cargo.lock")).unwrap();
        if write(&folder.join(".lock-of-the-repository"), &lock) {
            write(&folder.join("Cargo.lock"), &lock);
        }
        write(&folder.join("small/Cargo.toml"), BASE);
        write(&folder.join("small/src/main.rs"), "//! A base.\n\nuse spoken as _;\n\nbedplate::base!();\n");
        write(&folder.join("word/Cargo.toml"), MODULE);
        write(&folder.join("word/src/lib.rs"), MODULE_SOURCE);
        for library in ["letters", "spoken"] {
            write(&folder.join(library).join("Cargo.toml"), &LIBRARY.replace("NAME", library));
            write(&folder.join(library).join("src/lib.rs"), SOURCE);
        }
        let answer = build(&folder);
        Self { folder, answer }
    }

    fn bundle(&self) -> PathBuf {
        self.answer["bundle"].as_str().unwrap().into()
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.bundle().join("bundle.json")).unwrap()).unwrap()
    }
}

fn build(folder: &Path) -> Value {
    let mut tool = tool::command(folder, &folder.join("target"));
    let output = tool.args(["bedplate", "build", "--json", "--package", "small"]).output().unwrap();
    let (built, answer) = tool::answer(&output);
    assert!(built, "{answer}\n{}", String::from_utf8_lossy(&output.stderr));
    answer
}

/// The clones are one test's at a time.
fn clones() -> std::sync::MutexGuard<'static, [Clone; 2]> {
    static CLONES: OnceLock<Mutex<[Clone; 2]>> = OnceLock::new();
    let clones = CLONES.get_or_init(|| Mutex::new(["first", "another folder/second"].map(Clone::of)));
    clones.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn two_clones_give_one_fingerprint_and_a_module_of_one_runs_in_the_base_of_the_other() {
    let clones = clones();
    let [first, second] = &*clones;
    assert_ne!(first.folder, second.folder);
    let [one, other] = [first, second].map(Clone::manifest);
    assert_eq!(one["label"], other["label"], "the bases differ");
    assert_eq!(first.answer["fingerprint"], second.answer["fingerprint"]);

    let mixed = folder().join("clones/mixed");
    let _ = fs::remove_dir_all(&mixed);
    assert!(Command::new("cp").arg("-R").arg(first.bundle()).arg(&mixed).status().unwrap().success());
    fs::copy(second.bundle().join("modules/word.so"), mixed.join("modules/word.so")).unwrap();
    let mut manifest = one;
    manifest["modules"] = other["modules"].clone();
    fs::write(mixed.join("bundle.json"), manifest.to_string()).unwrap();
    let word = mixed.join("written");
    let mut run = Command::new(mixed.join("bin/small"));
    run.arg("run").env("WORD_FILE", &word).env_remove("LD_LIBRARY_PATH").current_dir(&mixed);
    let mut base = Process::start(run, &mixed.join("log"));
    base.wait_for("it writes", |_| word.exists().then_some(()));
    base.signal("TERM");
    assert!(base.ended().success(), "{}", base.log());
    // No path of the folder that it was built in is in what was built.
    let written = fs::read_to_string(&word).unwrap();
    assert_eq!(written, "letters/src/lib.rs spoken/src/lib.rs");
    fs::remove_dir_all(&mixed).unwrap();
}

#[test]
fn what_was_built_before_does_not_show() {
    let clones = clones();
    let [first, second] = &*clones;
    let library = first.folder.join("spoken/src/lib.rs");
    // Other types in another order: an incremental compiler would keep some of it.
    let more = "/// A pair.\n#[derive(Debug, Clone, Default)]\npub struct Pair<T>(pub T, pub Vec<T>);\n";
    write(&library, &SOURCE.replacen("\n\n", &format!("\n\n{more}\n"), 1));
    let edited = build(&first.folder);
    write(&library, SOURCE);
    let undone = build(&first.folder);
    assert_ne!(edited["fingerprint"], undone["fingerprint"]);
    assert_eq!(undone["fingerprint"], second.answer["fingerprint"]);
}

#[test]
fn a_static_build_beside_it_disturbs_nothing_and_is_not_disturbed() {
    let clones = clones();
    let first = &clones[0].folder;
    build(first);
    let before = files(&first.join("target/bedplate"));
    let fresh = |package: &str| -> Vec<bool> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--offline", "--message-format", "json", "--package", package, "--target-dir"]);
        cargo.arg(first.join("target")).current_dir(first).env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
        let built = cargo.output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let messages = String::from_utf8(built.stdout).unwrap();
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        messages.filter_map(|message| message["fresh"].as_bool()).collect()
    };
    fresh("small");
    let binary =
        Command::new(first.join("target/debug/small")).args(["check", "--json"]).current_dir(first).output().unwrap();
    let report: Value = serde_json::from_slice(&binary.stdout).unwrap();
    assert_eq!(report["composition"]["modules"][0]["name"], "word", "{report}");
    assert_eq!(files(&first.join("target/bedplate")), before, "the static build has changed something of the tool's");
    build(first);
    let linked = |files: &BTreeMap<PathBuf, SystemTime>| -> Vec<SystemTime> {
        files
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|end| end == "so" || end == "rlib"))
            .map(|(_, at)| *at)
            .collect()
    };
    assert_eq!(linked(&files(&first.join("target/bedplate"))), linked(&before), "the tool has linked something anew");
    assert!(fresh("small").iter().all(|fresh| *fresh), "the tool's build has made the static build do something again");
}

/// All files of a folder, with when they were written.
fn files(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::metadata(&path).unwrap().modified().unwrap());
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if !fs::read(&target).is_ok_and(|old| old == fs::read(entry.path()).unwrap()) {
            fs::create_dir_all(to).unwrap();
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
