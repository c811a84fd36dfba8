//! `cargo bedplate dev` on a copy of Conduit: what is saved is what the running base answers, a moment later.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bedplate_tests::dev::Dev;
use bedplate_tests::tool;

use crate::executable;
use crate::process::Place;

/// What the copy needs of the repository: cargo looks at each member of the workspace, and builds Conduit alone.
const PARTS: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "base-template",
    "benches",
    "cli",
    "core",
    "examples",
    "macros",
    "starters",
    "tests",
];

/// The copy of the sources that a test edits. It stays, so that what was compiled is there at the next run.
struct Sources {
    folder: PathBuf,
}

impl Sources {
    /// The sources as they are in the repository.
    fn new() -> Self {
        let sources = Self { folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("conduit/sources") };
        for part in PARTS {
            mirror(&tool::repository().join(part), &sources.folder.join(part));
        }
        sources
    }

    /// The target folder of the copy, with what crates of the registry were compiled to for the repository's own
    /// bundle: they are the same for both.
    fn target(&self) -> PathBuf {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conduit/target");
        let compiled = executable::folder().parent().expect("a bundle has a folder");
        let own = target.join("bedplate").join(compiled.file_name().expect("it has a name"));
        let lock = fs::read_to_string(tool::repository().join("Cargo.lock")).unwrap();
        let local = local_packages(&lock);
        for folder in ["calls", "cargo/debug/deps", "cargo/debug/build", "cargo/debug/.fingerprint"] {
            take_over(&compiled.join(folder), &own.join(folder), &|name| !local.contains(&package_of(name)));
        }
        target
    }

    /// Writes a file below the folder of Conduit.
    fn write(&self, file: &str, text: &str) {
        let path = self.folder.join("examples/conduit").join(file);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a piece of a file below the folder of Conduit.
    fn replace(&self, file: &str, old: &str, new: &str) {
        let path = self.folder.join("examples/conduit").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has no {old:?}");
        fs::write(&path, text.replacen(old, new, 1)).unwrap();
    }
}

/// Makes a folder, or a file, as another one is. What is the same is left alone, so that it is not compiled again.
fn mirror(from: &Path, to: &Path) {
    if !from.is_dir() {
        let text = fs::read(from).unwrap();
        if !fs::read(to).is_ok_and(|old| old == text) {
            fs::create_dir_all(to.parent().expect("a file is in a folder")).unwrap();
            fs::write(to, text).unwrap();
        }
        return;
    }
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        // What a base or cargo writes, and no source.
        if !matches!(name.to_str(), Some("target" | "state")) {
            mirror(&from.join(&name), &to.join(&name));
            names.insert(name);
        }
    }
    for entry in fs::read_dir(to).into_iter().flatten() {
        let entry = entry.unwrap();
        if !names.contains(&entry.file_name()) {
            if entry.path().is_dir() {
                fs::remove_dir_all(entry.path()).unwrap();
            } else {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

/// The packages of the workspace, as crates are called: those that the lock file names without a source.
fn local_packages(lock: &str) -> BTreeSet<String> {
    let packages = lock.split("[[package]]").filter(|package| !package.contains("\nsource = "));
    let names = packages.filter_map(|package| package.split("name = \"").nth(1)?.split('"').next());
    names.map(|name| name.replace('-', "_")).collect()
}

/// The crate that a compiled file, or a folder of cargo's, belongs to: `libserde_json-0123.rmeta`.
fn package_of(name: &str) -> String {
    let (name, _) = name.rsplit_once('-').unwrap_or((name, ""));
    name.strip_prefix("lib").unwrap_or(name).replace('-', "_")
}

/// Copies what a folder does not have yet of another one, as old as it is there: cargo goes by that.
fn take_over(from: &Path, to: &Path, is_wanted: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let (file, to) = (entry.path(), to.join(&name));
        if to.exists() || !name.to_str().is_some_and(is_wanted) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            take_over(&file, &to, &|_| true);
        } else {
            fs::copy(&file, &to).unwrap();
            let modified = entry.metadata().unwrap().modified().unwrap();
            fs::File::options().append(true).open(&to).unwrap().set_modified(modified).unwrap();
        }
    }
}

/// `dev` on the copy, with settings, databases and ports of its own.
fn dev(sources: &Sources) -> Dev {
    let place = Place::new("dev");
    let mut tool = tool::command(&sources.folder, &sources.target());
    tool.args(["bedplate", "dev", "--json", "--package", "conduit", "--config"])
        .arg(place.folder.join("bedplate.toml"));
    tool.args(["--set", &format!("starters.http.address={}", place.http)]);
    tool.args(["--set", &format!("starters.admin.address={}", place.admin)]);
    Dev::start(tool, &place.folder.join("log"))
}

#[test]
fn each_edit_is_answered_by_the_base_that_runs() {
    let sources = Sources::new();
    let mut dev = dev(&sources);
    let nobody = |dev: &Dev| dev.get("/api/profiles/nobody").expect(404);
    assert_eq!(nobody(&dev), r#"{"errors":{"profile":["not found"]}}"#);

    // A string.
    sources.replace("modules/profiles/src/routes.rs", "not_found(\"profile\")", "not_found(\"person\")");
    assert_eq!(dev.swapped(), ["profiles"]);
    assert_eq!(nobody(&dev), r#"{"errors":{"person":["not found"]}}"#);

    // A route.
    let tags = ".route(\"/tags\", get(tags))";
    let more = format!("{tags}\n        .route(\"/tags/longest\", get(|| async {{ \"30 letters\" }}))");
    sources.replace("modules/articles/src/routes.rs", tags, &more);
    assert_eq!(dev.swapped(), ["articles"]);
    assert_eq!(dev.text("/api/tags/longest"), "30 letters");

    // A dependency that one module has from now on.
    sources.write("words/Cargo.toml", "[package]\nname = \"conduit-words\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    sources.write(
        "words/src/lib.rs",
        "//! Words.\n\n/// Says what is liked.\npub fn liked() -> &'static str {\n    \"well liked\"\n}\n",
    );
    sources.replace(
        "modules/favorites/Cargo.toml",
        "[dependencies]\n",
        "[dependencies]\nconduit-words = { path = \"../../words\" }\n",
    );
    assert_eq!(dev.swapped(), ["favorites"]);
    let router = "Router::new()";
    let liked = format!("{router}.route(\"/liked\", axum::routing::get(|| async {{ conduit_words::liked() }}))");
    sources.replace("modules/favorites/src/routes.rs", router, &liked);
    assert_eq!(dev.swapped(), ["favorites"]);
    assert_eq!(dev.text("/api/liked"), "well liked");

    // What does not compile, and its fix.
    let route = "Router::new()\n";
    let wrong = "Router::new()\n        .route(\"/mended\", get(|| async { mended() }))\n";
    sources.replace("modules/comments/src/routes.rs", route, wrong);
    let error = dev.error("does-not-compile");
    assert!(error.contains("cannot find function `mended`"), "{error}");
    assert!(error.contains("modules/comments/src/routes.rs"), "{error}");
    assert_eq!(dev.text("/api/liked"), "well liked", "what served before serves on");
    sources.replace("modules/comments/src/routes.rs", "mended()", "\"mended\"");
    assert_eq!(dev.swapped(), ["comments"]);
    assert_eq!(dev.text("/api/mended"), "mended");

    // A contract, with all who use it.
    sources.replace(
        "contracts/profiles/src/lib.rs",
        "    /// The users whom",
        "    /// How many there may be.\n    async fn most(&self) -> Result<u64, Failure>;\n\n    /// The users whom",
    );
    let error = dev.error("does-not-compile");
    assert!(error.contains("could not build"), "{error}");
    sources.replace(
        "modules/profiles/src/service.rs",
        "    async fn followed_by",
        "    async fn most(&self) -> Result<u64, Failure> {\n        Ok(77)\n    }\n\n    async fn followed_by",
    );
    let set = dev.swapped();
    for module in ["articles", "comments", "profiles"] {
        assert!(set.contains(&module.to_owned()), "both or none: {set:?}");
    }
    sources.replace(
        "modules/articles/src/routes.rs",
        "/tags/longest\", get(|| async { \"30 letters\" })",
        "/most\", get(most)",
    );
    let error = dev.error("does-not-compile");
    assert!(error.contains("`most`"), "{error}");
    sources.replace(
        "modules/articles/src/routes.rs",
        "async fn list(",
        "async fn most(State(articles): Module) -> Result<String, ConduitError> {\n    Ok(articles.profiles.most().await?.to_string())\n}\n\nasync fn list(",
    );
    assert_eq!(dev.swapped(), ["articles"]);
    assert_eq!(dev.text("/api/most"), "77");
    assert_eq!(dev.starts(), 1, "the base was not restarted");
    dev.end();
}
