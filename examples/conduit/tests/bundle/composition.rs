//! What Conduit is composed of, and what happens where a part of a running base is taken out.

use std::process::Command;

use serde_json::Value;

use crate::client;
use crate::executable::{executable, folder};
use crate::process::Place;

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn all_of_it_fits_together_with_the_settings_beside_it() {
    let check = Command::new(executable()).args(["check", "--json"]).current_dir("/").output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    let beside = std::fs::read(folder().join("bedplate.toml")).unwrap();
    assert_eq!(beside, std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/bedplate.toml")).unwrap());
}

#[test]
fn without_favorites_it_does_not_fit_and_both_places_are_named() {
    let place = Place::new("c1");
    let _running = place.start(&["run"]);
    let refused = place.run(&["uninstall", "favorites", "--json"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let error = &json(&refused)["error"];
    assert_eq!(error["code"], "missing-service", "{error}");
    let text = error.to_string();
    assert!(text.contains("`articles` requires `Favorites`"), "{text}");
    assert!(
        text.contains("modules/articles/src/lib.rs:") && text.contains("contracts/favorites/src/lib.rs:"),
        "{text}"
    );
    assert_eq!(client::get(place.http, "/api/tags").unwrap().status, 200);
}

#[test]
fn each_module_is_an_object_of_its_own_and_nothing_is_linked() {
    let place = Place::new("c2");
    let _running = place.start(&["run"]);
    let status = json(&place.run(&["status", "--json"]));
    let modules = status["modules"].as_array().unwrap();
    let names: Vec<_> = modules.iter().map(|module| module["instance"]["module"].as_str().unwrap()).collect();
    assert_eq!(names, ["articles", "comments", "favorites", "identity", "profiles"]);
    for module in modules {
        assert!(module["digest"].is_string() && module["build_id"].is_string(), "{module}");
    }
}
