//! Each kind of project that the tool makes: it is built, its tests pass, and its base starts and ends in order.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use bedplate_tests::http;
use bedplate_tests::place::{Place, bedplate, target};
use bedplate_tests::process::{Process, eventually, free_address};

/// The starters of the list that comes with the tool.
fn starters(place: &Place) -> Vec<String> {
    let market = place.works("", &["market", "list"]);
    let starters = market["lists"][0]["starters"].as_array().unwrap().iter();
    starters.map(|starter| starter["name"].as_str().unwrap().to_owned()).collect()
}

/// A base that runs.
struct Running {
    process: Process,
    /// Where it serves its modules, and its health: each where it has the starter for it.
    http: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

impl Running {
    /// Starts a program in a folder and waits until it serves.
    fn start(place: &Place, program: &Path, folder: &str, starters: &[String]) -> Self {
        let has = |name: &str| starters.iter().any(|starter| starter == name);
        let [http, admin] = ["http", "admin"].map(|name| has(name).then(free_address));
        let mut command = Command::new(program);
        command.current_dir(place.path(folder)).env_remove("RUST_LOG");
        for (starter, address) in [("http", http), ("admin", admin)] {
            if let Some(address) = address {
                command.args(["--set", &format!("starters.{starter}.address={address}")]);
            }
        }
        let log = place.path(folder).join("base.log");
        let mut running = Self { process: Process::start(command, &log), http, admin };
        if let Some(admin) = admin {
            eventually("it is healthy", || http::get(admin, "/healthz").filter(|answer| answer.status == 200));
        } else if let Some(http) = http {
            eventually("it answers", || http::get(http, "/"));
        } else if has("telemetry") {
            running.process.wait_for("its first line", |log| log.contains("telemetry").then_some(()));
        } else {
            running.listens();
        }
        running
    }

    /// A base that is seen nowhere has begun when it waits for the signals that end it.
    fn listens(&mut self) {
        const TERM: u64 = 1 << (15 - 1);
        let status = format!("/proc/{}/status", self.process.id());
        self.process.wait_for("its signals", |_| {
            let Ok(status) = fs::read_to_string(&status) else {
                // Where the system does not tell, it is asked too early at worst, and says so.
                return (!Path::new("/proc/self/status").exists()).then_some(());
            };
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
            (u64::from_str_radix(caught.trim(), 16).ok()? & TERM != 0).then_some(())
        });
    }

    fn ends(mut self) {
        self.process.signal("TERM");
        assert_eq!(self.process.ended().code(), Some(0), "{}", self.process.log());
    }
}

/// The bases that get a module whose tests are run, and whether it has a route.
const WITH_A_MODULE: [(&str, bool); 2] = [("cache", false), ("http", true)];

fn program(profile: &str, name: &str) -> PathBuf {
    target().join(profile).join(name)
}

#[test]
fn each_starter_has_a_base_of_its_own_that_runs() {
    let place = Place::new();
    for starter in starters(&place) {
        let name = format!("with-{starter}");
        let made = place.works("", &["new", &name, "--starters", &starter, "--bedplate", &bedplate()]);
        let has: Vec<String> = serde_json::from_value(made["starters"].clone()).unwrap();
        assert!(has.contains(&starter), "{made:#}");
        // A module with a route and one without; the base with all starters has one with a table.
        if let Some((_, has_route)) = WITH_A_MODULE.iter().find(|(of, _)| *of == starter) {
            let made = place.works(&name, &["module", "new", "notes"]);
            assert_eq!(made["route"].is_string(), *has_route, "{made:#}");
            place.cargo(&name, &["test", "--workspace", "--quiet"]);
        }
        place.cargo(&name, &["build", "--quiet"]);
        Running::start(&place, &program("debug", &name), &format!("{name}/base"), &has).ends();
    }
}

#[test]
fn a_base_with_all_of_them_is_built_as_a_bundle_and_for_release() {
    let place = Place::new();
    let all = starters(&place);
    place.works("", &["new", "all", "--starters", &all.join(","), "--bedplate", &bedplate()]);
    place.works("all", &["module", "new", "orders"]);
    place.works("all", &["starter", "new", "boards"]);
    place.cargo("all", &["test", "--workspace", "--quiet"]);
    let order = place.tool("all", &["check", "--no-clippy", "--json"]).output().unwrap();
    let (_, order) = bedplate_tests::tool::answer(&order);
    let rules: Vec<_> = order["violations"].as_array().unwrap().iter().map(|found| &found["rule"]).collect();
    assert_eq!(rules, ["contract-unused"], "{order:#}");

    let bundle = place.works("all", &["build", "--out", "bundle"]);
    assert_eq!(bundle["modules"][0]["name"], "orders", "{bundle:#}");
    let base = place.path("all/bundle/bin/all");
    serves(&place, &base, "all/bundle", &all);

    // Once, since it takes so long.
    place.cargo("all", &["build", "--release", "--quiet"]);
    serves(&place, &program("release", "all"), "all/base", &all);
}

/// The base serves its module, and says what serves.
fn serves(place: &Place, program: &Path, folder: &str, starters: &[String]) {
    let running = Running::start(place, program, folder, starters);
    let (http, admin) = (running.http.unwrap(), running.admin.unwrap());
    eventually("it is ready", || http::get(admin, "/readyz").filter(|answer| answer.status == 200));
    assert_eq!(http::get(http, "/orders").unwrap().expect(200), "[]");
    assert!(http::get(admin, "/metrics").unwrap().expect(200).contains("bedplate_"));
    running.ends();
}
