//! The life of one project, from `new` on.

use std::fs;

use bedplate_tests::dev::Dev;
use bedplate_tests::place::{Place, bedplate};
use bedplate_tests::process::free_address;

#[test]
fn a_project_is_made_grows_is_edited_live_and_looked_after() {
    let place = Place::new();
    let made = place.works("", &["new", "shop", "--starters", "http,admin,sql", "--bedplate", &bedplate()]);
    assert_eq!(made["starters"], serde_json::json!(["http", "admin", "sql"]));
    let settings = place.read("shop/base/bedplate.toml");
    assert!(settings.contains("[starters.sql]") && !settings.contains("[starters.telemetry]"), "{settings}");

    // Starters come and go, and comments stay.
    place.replace("shop/base/Cargo.toml", "[dependencies]\n", "[dependencies]\n# What we run on.\n");
    let before = place.files("shop");
    place.works("shop", &["add", "telemetry", "--no-check"]);
    assert!(place.read("shop/base/Cargo.toml").contains("bedplate-starter-telemetry.workspace = true"));
    assert!(place.read("shop/base/Cargo.toml").contains("# What we run on."));
    assert!(place.read("shop/base/bedplate.toml").contains("[starters.telemetry]"));
    place.works("shop", &["remove", "telemetry"]);
    let manifests = |files: Vec<(std::path::PathBuf, String)>| -> Vec<_> {
        files.into_iter().filter(|(file, _)| file.ends_with("Cargo.toml")).collect()
    };
    assert_eq!(manifests(place.files("shop")), manifests(before), "what was added is taken out again");
    place.works("shop", &["add", "telemetry"]);

    // A module and a starter, each with tests that pass.
    place.works("shop", &["module", "new", "orders"]);
    place.works("shop", &["starter", "new", "boards"]);
    let tested = place.cargo("shop", &["test", "-p", "orders", "-p", "bedplate-starter-boards"]);
    let tested = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.contains("what_is_added_is_listed_and_counted ... ok"), "{tested}");
    assert!(tested.contains("release") && !tested.contains("FAILED"), "{tested}");

    looked_after(&place);
    edited_live(&place);

    let removed = place.works("shop", &["module", "remove", "orders"]);
    assert_eq!(removed["removed"], serde_json::json!(["orders", "orders-contract"]));
    assert_eq!(removed["left"]["tables"], serde_json::json!(["entries"]));
    assert!(!place.path("shop/modules/orders").exists() && !place.path("shop/contracts/orders").exists());
    place.cargo("shop", &["metadata", "--format-version", "1", "--no-deps"]);
}

/// The bundle, in which a saved file is served at once.
fn edited_live(place: &Place) {
    let address = free_address();
    let mut tool = place.tool("shop", &["dev", "--json"]);
    tool.args(["--set", &format!("starters.http.address={address}")]);
    tool.args(["--set", &format!("starters.admin.address={}", free_address())]);
    let mut dev = Dev::start(tool, &place.path("dev.log"));
    assert_eq!(dev.text("/orders"), "[]");
    place.replace(
        "shop/modules/orders/src/lib.rs",
        "SELECT text FROM entries ORDER BY id",
        "SELECT 'live' UNION ALL SELECT text FROM entries",
    );
    assert_eq!(dev.swapped(), ["orders"]);
    assert_eq!(dev.text("/orders"), "[\"live\"]");
    dev.end();
}

/// `check`, `graph`, `catalog` and `doctor`.
fn looked_after(place: &Place) {
    // A new contract is used by nobody yet.
    let output = place.tool("shop", &["check", "--json"]).output().unwrap();
    let (is_in_order, found) = bedplate_tests::tool::answer(&output);
    assert!(!is_in_order, "{found:#}");
    let rules = |found: &serde_json::Value| -> Vec<String> {
        let rules = found["violations"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap().to_owned());
        rules.collect()
    };
    assert_eq!(rules(&found), ["contract-unused"], "{found:#}");
    place.works("shop", &["check", "--record"]);
    let known = place.works("shop", &["check"]);
    assert_eq!(known["recorded"].as_array().unwrap().len(), 1, "{known:#}");

    // What is new is found beside what is known.
    let module = place.read("shop/modules/orders/src/lib.rs");
    let text = format!(
        "{module}\nstatic SEEN: std::sync::Mutex<u8> = std::sync::Mutex::new(0);\n\n/// Counts by itself.\npub fn count_by_itself() {{\n    std::thread::spawn(|| *SEEN.lock().unwrap() += 1);\n    std::process::exit(3);\n}}\n"
    );
    fs::write(place.path("shop/modules/orders/src/lib.rs"), text).unwrap();
    let output = place.tool("shop", &["check", "--json"]).output().unwrap();
    let (_, found) = bedplate_tests::tool::answer(&output);
    assert_eq!(rules(&found), ["disallowed-call", "disallowed-call", "global-state"], "{found:#}");
    let text = found["violations"].to_string();
    for word in ["std::thread::spawn", "std::process::exit", "static SEEN", "modules/orders/src/lib.rs:", "ctx.spawn"] {
        assert!(text.contains(word), "{word}: {found:#}");
    }
    fs::write(place.path("shop/modules/orders/src/lib.rs"), module).unwrap();

    let graph = place.works("shop", &["graph", "--change", "Orders"]);
    assert_eq!(graph["graph"]["modules"][0]["name"], "orders", "{graph:#}");
    assert_eq!(graph["graph"]["modules"][0]["moved"], true, "{graph:#}");
    let drawn = place.tool("shop", &["graph", "--out", "graph.svg"]).output().unwrap();
    assert!(drawn.status.success(), "{drawn:?}");
    assert!(place.read("shop/graph.svg").contains(">orders<"));
    let catalog = place.works("shop", &["catalog", "entries"]);
    assert_eq!(catalog["contracts"][0]["contract"], "Orders", "{catalog:#}");
    let doctor = place.tool("shop", &["doctor", "--json"]).output().unwrap();
    let (_, doctor) = bedplate_tests::tool::answer(&doctor);
    let names: Vec<_> = doctor["findings"].as_array().unwrap().iter().map(|one| one["name"].to_string()).collect();
    for name in ["\"rustc\"", "\"linker\"", "\"versions\"", "\"socket\"", "\"target\""] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
}
