//! What is shown of the lists, for people and for tools.

use serde_json::json;

use crate::rig::{Project, list_of};

#[test]
fn all_starters_are_listed_with_what_they_are_for() {
    let project = Project::new();
    let listed = project.market(&["list"]);
    listed.says(&["STARTER", "GROUP", "ABOUT", "http", "telemetry"]);
    assert!(!listed.stdout.contains("LIST"), "there is one list: {}", listed.stdout);
    // Outside of any project too.
    project.write("elsewhere/x", "");
    project.market_in("elsewhere", &["list"]).says(&["http"]);
    let data = project.market(&["list", "--group", "data"]);
    data.says(&["sql", "cache"]);
    assert!(!data.stdout.contains("http"), "{}", data.stdout);
    project.market(&["list", "--group", "dta"]).refused(&["no starter is of the group `dta`", "did you mean `data`?"]);
}

#[test]
fn lists_are_one_json_object_with_a_version() {
    let project = Project::new();
    project.write("company.toml", &list_of(&["audit"]));
    let told = project.json(&["list", "--list", "../company.toml"]);
    assert_eq!(told["lists"][0]["name"], "bedplate");
    assert_eq!(told["lists"][0]["origin"]["kind"], "built_in");
    assert_eq!(told["lists"][1]["name"], "company");
    let audit = &told["lists"][1]["starters"][0];
    assert_eq!((&audit["name"], &audit["crate"]), (&json!("audit"), &json!("company-audit")));
    assert_eq!((&audit["bedplate"], &audit["source"]["kind"]), (&json!("^0.1"), &json!("registry")));
    let http = told["lists"][0]["starters"].as_array().unwrap().iter().find(|one| one["name"] == "http").unwrap();
    assert_eq!(http["source"], json!({ "kind": "bedplate", "folder": "starters/http" }));
    let address = &http["settings"].as_array().unwrap()[0];
    for field in ["key", "kind", "default", "required", "help"] {
        assert!(address.get(field).is_some(), "{field}: {address}");
    }
}

#[test]
fn starters_are_found_by_all_of_the_words() {
    let project = Project::new();
    let found = project.json(&["search", "DATABASE", "module"]);
    let names: Vec<_> =
        found["starters"].as_array().unwrap().iter().map(|one| one["starter"]["name"].clone()).collect();
    assert_eq!(names, [json!("sql")]);
    project.market(&["search", "database"]).says(&["sql"]);
    project.market(&["search", "teleportation"]).says(&["no starter is described with these words"]);
}

#[test]
fn a_starter_is_shown_with_its_settings() {
    let project = Project::new();
    let shown = project.market(&["show", "http"]);
    shown.says(&["bedplate-starter-http", "settings below [starters.http]", "address = \"127.0.0.1:8080\""]);
    shown.says(&["cors.origins", "settings below [modules.<module>.http]", "cargo bedplate add http"]);
    let told = project.json(&["show", "sql"]);
    assert_eq!((&told["list"], &told["starter"]["name"]), (&json!("bedplate"), &json!("sql")));
    assert!(told["starter"]["features"]["postgres"].is_string(), "{told}");
    let cache = project.json(&["show", "cache"]);
    assert!(!cache["starter"]["provides"].as_array().unwrap().is_empty(), "{cache}");
}

#[test]
fn a_starter_that_is_in_no_list_is_refused_with_what_was_meant() {
    let project = Project::new();
    project
        .market(&["show", "telemtry"])
        .refused(&["`telemtry` is not in the list `bedplate`", "did you mean `telemetry`?"]);
    let told = project.market(&["show", "kafka", "--json"]);
    assert_eq!(told.status, 1);
    assert_eq!(told.json()["error"]["code"], "unknown-starter");
    assert_eq!(told.stderr, "");
}

#[test]
fn of_two_lists_with_one_starter_the_list_must_be_named() {
    let project = Project::new();
    project.write("company.toml", &list_of(&["http"]));
    let show = |name: &str| project.market(&["show", name, "--list", "../company.toml"]);
    show("http").refused(&["several lists have a starter `http`", "`bedplate/http`", "`company/http`"]);
    show("company/http").says(&["What http is for", "company-http ^1.2, from the registry"]);
    show("bedplate/http").says(&["bedplate-starter-http"]);
}
