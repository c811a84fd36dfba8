//! Where a project has bedplate from, beside a checkout: a git repository, and the registry.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use bedplate_tests::place::Place;
use bedplate_tests::tool;
use serde_json::Value;

/// What cargo says of this repository and all that it is built from.
fn metadata() -> Value {
    let mut cargo = tool::cargo(tool::repository(), &tool::target());
    let told = cargo.args(["metadata", "--format-version", "1"]).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn folder(package: &Value) -> &Path {
    Path::new(text(package, "manifest_path")).parent().unwrap()
}

/// Settings of cargo for all that lies in the place.
fn configure(place: &Place, config: &str) {
    fs::create_dir_all(place.path(".cargo")).unwrap();
    fs::write(place.path(".cargo/config.toml"), config).unwrap();
}

/// A folder with the crates of others that this repository is built from: a registry that needs no network.
fn vendored(place: &Place, metadata: &Value) -> PathBuf {
    let vendor = place.path("vendor");
    let of_others = metadata["packages"].as_array().unwrap().iter().filter(|package| !package["source"].is_null());
    for package in of_others {
        let copy = vendor.join(format!("{}-{}", text(package, "name"), text(package, "version")));
        fs::create_dir_all(&copy).unwrap();
        for entry in fs::read_dir(folder(package)).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        fs::write(copy.join(".cargo-checksum.json"), "{\"files\":{}}").unwrap();
    }
    vendor
}

#[test]
fn a_project_has_bedplate_from_a_repository() {
    if !tool::has_git("a_project_has_bedplate_from_a_repository") {
        return;
    }
    let place = Place::new();
    // As it is now, with what is not committed: a repository of its own.
    let copied = place.path("bedplate");
    let git = |folder: &Path, arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]);
        let done = git.args(arguments).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let files = git(tool::repository(), &["ls-files", "--cached", "--others", "--exclude-standard"]);
    for file in files.lines() {
        let (from, to) = (tool::repository().join(file), copied.join(file));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if from.is_file() {
            fs::copy(from, to).unwrap();
        }
    }
    git(&copied, &["init", "--quiet"]);
    git(&copied, &["add", "--all"]);
    git(&copied, &["commit", "--quiet", "--message", "All"]);
    let commit = git(&copied, &["rev-parse", "HEAD"]).trim().to_owned();
    let vendor = vendored(&place, &metadata());
    configure(
        &place,
        &format!("[source.crates-io]\nreplace-with = \"vendor\"\n[source.vendor]\ndirectory = {vendor:?}\n"),
    );

    let url = format!("file://{}", copied.display());
    let works = |folder: &str, arguments: &[&str]| {
        let mut tool = place.tool(folder, arguments);
        // Cargo asks no repository without a network, not even one of this machine; what is fetched stays here.
        tool.arg("--json").env("CARGO_NET_OFFLINE", "false").env("CARGO_HOME", place.path("home"));
        let output = tool.output().unwrap();
        let (is_done, answer) = tool::answer(&output);
        assert!(is_done, "{arguments:?}: {answer:#}\n{}", String::from_utf8_lossy(&output.stderr));
    };
    works("", &["new", "shop", "--starters", "http", "--bedplate", &format!("git:{url}#{commit}")]);
    works("shop", &["add", "sql", "--no-check"]);
    works("shop", &["module", "new", "orders"]);
    works("shop", &["starter", "new", "boards"]);
    let root = place.read("shop/Cargo.toml");
    for package in ["bedplate", "bedplate-starter-http", "bedplate-starter-sql"] {
        let line = format!("{package} = {{ git = \"{url}\", rev = \"{commit}\" }}\n");
        assert!(root.contains(&line), "{line} in {root}");
    }
    let lock = place.read("shop/Cargo.lock");
    let locked = format!("source = \"git+{url}?rev={commit}#{commit}\"");
    assert!(lock.matches(&locked).count() >= 4, "{lock}");
}

#[test]
fn a_project_has_bedplate_from_the_registry() {
    let place = Place::new();
    let metadata = metadata();
    let ours = metadata["packages"].as_array().unwrap().iter().filter(|package| {
        let name = text(package, "name");
        package["source"].is_null() && (name == "bedplate" || name.starts_with("bedplate-"))
    });
    // What is not published yet is taken from here, as somebody does who tries a change of it.
    let patches = ours
        .filter(|package| !folder(package).starts_with(tool::repository().join("tests")))
        .map(|package| format!("{} = {{ path = {:?} }}\n", text(package, "name"), folder(package)));
    configure(&place, &format!("[patch.crates-io]\n{}", patches.collect::<String>()));
    place.works("", &["new", "shop", "--starters", "http", "--bedplate", "0.1"]);
    place.works("shop", &["add", "sql", "--no-check"]);
    place.works("shop", &["module", "new", "orders"]);
    let root = place.read("shop/Cargo.toml");
    for package in ["bedplate", "bedplate-starter-http", "bedplate-starter-sql"] {
        assert!(root.contains(&format!("{package} = {{ version = \"0.1\" }}\n")), "{package} in {root}");
    }
    assert!(!root.contains("path = \"/"), "a patch is no place to come from: {root}");
}
