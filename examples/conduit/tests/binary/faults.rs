//! What keeps the base from starting: each with what, where and what to do, and a status that says so.

use std::fs;
use std::net::TcpListener;
use std::process::Output;

use crate::process::Place;

fn fails(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn all_wrong_settings_are_reported_at_once() {
    let place = Place::new("wrong-settings");
    let file = place.folder.join("bedplate.toml");
    fs::write(&file, "[starters.htp]\nprefix = \"\"\n\n[drain]\ndeadlin = \"1s\"\n\n[lifecycle]\nstart_deadline = 5\n")
        .unwrap();
    let text = fails(&place.run(&["run"]));
    assert!(text.contains("bedplate.toml:1:") && text.contains("`http`"), "{text}");
    assert!(text.contains("bedplate.toml:5:") && text.contains("`deadline`"), "{text}");
    assert!(text.contains("bedplate.toml:8:") && text.contains("start_deadline"), "{text}");
    assert!(text.contains("3 problems"), "{text}");
}

#[test]
fn a_syntax_error_names_its_line() {
    let place = Place::new("syntax");
    fs::write(place.folder.join("bedplate.toml"), "[drain]\ngrace = = 1\n").unwrap();
    let text = fails(&place.run(&["check"]));
    assert!(text.contains("bedplate.toml:2:"), "{text}");
}

#[test]
fn a_missing_file_that_was_asked_for_is_named() {
    let place = Place::new("no-file");
    fs::remove_file(place.folder.join("bedplate.toml")).unwrap();
    let text = fails(&place.run(&["check"]));
    assert!(text.contains("bedplate.toml"), "{text}");
}

#[test]
fn a_busy_port_is_named_with_its_setting() {
    let place = Place::new("busy");
    let _busy = TcpListener::bind(place.http).unwrap();
    let text = fails(&place.run(&["run"]));
    assert!(text.contains(&place.http.to_string()) && text.contains("starters.http"), "{text}");
}

#[test]
fn a_database_that_cannot_be_written_is_named_with_its_path() {
    let place = Place::new("unwritable");
    // A file stands where the folder should be: that holds for root as well.
    fs::write(place.folder.join("databases"), "").unwrap();
    let text = fails(&place.run(&["run", "--set", "starters.sql.folder=databases"]));
    assert!(text.contains("databases") && text.contains("sql"), "{text}");
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named_with_its_path() {
    let place = Place::new("stateless");
    fs::write(place.folder.join("state"), "").unwrap();
    let text = fails(&place.run(&["run"]));
    assert!(text.contains("state-folder-failed") && text.contains(place.folder.to_str().unwrap()), "{text}");
}

#[test]
fn a_module_that_is_switched_off_and_needed_is_named_with_both_places() {
    let place = Place::new("without-favorites");
    let text = fails(&place.run(&["check", "--set", "modules.favorites.enabled=false"]));
    assert!(text.contains("missing-service") && text.contains("`Favorites`"), "{text}");
    assert!(
        text.contains("modules/articles/src/lib.rs:") && text.contains("contracts/favorites/src/lib.rs:"),
        "{text}"
    );
}
