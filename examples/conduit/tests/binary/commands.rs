//! What the binary says about itself, without running and against a running base.

use serde_json::Value;

use crate::executable::NAME;
use crate::process::Place;

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

const MODULES: [&str; 5] = ["articles", "comments", "favorites", "identity", "profiles"];

#[test]
fn check_fits_and_starts_nothing() {
    let place = Place::new("check");
    let output = place.run(&["check", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let report = json(&output);
    assert_eq!(report["ok"], true);
    let names: Vec<_> = report["composition"]["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|module| module["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, MODULES);
    assert!(!place.folder.join("state").exists(), "check created the database");
}

#[test]
fn modules_starters_and_services_name_what_is_linked() {
    let place = Place::new("lists");
    let modules = json(&place.run(&["modules", "--json"]));
    let comments = &modules["modules"][1];
    assert_eq!(comments["name"], "comments");
    assert!(comments["site"]["file"].as_str().unwrap().ends_with("modules/comments/src/lib.rs"), "{comments}");
    assert!(comments["site"]["line"].as_u64().unwrap() > 1);

    let starters = json(&place.run(&["starters", "--json"]));
    let names: Vec<_> =
        starters["starters"].as_array().unwrap().iter().map(|starter| starter["name"].as_str().unwrap()).collect();
    assert!(["admin", "http", "metrics", "sql", "telemetry"].iter().all(|name| names.contains(name)), "{names:?}");

    let services = json(&place.run(&["services", "--json"]));
    let services = services["services"].as_array().unwrap();
    let articles = services.iter().find(|service| service["contract"] == "Articles").unwrap();
    assert_eq!(articles["publishers"], serde_json::json!(["articles"]));
    assert!(articles["users"].as_array().unwrap().contains(&Value::from("comments")), "{articles}");

    let table = String::from_utf8(place.run(&["modules"]).stdout).unwrap();
    assert!(table.starts_with("MODULE"), "{table}");
    assert!(MODULES.iter().all(|name| table.contains(name)), "{table}");
}

#[test]
fn settings_say_where_each_value_came_from() {
    let place = Place::new("settings");
    let output = place
        .command(&["settings", "--json", "--set", "drain.deadline=7s"])
        .env("BEDPLATE__STARTERS__HTTP__BODY_LIMIT", "1MB")
        .output()
        .unwrap();
    let settings = json(&output);
    let of = |key: &str| {
        let rows = settings["settings"].as_array().unwrap();
        rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}")).clone()
    };
    let text = |row: &Value| row["origin"].to_string();
    assert!(text(&of("starters.http.prefix")).contains("bedplate.toml"), "{}", of("starters.http.prefix"));
    assert!(text(&of("starters.http.body_limit")).contains("BEDPLATE__STARTERS__HTTP__BODY_LIMIT"));
    assert!(text(&of("drain.deadline")).contains("command-line"));
    assert!(text(&of("drain.grace")).to_lowercase().contains("default"));
    assert!(!of("drain.grace")["help"].as_str().unwrap().is_empty());
}

#[test]
fn routes_ask_the_running_base_and_say_so_where_none_runs() {
    let place = Place::new("routes");
    let nobody = place.run(&["routes"]);
    assert_eq!(nobody.status.code(), Some(3));
    let text = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(text.contains("state/admin.sock"), "{text}");

    let _running = place.start(&["run"]);
    let routes = json(&place.run(&["routes", "--json"]));
    let text = routes.to_string();
    assert!(text.contains("/api/articles/{slug}/comments"), "{text}");
    assert!(text.contains("\"comments\""), "{text}");
    let table = place.run(&["routes"]);
    assert!(table.status.success());
    assert!(String::from_utf8_lossy(&table.stdout).contains("/api/tags"), "{table:?}");
}

#[test]
fn the_base_is_operated_by_its_own_binary() {
    let place = Place::new("operated");
    let _running = place.start(&["run"]);
    let generation = || {
        let status = json(&place.run(&["status", "--json"]));
        let modules = status["modules"].as_array().unwrap();
        let comments = modules.iter().find(|module| module["instance"]["module"] == "comments").unwrap();
        comments["instance"]["generation"].as_u64().unwrap()
    };
    let first = generation();
    let planned = place.run(&["redeploy", "comments", "--plan"]);
    assert!(String::from_utf8_lossy(&planned.stdout).contains("comments@main comes"), "{planned:?}");
    assert_eq!(generation(), first);
    let redeployed = place.run(&["redeploy", "comments"]);
    let shown = String::from_utf8_lossy(&redeployed.stdout).into_owned();
    assert!(redeployed.status.success() && shown.contains("swap") && shown.contains("serving after"), "{redeployed:?}");
    assert_ne!(generation(), first);
    assert!(place.run(&["rollback", "comments"]).status.success());
    assert_eq!(generation(), first);
    let history = json(&place.run(&["history", "--json", "--limit", "2"]));
    assert_eq!(history["deployments"][0]["asked"]["operation"], "rollback", "{history}");
    let logs = place.run(&["logs", "comments"]);
    assert!(String::from_utf8_lossy(&logs.stdout).contains("comments@main"), "{logs:?}");
    assert!(place.run(&["settings", "apply"]).status.success());
    // One binary loads nothing; a bundle loads objects.
    let why = if NAME == "bundle" { "not-an-object" } else { "static-base" };
    let refused = place.run(&["install", "bedplate.toml", "--json"]);
    assert_eq!((refused.status.code(), &json(&refused)["error"]["code"]), (Some(1), &Value::from(why)));
    assert_eq!(place.run(&["redeploy"]).status.code(), Some(2));
    assert_eq!(place.run(&["redeploy", "nobody"]).status.code(), Some(1));
}
