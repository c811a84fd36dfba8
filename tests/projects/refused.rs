//! What is refused, and that nothing is changed by it.

use std::fs;
use std::process::Command;

use bedplate_tests::place::{Place, bedplate};

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let place = Place::new();
    let new = |name: &'static str, starters: &'static str| -> Vec<String> {
        ["new", name, "--starters", starters, "--bedplate", &bedplate()].map(str::to_owned).to_vec()
    };
    let refused = |arguments: Vec<String>, code: &str, words: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        place.refused("", &arguments, code, words);
    };
    refused(new("Shop", "http"), "invalid-name", &["`S`"]);
    refused(new("async", "http"), "invalid-name", &["async"]);
    refused(new("shop", "htpp"), "unknown-starter", &["did you mean `http`"]);
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0, "nothing was made");
    place.refused("", &["new", "shop", "--bedplate", "path:/nowhere"], "no-bedplate", &["/nowhere"]);

    place.works("", &["new", "shop", "--starters", "http", "--bedplate", &bedplate()]);
    refused(new("shop", "http"), "taken", &["shop"]);
    place.works("shop", &["module", "new", "orders"]);
    let before = place.files("shop");
    place.refused("shop", &["module", "new", "orders"], "taken", &["`orders`"]);
    place.refused("shop", &["module", "new", "or ders"], "invalid-name", &["or ders"]);
    place.refused("shop", &["add", "htttp"], "unknown-starter", &["did you mean"]);
    place.refused("shop", &["remove", "sql"], "unknown-starter", &["`http`"]);
    place.refused("shop", &["remove", "http"], "starter-in-use", &["`orders`"]);
    place.refused("shop", &["module", "remove", "order"], "unknown-module", &["`orders`"]);
    assert_eq!(place.files("shop"), before, "something has changed");
}

#[test]
fn a_file_with_uncommitted_changes_is_not_touched() {
    if !bedplate_tests::tool::has_git("a_file_with_uncommitted_changes_is_not_touched") {
        return;
    }
    let place = Place::new();
    place.works("", &["new", "shop", "--starters", "http", "--bedplate", &bedplate()]);
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=ada", "-c", "user.email=ada@example.org"]).args(arguments);
        let output = git.current_dir(place.path("shop")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "A base"]);
    place.replace("shop/base/Cargo.toml", "[dependencies]", "# Mine.\n[dependencies]");
    let before = place.files("shop");
    place.refused("shop", &["module", "new", "orders"], "uncommitted-changes", &["base/Cargo.toml", "--allow-dirty"]);
    assert_eq!(place.files("shop"), before);
    place.works("shop", &["module", "new", "orders", "--allow-dirty"]);
    assert!(place.read("shop/base/Cargo.toml").contains("# Mine."));
}

#[test]
fn what_cargo_cannot_resolve_is_undone() {
    let place = Place::new();
    place.works("", &["new", "shop", "--starters", "http", "--bedplate", &bedplate()]);
    fs::write(
        place.path("list.toml"),
        "version = 1\n\n[[starter]]\nname = \"gone\"\ncrate = \"bedplate-starter-gone\"\nversion = \"1\"\npath = \"gone\"\nabout = \"Is not there.\"\ngroup = \"data\"\nbedplate = \">=0.1, <0.2\"\nprovides = []\n",
    )
    .unwrap();
    let before = place.files("shop");
    let list = place.path("list.toml");
    let list = list.to_str().unwrap();
    place.refused("shop", &["add", "gone", "--list", list], "not-confirmed", &["bedplate-starter-gone", "--yes"]);
    place.refused("shop", &["add", "gone", "--list", list, "--yes"], "not-resolved", &["gone"]);
    assert_eq!(place.files("shop"), before, "something has changed");
}
