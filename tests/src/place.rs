//! A folder outside of the repository, and the tool at work in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::tool;

/// A folder of a test's own, which goes with it.
#[derive(Debug)]
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A new one, empty.
    ///
    /// # Panics
    ///
    /// Where it would lie in the repository.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        assert!(!folder.path().starts_with(tool::repository()), "a project is tried outside of the repository");
        Self { folder }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file in it.
    ///
    /// # Panics
    ///
    /// Where it cannot be read.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        let file = self.path(name);
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// Puts one text in the place of another, which is there once.
    ///
    /// # Panics
    ///
    /// Where it is not.
    #[track_caller]
    pub fn replace(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {text}");
        fs::write(self.path(name), text.replace(old, new)).unwrap();
    }

    /// The tool, about to work in a folder of this one.
    #[must_use]
    pub fn tool(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut tool = tool::command(&self.path(folder), &target());
        tool.arg("bedplate").args(arguments).env(LEAN.0, LEAN.1);
        tool
    }

    /// Runs a command that works, and returns what it answers.
    ///
    /// # Panics
    ///
    /// Where it does not work.
    #[track_caller]
    pub fn works(&self, folder: &str, arguments: &[&str]) -> Value {
        let output = self.tool(folder, arguments).arg("--json").output().unwrap();
        let (is_done, answer) = tool::answer(&output);
        assert!(is_done, "{arguments:?}: {answer:#}\n{}", String::from_utf8_lossy(&output.stderr));
        answer
    }

    /// Runs a command that is refused with this code and these words.
    ///
    /// # Panics
    ///
    /// Where it is not refused, or in another way.
    #[track_caller]
    pub fn refused(&self, folder: &str, arguments: &[&str], code: &str, words: &[&str]) {
        let output = self.tool(folder, arguments).arg("--json").output().unwrap();
        let (is_done, answer) = tool::answer(&output);
        assert!(!is_done && output.status.code() == Some(1), "{arguments:?} is not refused: {answer:#}");
        assert_eq!(answer["error"]["code"], code, "{answer:#}");
        for word in words {
            assert!(answer["error"].to_string().contains(word), "{word:?} in {answer:#}");
        }
    }

    /// Runs cargo, as somebody in the project would.
    ///
    /// # Panics
    ///
    /// Where it fails.
    #[track_caller]
    pub fn cargo(&self, folder: &str, arguments: &[&str]) -> Output {
        let mut cargo = tool::cargo(&self.path(folder), &target());
        let output = cargo.args(arguments).env(LEAN.0, LEAN.1).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// All files, with what is in them; without those that git or cargo writes.
    ///
    /// # Panics
    ///
    /// Where one cannot be read.
    #[must_use]
    pub fn files(&self, folder: &str) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        let mut open = vec![self.path(folder)];
        while let Some(next) = open.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.ends_with(".git") {
                    continue;
                }
                if path.is_dir() {
                    open.push(path);
                } else {
                    let text = fs::read_to_string(&path).unwrap_or_default();
                    found.push((path, text));
                }
            }
        }
        found.sort();
        found
    }
}

/// Nobody debugs them: without that they are built in half the time.
pub const LEAN: (&str, &str) = ("CARGO_PROFILE_DEV_DEBUG", "0");

/// What the projects are built into: one folder for all of them, which stays warm.
#[must_use]
pub fn target() -> PathBuf {
    tool::target().join("tmp/projects")
}

/// Where bedplate comes from, for `--bedplate`.
#[must_use]
pub fn bedplate() -> String {
    format!("path:{}", tool::repository().display())
}
