//! `cargo bedplate dev` and `redeploy`: from a saved file to the code that answers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::MutexGuard;
use std::sync::mpsc::{Receiver, channel};

use bedplate_tests::http;
use bedplate_tests::process::{PATIENCE, eventually};
use bedplate_tests::tool;
use serde_json::Value;

use crate::base::Place;
use crate::subjects::{says, source};
use crate::workshop::{Workshop, target, workshop};

/// `dev` at work on the copy.
struct Dev {
    place: Place,
    child: Child,
    events: Receiver<Value>,
    copy: MutexGuard<'static, Workshop>,
}

impl Dev {
    fn start(name: &str) -> Self {
        let copy = workshop();
        // The tool runs the bundle that it has built itself.
        let place = Place::of(&target().join("bedplate/station-dev/bundle"), name);
        let settings = place.folder.join("bedplate.toml");
        let mut tool = copy.tool(&["dev", "--config", settings.to_str().unwrap()]);
        let log = fs::File::create(place.folder.join("log")).unwrap();
        let mut child = tool.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let (sender, events) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The base writes to the same place.
                if let Ok(event) = serde_json::from_str(&line) {
                    let _ = sender.send(event);
                }
            }
        });
        let mut dev = Self { place, child, events, copy };
        dev.event("serving");
        dev
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.folder.join("log")).unwrap_or_default()
    }

    fn next(&mut self) -> Value {
        let next = self.events.recv_timeout(PATIENCE);
        next.unwrap_or_else(|error| panic!("{error}: {:?}\n{}", self.child.try_wait(), self.log()))
    }

    /// The next event, which is of this kind.
    #[track_caller]
    fn event(&mut self, kind: &str) -> Value {
        let next = self.next();
        assert_eq!(next["event"], kind, "{next:#}\n{}", self.log());
        next
    }

    /// The next event: that something did not work, with this code. Returns what was told.
    #[track_caller]
    fn error(&mut self, code: &str) -> String {
        let next = self.next();
        assert_eq!(next["error"]["code"], code, "{next:#}\n{}", self.log());
        next["error"].to_string()
    }

    /// What the base that runs now answers.
    #[track_caller]
    fn text(&self, path: &str) -> String {
        let log = self.log();
        let (_, rest) = log.rsplit_once("serving on http://").expect("a base serves");
        let address = rest.split_whitespace().next().unwrap().parse().unwrap();
        http::get(address, path).expect("it answers").expect(200)
    }

    /// The modules of the next event, which is a swap.
    #[track_caller]
    fn swapped(&mut self) -> Vec<String> {
        let event = self.event("swapped");
        assert!(event["took_ms"].is_u64() && !event["steps"].as_array().unwrap().is_empty(), "{event}");
        event["modules"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    /// Asks it to end; it ends in order, and its base with it.
    fn end(mut self) {
        let asked =
            std::process::Command::new("kill").args(["-s", "INT", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let status = eventually("dev ends", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}\n{}", self.log());
        assert!(self.log().contains("the base has stopped"), "{}", self.log());
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Its base goes with it when it is asked, and not when it is killed.
            let _ = std::process::Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
            let _ = self.child.wait();
        }
    }
}

#[test]
fn what_is_saved_serves() {
    let mut dev = Dev::start("dev");
    assert_eq!(dev.text("/plain"), "one word");

    // A text.
    dev.copy.mark(&["plain"], "two");
    assert_eq!(dev.swapped(), ["plain"]);
    assert_eq!(dev.text("/plain"), "two word");

    // A route.
    let routes = says("more").replace(
        ".route(\"/subject\"",
        ".route(\"/subject/more\", get(|| async { \"a new route\" })).route(\"/subject\"",
    );
    dev.copy.write("modules/subject/src/lib.rs", &source(&routes));
    assert_eq!(dev.swapped(), ["subject"]);
    assert_eq!(dev.text("/subject/more"), "a new route");

    // What does not compile, and what does not come up: the old code serves on, and the next save mends it.
    dev.copy.write(
        "modules/subject/src/lib.rs",
        &source("fn exports(self: &Arc<Self>, to: &mut Exports) { to.nothing(); }"),
    );
    let error = dev.error("does-not-compile");
    assert!(error.contains("no method named `nothing`") && error.contains("modules/subject/src/lib.rs"), "{error}");
    assert_eq!(dev.text("/subject/more"), "a new route");
    dev.copy.write(
        "modules/subject/src/lib.rs",
        &source("async fn start(&self, _: &ModuleContext) -> Result<()> { Err(std::io::Error::other(\"not today\").into()) }"),
    );
    let error = dev.error("start-failed");
    assert!(error.contains("not today"), "{error}");
    assert_eq!(dev.text("/subject/more"), "a new route");
    dev.copy.write("modules/subject/src/lib.rs", &source(&says("mended")));
    assert_eq!(dev.swapped(), ["subject"]);
    assert_eq!(dev.text("/subject"), "mended");

    // Two modules that are saved together are one swap.
    dev.copy.mark(&["caller", "reporter"], "both");
    let mut both = dev.swapped();
    if both.len() == 1 {
        // A slow machine may take them for two saves.
        both.extend(dev.swapped());
    }
    both.sort();
    assert_eq!(both, ["caller", "reporter"]);
    assert_eq!(dev.text("/caller/twice"), "both build:both build:both");

    // Settings: a deployment without a build.
    let settings = dev.place.folder.join("bedplate.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n[modules.subject.http]\nprefix = \"/below\"\n")).unwrap();
    dev.event("swapped");
    assert_eq!(dev.text("/below/subject"), "mended");
    dev.end();
}

#[test]
fn what_cargo_has_to_build_is_built_and_the_base_is_restarted_only_where_it_must() {
    let mut dev = Dev::start("dev-build");
    let started = |dev: &Dev| dev.log().matches("serving on http://").count();

    // A dependency that only this module has.
    dev.copy.replace("modules/plain/src/lib.rs", "common::word().text", "helper::help()");
    let error = dev.error("does-not-compile");
    assert!(error.contains("helper"), "{error}");
    dev.copy.replace(
        "modules/plain/Cargo.toml",
        "common.workspace = true",
        "common.workspace = true\nhelper.workspace = true",
    );
    assert_eq!(dev.swapped(), ["plain"]);
    assert_eq!(dev.text("/plain"), "one helped");

    // A contract, with those who use it.
    dev.copy.replace("contracts/report/src/lib.rs", "    /// `forget`", "    /// `more` and the name of the build.\n    async fn more(&self) -> Result<String, CallError>;\n\n    /// `forget`");
    let error = dev.error("does-not-compile");
    assert!(error.contains("more") || error.contains("could not build"), "{error}");
    dev.copy.replace("modules/reporter/src/lib.rs", "    async fn forget", "    async fn more(&self) -> Result<String, CallError> {\n        Ok(format!(\"more:{MARK}\"))\n    }\n\n    async fn forget");
    let mut set = dev.swapped();
    set.sort();
    assert_eq!(set, ["caller", "reporter"], "both or none");
    assert_eq!(dev.text("/caller/twice"), "one build:one build:one");
    assert_eq!(started(&dev), 1, "the base was not restarted");

    // A feature of a crate that the base has.
    dev.copy.replace(
        "modules/plain/Cargo.toml",
        "common.workspace = true",
        "common = { workspace = true, features = [\"extra\"] }",
    );
    let restarting = dev.event("restarting");
    assert!(restarting["why"].as_str().unwrap().contains("needs a base build: `common` gains `extra`"), "{restarting}");
    dev.event("serving");
    assert_eq!(started(&dev), 2);
    dev.copy.replace("modules/plain/src/lib.rs", "helper::help()", "common::word().text");
    assert_eq!(dev.swapped(), ["plain"]);
    assert_eq!(dev.text("/plain"), "one more");
    dev.end();
}

#[test]
fn a_module_is_redeployed_deliberately() {
    let place = Place::new("redeploy");
    let base = place.start();
    let mut copy = workshop();
    let settings = place.folder.join("bedplate.toml");
    let tool = |copy: &Workshop, arguments: &[&str]| {
        let output = copy.tool(arguments).args(["--config", settings.to_str().unwrap()]).output().unwrap();
        let (ok, answer) = tool::answer(&output);
        (ok, output.status.code(), answer)
    };
    copy.mark(&["plain"], "two");
    let (ok, _, planned) = tool(&copy, &["redeploy", "plain", "--plan"]);
    assert!(ok && planned["deployment"]["state"] == "planned", "{planned}");
    assert_eq!(planned["deployment"]["plan"]["comes"][0]["module"], "plain", "{planned}");
    assert!(base.text("/plain").starts_with("one"));
    let (ok, _, live) = tool(&copy, &["redeploy", "plain"]);
    assert!(ok && live["deployment"]["state"] == "live", "{live}");
    assert!(base.text("/plain").starts_with("two"));
    // What acts on a running base is done by the base's binary: the tool's own.
    let (ok, built) = tool::answer(&copy.tool(&["build"]).output().unwrap());
    assert!(ok, "{built}");
    let status = copy.tool(&["status", "--config", settings.to_str().unwrap()]).output().unwrap();
    let modules = serde_json::from_slice::<Value>(&status.stdout).unwrap()["modules"].to_string();
    assert!(modules.contains("\"plain\""), "{modules}");

    // Whoever shares a changed contract has to come along, or comes along by itself.
    copy.replace("contracts/report/src/lib.rs", "    /// `forget`", "    /// `more`.\n    async fn more(&self) -> Result<String, CallError> {\n        self.forget().await\n    }\n\n    /// `forget`");
    copy.mark(&["caller", "reporter"], "two");
    let (ok, code, refused) = tool(&copy, &["redeploy", "reporter"]);
    assert!(!ok && code == Some(1), "{refused}");
    assert_eq!(refused["error"]["code"], "contract-disagrees", "{refused}");
    assert!(refused.to_string().contains("caller"), "{refused}");
    assert_eq!(base.text("/caller/twice"), "one build:one build:one");
    let (ok, _, live) = tool(&copy, &["redeploy", "reporter", "--with-dependents"]);
    assert!(ok, "{live}");
    assert_eq!(base.text("/caller/twice"), "two build:two build:two");

    // What the running base was not built from is said at once.
    copy.replace("common/src/lib.rs", "times: 1", "times: 2");
    let (ok, _, other) = tool(&copy, &["redeploy", "plain"]);
    assert!(!ok && other["error"]["code"] == "other-base", "{other}");
    assert!(other["error"]["what"].as_str().unwrap().contains("`common`"), "{other}");
    let (ok, _, unknown) = tool(&copy, &["redeploy", "plane"]);
    assert!(!ok && unknown["error"]["code"] == "unknown-module", "{unknown}");
    assert!(base.text("/plain").starts_with("two"));
    base.end();
    copy.restore();
    let (_, code, nobody) = tool(&copy, &["redeploy", "plain"]);
    assert_eq!((code, &nobody["error"]["code"]), (Some(3), &Value::from("no-base")), "{nobody}");
}
