//! `cargo bedplate dev` and `redeploy`: from a saved file to the code that answers.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use bedplate_tests::{dev, tool};
use serde_json::Value;

use crate::base::Place;
use crate::subjects::{says, source};
use crate::workshop::{Workshop, target, workshop};

/// `dev` at work on the copy.
struct Dev {
    dev: dev::Dev,
    place: Place,
    copy: MutexGuard<'static, Workshop>,
}

impl Dev {
    fn start(name: &str) -> Self {
        Self::on(workshop(), name)
    }

    fn on(copy: MutexGuard<'static, Workshop>, name: &str) -> Self {
        // The tool runs the bundle that it has built itself.
        let place = Place::of(&target().join("bedplate/station-dev/bundle"), name);
        let settings = place.folder.join("bedplate.toml");
        let tool = copy.tool(&["dev", "--config", settings.to_str().unwrap()]);
        let dev = dev::Dev::start(tool, &place.folder.join("log"));
        Self { dev, place, copy }
    }

    fn end(self) {
        self.dev.end();
    }
}

impl Deref for Dev {
    type Target = dev::Dev;

    fn deref(&self) -> &dev::Dev {
        &self.dev
    }
}

impl DerefMut for Dev {
    fn deref_mut(&mut self) -> &mut dev::Dev {
        &mut self.dev
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
        both.sort();
    }
    assert_eq!(both, ["caller", "reporter"]);
    assert_eq!(dev.text("/caller/twice"), "both build:both build:both");

    // What is compiled in from a folder that is not watched for itself.
    dev.copy.write("modules/subject/docs/page.txt", "first");
    dev.copy.write(
        "modules/subject/src/lib.rs",
        &source(&says("x").replace("\"x\"", "include_str!(\"../docs/page.txt\")")),
    );
    assert_eq!(dev.swapped(), ["subject"]);
    assert_eq!(dev.text("/subject"), "first");
    dev.copy.write("modules/subject/docs/page.txt", "second");
    assert_eq!(dev.swapped(), ["subject"]);
    assert_eq!(dev.text("/subject"), "second");

    // Settings: a deployment without a build.
    let settings = dev.place.folder.join("bedplate.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n[modules.subject.http]\nprefix = \"/below\"\n")).unwrap();
    dev.event("swapped");
    assert_eq!(dev.text("/below/subject"), "second");
    dev.end();
}

#[test]
fn what_cargo_has_to_build_is_built_and_the_base_is_restarted_only_where_it_must() {
    let mut dev = Dev::start("dev-build");

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
    assert_eq!(dev.swapped(), ["caller", "reporter"], "both or none");
    assert_eq!(dev.text("/caller/twice"), "one build:one build:one");
    assert_eq!(dev.starts(), 1, "the base was not restarted");

    // Cargo's configuration, in a folder that is new.
    let word = "option_env!(\"STATION_WORD\").unwrap_or(\"no word\")";
    dev.copy.replace("modules/plain/src/lib.rs", "helper::help()", word);
    assert_eq!(dev.swapped(), ["plain"]);
    assert_eq!(dev.text("/plain"), "one no word");
    dev.copy.write(".cargo/config.toml", "[env]\nSTATION_WORD = \"configured\"\n");
    assert_eq!(dev.swapped(), ["plain"]);
    assert_eq!(dev.text("/plain"), "one configured");

    // A feature of a crate that the base has.
    dev.copy.replace(
        "modules/plain/Cargo.toml",
        "common.workspace = true",
        "common = { workspace = true, features = [\"extra\"] }",
    );
    let restarting = dev.event("restarting");
    assert!(restarting["why"].as_str().unwrap().contains("needs a base build: `common` gains `extra`"), "{restarting}");
    dev.event("serving");
    assert_eq!(dev.starts(), 2);
    dev.copy.replace("modules/plain/src/lib.rs", word, "common::word().text");
    assert_eq!(dev.swapped(), ["plain"]);
    assert_eq!(dev.text("/plain"), "one more");
    dev.end();
}

/// A function that only code generation finds to be wrong: cargo checks a module, and generates nothing.
const WRONG_WHEN_GENERATED: &str = "fn size<T>() -> usize {
    const { assert!(size_of::<T>() == 0, \"too large\") }
    size_of::<T>()
}

impl Subject {
    fn size(&self) -> usize { size::<u8>() }
}
";

#[test]
fn what_serves_does_not_end_before_all_that_follows_it_is_linked() {
    let mut dev = Dev::start("dev-link");
    let calls = says("large").replace("to.routes", "self.size(); to.routes");
    dev.copy.write("modules/subject/src/lib.rs", &(source(&calls) + WRONG_WHEN_GENERATED));
    let error = dev.error("does-not-compile");
    assert!(error.contains("too large"), "{error}");

    // Another base is needed: its library links, and a module of it does not.
    dev.copy.replace("common/src/lib.rs", "\"word\"", "\"words\"");
    let error = dev.error("does-not-compile");
    assert!(error.contains("too large"), "{error}");
    assert_eq!(dev.text("/plain"), "one word", "what served before serves on");
    dev.copy.mark(&["plain"], "two");
    assert!(dev.error("does-not-compile").contains("too large"), "nothing of it goes live by itself");
    assert_eq!((dev.text("/plain").as_str(), dev.starts()), ("one word", 1));

    dev.copy.write("modules/subject/src/lib.rs", &source(&says("small")));
    let why = dev.event("restarting")["why"].to_string();
    assert!(why.contains("`common`"), "{why}");
    dev.event("serving");
    assert_eq!((dev.text("/plain").as_str(), dev.text("/subject").as_str()), ("two words", "small"));
    // Nothing is owed any more.
    dev.copy.mark_again("plain", "two", "more");
    assert_eq!(dev.swapped(), ["plain"]);
    assert_eq!(dev.starts(), 2);
    dev.end();
}

#[test]
fn what_another_process_has_built_is_not_linked_to_what_was_built_before() {
    let mut copy = workshop();
    // A contract that depends on a variable of the process that compiles it: `dev` sees no file change.
    let contract = copy.read("contracts/report/src/lib.rs");
    let who = "/// Who has compiled it.\npub const WHO: Option<&str> = option_env!(\"STATION_COMPILED_BY\");\n";
    copy.write("contracts/report/src/lib.rs", &format!("{contract}\n{who}"));
    copy.replace(
        "modules/caller/src/lib.rs",
        ".route(\"/caller/slow\"",
        ".route(\"/caller/who\", get(|| async { report::WHO.unwrap_or(\"nobody\") })).route(\"/caller/slow\"",
    );
    let mut dev = Dev::on(copy, "dev-other");
    assert_eq!(dev.text("/caller/who"), "nobody");
    let elsewhere = dev.place.folder.join("elsewhere");
    let mut other = dev.copy.tool(&["build", "--out", elsewhere.to_str().unwrap()]);
    let (built, answer) = tool::answer(&other.env("STATION_COMPILED_BY", "another").output().unwrap());
    assert!(built, "{answer}");
    dev.copy.mark(&["caller"], "two");
    assert!(dev.swapped().contains(&"caller".to_owned()));
    assert_eq!(dev.text("/caller"), "two");
    assert_eq!(dev.text("/caller/who"), "nobody", "its label says another contract than it was compiled with");
    assert_eq!(dev.text("/caller/twice"), "two build:one build:one");
    assert_eq!(dev.starts(), 1);
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
