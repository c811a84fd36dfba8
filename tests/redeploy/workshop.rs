//! The copy of the project that the tests edit, and the objects that the tool makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bedplate_tests::tool;
use serde_json::Value;

/// The modules whose builds have names: each in a file `src/mark.rs`.
pub(crate) const MARKED: [&str; 6] = ["caller", "keeper", "notes", "plain", "port", "reporter"];

/// The folder of all that these tests make. It stays, so that what was compiled is there at the next run.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("redeploy")
}

/// The copy. It is one test's at a time.
pub(crate) struct Workshop {
    edited: BTreeSet<PathBuf>,
}

/// What the tool said in place of building.
#[derive(Debug)]
pub(crate) struct NotBuilt {
    pub(crate) code: String,
    pub(crate) what: String,
}

/// Takes the copy, as it is in the repository.
pub(crate) fn workshop() -> MutexGuard<'static, Workshop> {
    static WORKSHOP: OnceLock<Mutex<Workshop>> = OnceLock::new();
    let workshop = WORKSHOP.get_or_init(|| {
        copy(&template(), &project(), &BTreeSet::from([project().join("target")]));
        let lock = fs::read_to_string(tool::repository().join("Cargo.lock")).unwrap();
        // Cargo leaves out of the copy's what the copy does not use: compared is what it was made from.
        if write(&project().join(".lock-of-the-repository"), &lock) || !project().join("Cargo.lock").exists() {
            write(&project().join("Cargo.lock"), &lock);
        }
        Mutex::new(Workshop { edited: BTreeSet::new() })
    });
    // A test that failed with the copy in its hands has left its edits.
    let mut workshop = workshop.lock().unwrap_or_else(PoisonError::into_inner);
    workshop.restore();
    workshop
}

/// The folder of the copy.
pub(crate) fn project() -> PathBuf {
    folder().join("project")
}

/// The target folder of the copy.
pub(crate) fn target() -> PathBuf {
    folder().join("target")
}

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("redeploy/project")
}

impl Workshop {
    /// Writes a file of the copy; it is written back when the next test takes the copy.
    pub(crate) fn write(&mut self, file: &str, text: &str) {
        let path = project().join(file);
        self.edited.insert(path.clone());
        write(&path, text);
    }

    /// Replaces a piece of a file of the copy.
    pub(crate) fn replace(&mut self, file: &str, old: &str, new: &str) {
        let text = self.read(file);
        assert!(text.contains(old), "{file} has no {old:?}");
        self.write(file, &text.replacen(old, new, 1));
    }

    /// The text of a file of the copy.
    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(project().join(file)).unwrap()
    }

    /// Gives modules another name of their build.
    pub(crate) fn mark(&mut self, modules: &[&str], mark: &str) {
        for module in modules {
            self.mark_again(module, "one", mark);
        }
    }

    /// Gives a module yet another name of its build.
    pub(crate) fn mark_again(&mut self, module: &str, now: &str, mark: &str) {
        self.replace(&format!("modules/{module}/src/mark.rs"), &format!("\"{now}\""), &format!("\"{mark}\""));
    }

    /// Writes the copy back as it is in the repository.
    pub(crate) fn restore(&mut self) {
        for path in std::mem::take(&mut self.edited) {
            let original = template().join(path.strip_prefix(project()).unwrap());
            match fs::read_to_string(&original) {
                Ok(text) => drop(write(&path, &in_place(&text))),
                Err(_) => fs::remove_file(&path).unwrap(),
            }
        }
    }

    /// The tool, with arguments that name the copy.
    pub(crate) fn tool(&self, arguments: &[&str]) -> Command {
        let mut tool = tool::command(&project(), &target());
        tool.args(["bedplate"]).args(arguments).args(["--json", "--package", "station"]);
        tool
    }

    /// Builds a bundle in this folder.
    pub(crate) fn build(&self, to: &Path) -> Result<Value, NotBuilt> {
        let output = self.tool(&["build", "--out", to.to_str().unwrap()]).output().unwrap();
        match tool::answer(&output) {
            (true, answer) => Ok(answer),
            (false, answer) => Err(NotBuilt {
                code: answer["error"]["code"].as_str().unwrap_or_default().to_owned(),
                what: answer["error"]["what"].as_str().unwrap_or_default().to_owned()
                    + &String::from_utf8_lossy(&output.stderr),
            }),
        }
    }

    /// The object of one module, as the copy is now, under a name of its own.
    pub(crate) fn object(&self, module: &str, name: &str) -> PathBuf {
        self.objects(&[module], name).remove(module).unwrap()
    }

    /// The objects of these modules, as the copy is now, under a name of their own.
    pub(crate) fn objects(&self, modules: &[&str], name: &str) -> BTreeMap<String, PathBuf> {
        let scratch = folder().join("scratch");
        self.build(&scratch).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let to = folder().join("objects");
        fs::create_dir_all(&to).unwrap();
        let taken = modules.iter().map(|module| {
            let object = to.join(format!("{module}-{name}.so"));
            fs::copy(scratch.join(format!("modules/{module}.so")), &object).unwrap();
            ((*module).to_owned(), object)
        });
        taken.collect()
    }
}

/// The bundle of the project as it is in the repository, built once in a run.
pub(crate) fn bundle() -> &'static Path {
    static BUNDLE: OnceLock<PathBuf> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let to = folder().join("bundle");
        workshop().build(&to).unwrap_or_else(|error| panic!("{error:?}"));
        to
    })
}

/// The objects of all marked modules, whose builds are called `one` (those of the bundle) or `two`.
pub(crate) fn marked(mark: &str) -> &'static BTreeMap<String, PathBuf> {
    static ONE: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    static TWO: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    match mark {
        "one" => ONE.get_or_init(|| {
            let of_bundle = |module: &str| bundle().join(format!("modules/{module}.so"));
            MARKED.iter().map(|module| ((*module).to_owned(), of_bundle(module))).collect()
        }),
        "two" => TWO.get_or_init(|| {
            let mut workshop = workshop();
            workshop.mark(&MARKED, mark);
            workshop.objects(&MARKED, mark)
        }),
        other => panic!("nobody has built `{other}`"),
    }
}

/// The object of one module, whose build is called `one` or `two`.
pub(crate) fn object(module: &str, mark: &str) -> &'static Path {
    &marked(mark)[module]
}

/// Copies a folder. Files that are the same are left alone, and what is there no longer is removed.
fn copy(from: &Path, to: &Path, kept: &BTreeSet<PathBuf>) {
    fs::create_dir_all(to).unwrap();
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path = to.join(entry.file_name());
        names.insert(path.clone());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &path, kept);
        } else {
            write(&path, &in_place(&fs::read_to_string(entry.path()).unwrap()));
        }
    }
    for entry in fs::read_dir(to).unwrap() {
        let path = entry.unwrap().path();
        let is_ours = names.contains(&path) || kept.contains(&path) || is_locks(&path);
        if !is_ours {
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    }
}

fn is_locks(path: &Path) -> bool {
    path.ends_with("project/Cargo.lock") || path.ends_with("project/.lock-of-the-repository")
}

/// A file of the project, with the paths that lead to the repository from the copy.
fn in_place(text: &str) -> String {
    let repository = tool::repository().display();
    let mut text = text.to_owned();
    for steps in ["../../../../../", "../../../"] {
        for folder in ["core", "starters"] {
            text = text.replace(&format!("\"{steps}{folder}"), &format!("\"{repository}/{folder}"));
        }
    }
    text
}

/// Writes a file where it differs; returns whether it did.
pub(crate) fn write(path: &Path, text: &str) -> bool {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return false;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    true
}
