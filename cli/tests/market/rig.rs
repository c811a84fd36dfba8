//! A project, a cache and lists in a folder of their own, and the tool called in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A project that names no lists yet.
pub(crate) struct Project {
    folder: TempDir,
}

/// How the tool ended.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self { folder };
        project.write("shop/Cargo.toml", "[workspace]\nmembers = [\"base\"] # the base\n");
        project.write("shop/base/Cargo.toml", "[package]\nname = \"base\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        project.write("shop/base/src/main.rs", "fn main() {}\n");
        project
    }

    /// A path below the folder that the project lies in.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// The project's own `Cargo.toml`.
    pub(crate) fn manifest(&self) -> String {
        fs::read_to_string(self.path("shop/Cargo.toml")).unwrap()
    }

    /// Calls `cargo bedplate market …` in the project's folder.
    pub(crate) fn market(&self, arguments: &[&str]) -> Ended {
        self.market_in("shop", arguments)
    }

    /// Calls it in another folder.
    pub(crate) fn market_in(&self, folder: &str, arguments: &[&str]) -> Ended {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_cargo-bedplate"));
        tool.arg("market").args(arguments).current_dir(self.path(folder)).env("BEDPLATE_CACHE", self.path("cache"));
        Ended::of(tool.output().unwrap())
    }

    /// Calls it where no file can be written: each write fails, and no signal ends the tool.
    pub(crate) fn market_on_a_full_disk(&self, arguments: &[&str]) -> Ended {
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            "trap '' 25; ulimit -f 0; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_cargo-bedplate"),
            "market",
        ]);
        shell.args(arguments).current_dir(self.path("shop")).env("BEDPLATE_CACHE", self.path("cache"));
        Ended::of(shell.output().unwrap())
    }

    /// What it says as JSON, where it ends well.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.market(&[arguments, &["--json"]].concat());
        assert_eq!(ended.status, 0, "{}", ended.all());
        ended.json()
    }

    /// A repository with the lists' files of the folder `name`, and its first commit.
    pub(crate) fn repository(&self, name: &str) -> String {
        self.git(name, &["init", "--quiet", "--initial-branch", "main"]);
        self.commit(name)
    }

    /// Commits all that there is in a repository, and returns the commit.
    pub(crate) fn commit(&self, name: &str) -> String {
        self.git(name, &["add", "--all"]);
        self.git(name, &["commit", "--quiet", "--message", "lists"]);
        self.git(name, &["rev-parse", "HEAD"])
    }

    /// Calls git in a repository.
    pub(crate) fn git(&self, name: &str, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]);
        let done = Ended::of(git.args(arguments).current_dir(self.path(name)).output().unwrap());
        assert_eq!(done.status, 0, "{}", done.all());
        done.stdout.trim_end().to_owned()
    }

    /// The address of a repository.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn all(&self) -> String {
        format!("status {}\n{}{}", self.status, self.stdout, self.stderr)
    }

    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("JSON: {}", self.all()));
        assert_eq!(value["version"], 1, "{value}");
        value
    }

    /// Asserts that it failed, and that what it says on stderr holds all of these.
    #[track_caller]
    pub(crate) fn refused(&self, words: &[&str]) {
        assert_eq!(self.status, 1, "{}", self.all());
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing in: {}", self.all());
        }
    }

    /// Asserts that it worked, and that what it says holds all of these.
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) {
        assert_eq!(self.status, 0, "{}", self.all());
        for word in words {
            assert!(self.stdout.contains(word), "`{word}` is missing in: {}", self.all());
        }
    }
}

/// The text of a list with starters of these names, each taken from the registry.
pub(crate) fn list_of(names: &[&str]) -> String {
    let starters = names.iter().map(|name| {
        format!(
            "\n[[starter]]\nname = \"{name}\"\ncrate = \"company-{name}\"\nversion = \"1.2\"\n\
             about = \"What {name} is for\"\ngroup = \"company\"\nbedplate = \"0.1\"\n"
        )
    });
    format!("version = 1\n{}", starters.collect::<String>())
}

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
