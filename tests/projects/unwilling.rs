//! A machine that does not do as it is told: folders that cannot be written, disks that are full, networks and git
//! that are not there, and somebody who presses Ctrl-C. Nothing is left half done.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use std::process::{Command, Output};

use bedplate_tests::place::{Place, bedplate};
use bedplate_tests::process::Process;
use bedplate_tests::tool;

/// The tool behind another program, which takes something from it: `prefix` and the tool's own arguments.
fn behind(place: &Place, folder: &str, prefix: &[&str], arguments: &[&str]) -> Output {
    let tool = place.tool(folder, arguments);
    let mut command = Command::new(prefix[0]);
    command.args(&prefix[1..]).arg(tool.get_program()).args(tool.get_args()).arg("--json");
    for (name, value) in tool.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(place.path(folder)).output().unwrap()
}

#[track_caller]
fn refused(output: &Output, code: &str, words: &[&str]) {
    let (is_done, answer) = tool::answer(output);
    assert!(!is_done, "it is not refused: {answer:#}");
    assert_eq!(answer["error"]["code"], code, "{answer:#}");
    for word in words {
        assert!(answer["error"].to_string().contains(word), "{word:?} in {answer:#}");
    }
}

/// Root writes wherever it wants, unless it is told not to.
const LESS_THAN_ROOT: [&str; 3] = ["setpriv", "--bounding-set", "-dac_override"];

/// How a program is kept from writing into folders that are read-only; nothing where there is no way.
fn held(place: &Place) -> Option<Vec<&'static str>> {
    let folder = place.path("read-only");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let is_held = |prefix: &[&str]| {
        let touched = Command::new(prefix[0]).args(&prefix[1..]).arg("touch").arg(folder.join("file")).output();
        let could_not = touched.is_ok_and(|touched| !touched.status.success() && !touched.stderr.is_empty());
        could_not && !folder.join("file").exists()
    };
    let ways: [&[&'static str]; 2] = [&["env"], &LESS_THAN_ROOT];
    let way = ways.into_iter().find(|way| {
        let is_held = is_held(way);
        let _ = fs::remove_file(folder.join("file"));
        is_held
    });
    way.map(<[&str]>::to_vec)
}

#[test]
fn a_folder_that_is_read_only_is_named_and_stays_as_it_is() {
    let place = Place::new();
    let Some(prefix) = held(&place) else {
        tool::skipped("a_folder_that_is_read_only_is_named_and_stays_as_it_is", "nothing keeps root from writing");
        return;
    };
    let new = ["new", "shop", "--starters", "http", "--bedplate", &bedplate()];
    refused(&behind(&place, "read-only", &prefix, &new), "read-only", &["read-only/shop", "writable"]);
    assert_eq!(fs::read_dir(place.path("read-only")).unwrap().count(), 0);

    place.works("", &new);
    let before = place.files("shop");
    let mode = |folder: &str, mode: u32| {
        fs::set_permissions(place.path(folder), fs::Permissions::from_mode(mode)).unwrap();
    };
    // The module's files can be made, and then the base cannot be changed.
    mode("shop/base", 0o555);
    let module = behind(&place, "shop", &prefix, &["module", "new", "orders"]);
    refused(&module, "read-only", &["shop/base/Cargo.toml", "as it was"]);
    mode("shop/base", 0o755);
    assert_eq!(place.files("shop"), before, "something has changed");
    // A file may be read-only in a folder that is not.
    mode("shop/base/Cargo.toml", 0o444);
    let add = behind(&place, "shop", &prefix, &["add", "sql", "--no-check"]);
    refused(&add, "read-only", &["shop/base/Cargo.toml"]);
    mode("shop/base/Cargo.toml", 0o644);
    assert_eq!(place.files("shop"), before, "something has changed");
    assert!(!place.path("shop/modules").exists() && !place.path("shop/contracts").exists());
}

#[test]
fn a_disk_that_is_full_leaves_all_as_it_was() {
    let place = Place::new();
    let new = ["new", "shop", "--starters", "http", "--bedplate", &bedplate()];
    let full = ["sh", "-c", "trap '' 25; ulimit -f 0; exec \"$@\"", "sh"];
    refused(&behind(&place, "", &full, &new), "read-only", &["cannot be written"]);
    assert!(!place.path("shop").exists());
    place.works("", &new);
    let before = place.files("shop");
    refused(&behind(&place, "shop", &full, &["module", "new", "orders"]), "read-only", &["cannot be written"]);
    assert_eq!(place.files("shop"), before, "something has changed");
}

#[test]
fn without_a_network_nothing_is_half_done_and_the_way_out_is_said() {
    let place = Place::new();
    // The tests have no network anyway; here is neither what is asked for.
    let git = ["new", "shop", "--starters", "http", "--bedplate", "git:https://127.0.0.1:1/bedplate#0123abc"];
    place.refused("", &git, "not-resolved", &["127.0.0.1:1", "mirror", "as they were"]);
    place.refused("", &["new", "shop", "--bedplate", "7.7.7"], "not-resolved", &["bedplate", "mirror"]);
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0, "something was left");
}

#[test]
fn a_list_that_cannot_be_reached_stops_what_needs_it_and_nothing_else() {
    if !tool::has_git("a_list_that_cannot_be_reached_stops_what_needs_it_and_nothing_else") {
        return;
    }
    let place = Place::new();
    place.works("", &["new", "shop", "--starters", "http", "--bedplate", &bedplate()]);
    let root = place.read("shop/Cargo.toml");
    let gone = place.path("gone");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    for url in ["https://127.0.0.1:1/lists".to_owned(), format!("file://{}", gone.display())] {
        let named =
            format!("\n[workspace.metadata.bedplate.markets]\nours = {{ git = \"{url}\", rev = \"{commit}\" }}\n");
        fs::write(place.path("shop/Cargo.toml"), format!("{root}{named}")).unwrap();
        let before = place.files("shop");
        let arguments = ["add", "sql", "--no-check"];
        place.refused("shop", &arguments, "market-unreachable", &["`ours`", &url, "market forget ours"]);
        assert_eq!(place.files("shop"), before, "something has changed");
        // A module is made of the list that comes with the tool.
        place.works("shop", &["module", "new", "orders"]);
        place.works("shop", &["module", "remove", "orders"]);
    }
    place.works("shop", &["market", "forget", "ours"]);
    place.works("shop", &["add", "sql", "--no-check"]);

    let none = fs::create_dir(place.path("bin")).map(|()| place.path("bin")).unwrap();
    let list = format!("git+file://{}#{commit}", gone.display());
    let output = place.tool("shop", &["market", "list", "--list", &list, "--json"]).env("PATH", none).output().unwrap();
    refused(&output, "no-git", &["install git"]);
}

/// A cargo that compiles until it is told to end, and is the real one in all else.
fn endless_cargo(place: &Place) -> std::path::PathBuf {
    let cargo = place.path("cargo");
    let compiles = place.path("compiles");
    let text = format!(
        "#!/bin/sh\nif [ \"$1\" = check ]; then touch '{}'; exec sleep 600; fi\nexec '{}' \"$@\"\n",
        compiles.display(),
        env!("CARGO"),
    );
    fs::write(&cargo, text).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    cargo
}

#[test]
fn whoever_interrupts_it_finds_all_as_it_was() {
    let place = Place::new();
    place.works("", &["new", "shop", "--starters", "http", "--bedplate", &bedplate()]);
    let before = place.files("shop");
    for signal in ["INT", "TERM"] {
        let cargo = endless_cargo(&place);
        let mut tool = place.tool("shop", &["add", "sql", "--json"]);
        tool.env("CARGO", cargo);
        let mut running = Process::start(tool, &place.path("log"));
        running.wait_for("the compiler", |_| place.path("compiles").exists().then_some(()));
        assert_ne!(place.files("shop"), before, "nothing has changed yet");
        running.signal(signal);
        assert_eq!(running.ended().code(), Some(1), "{}", running.log());
        assert!(running.log().contains("\"interrupted\""), "{}", running.log());
        assert_eq!(place.files("shop"), before, "something has changed");
        fs::remove_file(place.path("compiles")).unwrap();
    }
}
