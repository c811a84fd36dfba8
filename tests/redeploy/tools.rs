//! The tool as such: two of it at once, what it writes where nobody looks, and the revisions that it names.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use bedplate_tests::tool;
use serde_json::Value;

use crate::base::{Base, Place};
use crate::workshop::{Workshop, folder, project, target, workshop};

#[test]
fn a_tool_waits_for_the_one_that_builds_and_says_so() {
    let mut copy = workshop();
    copy.mark(&["plain"], "two");
    let output = target().join("bedplate/station-dev");
    fs::create_dir_all(&output).unwrap();
    // As another tool has it.
    let lock = File::options().create(true).truncate(false).write(true).open(output.join("lock")).unwrap();
    lock.lock().unwrap();
    let to = folder().join("scratch");
    let mut build = copy.tool(&["build", "--out", to.to_str().unwrap()]);
    let mut build = build.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(build.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let first: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(first["event"], "waiting", "{first}");
    assert!(first["for"].as_str().unwrap().ends_with("station-dev/lock"), "{first}");
    assert!(build.try_wait().unwrap().is_none());
    drop(lock);
    let last: Value = serde_json::from_str(&lines.last().unwrap()).unwrap();
    assert!(build.wait().unwrap().success() && last["bundle"].is_string(), "{last}");
}

#[test]
fn what_is_written_to_a_pipe_has_no_bars_and_no_colours() {
    let mut copy = workshop();
    let text = |expected: bool| {
        let mut build = tool::command(&project(), &target());
        build.args(["bedplate", "build", "--package", "station", "--out"]).arg(folder().join("scratch"));
        let output = build.env("TERM", "xterm-256color").env_remove("CARGO_TERM_COLOR").output().unwrap();
        assert_eq!(output.status.success(), expected, "{output:?}");
        let all = [output.stdout, output.stderr].concat();
        assert!(!all.contains(&0x1b), "{}", String::from_utf8_lossy(&all).escape_debug());
        String::from_utf8(all).unwrap()
    };
    copy.mark(&["plain"], "two");
    assert!(text(true).contains("with 7 modules"));
    // One that cargo finds to be wrong, and one that the tool's own call of the compiler does.
    copy.replace("modules/plain/src/lib.rs", "common::word().text", "common::word().test");
    assert!(text(false).contains("no field `test`"));
    copy.replace("modules/plain/src/lib.rs", "common::word().test", "size::<u8>()");
    let plain = copy.read("modules/plain/src/lib.rs");
    let wrong = "fn size<T>() -> usize {\n    const { assert!(size_of::<T>() == 0, \"too large\") }\n    0\n}\n";
    copy.write("modules/plain/src/lib.rs", &format!("{plain}\n{wrong}"));
    assert!(text(false).contains("too large"));
}

/// The copy as a repository of its own, for as long as a test has it.
struct Repository<'a> {
    copy: &'a mut Workshop,
}

impl<'a> Repository<'a> {
    fn new(copy: &'a mut Workshop) -> Self {
        let _ = fs::remove_dir_all(project().join(".git"));
        let repository = Self { copy };
        repository.git(&["init", "--quiet", "--initial-branch", "trunk"]);
        repository
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(project()).args(["-c", "user.name=tester", "-c", "user.email=tester@example.org"]);
        let output = git.args(arguments).output().expect("git is installed");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits all, and says as what.
    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Redeploys `plain`, and says what the history has of it since: commit, branch, dirty.
    fn redeployed(&self, place: &Place, base: &Base) -> (String, String, bool) {
        let settings = place.folder.join("bedplate.toml");
        let output = self.copy.tool(&["redeploy", "plain", "--config", settings.to_str().unwrap()]).output().unwrap();
        let (ok, answer) = tool::answer(&output);
        assert!(ok, "{answer}");
        let history = base.ask("history");
        let deployments = history["deployments"].as_array().unwrap();
        let of_plain = deployments.iter().flat_map(|past| past["members"].as_array().unwrap());
        let member = of_plain.into_iter().find(|member| member["module"] == "plain").unwrap();
        assert_eq!(member["digest"], base.digest("plain"), "{history:#}");
        let source = &member["source"];
        let text = |key: &str| source[key].as_str().unwrap_or_else(|| panic!("{member}")).to_owned();
        (text("commit"), text("branch"), source["dirty"].as_bool().unwrap())
    }
}

impl Drop for Repository<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(project().join(".git"));
    }
}

#[test]
fn the_history_names_the_revision_of_what_serves() {
    if !tool::has_git("the_history_names_the_revision_of_what_serves") {
        return;
    }
    let place = Place::new("revisions");
    let base = place.start();
    let mut copy = workshop();
    let repository = Repository::new(&mut copy);
    let first = repository.commit("first");
    assert_eq!(repository.redeployed(&place, &base), (first.clone(), "trunk".to_owned(), false));

    repository.copy.mark(&["plain"], "two");
    assert_eq!(repository.redeployed(&place, &base), (first.clone(), "trunk".to_owned(), true));
    assert_eq!(base.text("/plain"), "two word");

    // The same sources, and they are committed now.
    repository.git(&["checkout", "--quiet", "-b", "topic"]);
    let second = repository.commit("second");
    assert_eq!(repository.redeployed(&place, &base), (second.clone(), "topic".to_owned(), false));

    // What others change is no change of this module.
    let generation = base.generation("plain");
    repository.copy.mark(&["notes"], "two");
    assert_eq!(repository.redeployed(&place, &base), (second.clone(), "topic".to_owned(), false));
    repository.commit("third");
    assert_eq!(repository.redeployed(&place, &base), (second, "topic".to_owned(), false));
    assert_eq!(base.generation("plain"), generation, "nothing of it was to be linked");
    drop(repository);
    base.end();
}
