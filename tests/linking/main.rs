//! What only a real link shows: crates that are listed and did not arrive, renamed and optional
//! dependencies, two cores in one program.
//!
//! The projects are written into a folder below the target folder and built there by cargo, with
//! the lock file of this workspace.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder of small projects.
struct Projects {
    folder: PathBuf,
    /// The package of the project `base`: its binary has a name of its own in the common target folder.
    base: String,
}

impl Projects {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linking").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self { folder, base: format!("base-{name}") }
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A project with the workspace's lock file, so that nothing is resolved anew.
    fn package(&self, name: &str, dependencies: &str, metadata: &str, main: &str) {
        let (file, package) = if name == "base" { ("main.rs", self.base.as_str()) } else { ("lib.rs", name) };
        self.write(
            &format!("{name}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{metadata}\n\n\
                 [dependencies]\n{dependencies}\n\n[workspace]\n"
            ),
        );
        self.write(&format!("{name}/src/{file}"), main);
        fs::copy(workspace().join("Cargo.lock"), self.folder.join(name).join("Cargo.lock")).unwrap();
    }

    /// Builds and runs the project `base`, all of them in one target folder.
    fn run(&self, arguments: &[&str]) -> Output {
        self.cargo("run").arg("--").args(arguments).output().unwrap()
    }

    /// Builds the project `base`, and returns its binary.
    fn build(&self) -> PathBuf {
        let built = self.cargo("build").output().unwrap();
        assert!(built.status.success(), "{built:?}");
        target().join("debug").join(&self.base)
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args([command, "--offline", "--quiet", "--manifest-path"])
            .arg(self.folder.join("base/Cargo.toml"))
            .env("CARGO_TARGET_DIR", target())
            .env_remove("RUSTFLAGS");
        cargo
    }
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("linking").join("target")
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn bedplate() -> String {
    format!("bedplate = {{ path = \"{}\" }}", workspace().join("core").display())
}

const MODULE: &str = "#[bedplate::module]\nstruct Quiet;\nimpl bedplate::Module for Quiet {}\n";
const KIND: &str = "[package.metadata.bedplate]\nkind = \"module\"";

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn what_the_base_lists_arrives_under_any_name_and_what_does_not_is_named() {
    let projects = Projects::new("listed");
    projects.package("quiet", &bedplate(), KIND, MODULE);
    projects.package("dashed-name", &bedplate(), KIND, MODULE);
    projects.package(
        "renamed",
        &format!("bp = {{ package = \"bedplate\", {}", &bedplate()["bedplate = { ".len()..]),
        KIND,
        &MODULE.replace("bedplate::", "bp::"),
    );
    projects.package("silent", "", KIND, "//! Says that it is a module, and has none.\n");
    projects.package("switched-off", &bedplate(), KIND, MODULE);
    projects.package("plain", "", "", "//! A library like any other.\n");
    let listed = "quiet = { path = \"../quiet\" }\ndashed-name = { path = \"../dashed-name\" }\n\
                  other = { package = \"renamed\", path = \"../renamed\" }\nplain = { path = \"../plain\" }\n\
                  switched-off = { path = \"../switched-off\", optional = true }\n";
    let base = "bedplate::base!();\n";

    projects.package("base", &format!("{}\n{listed}", bedplate()), "", base);
    let fits = projects.run(&["check", "--json"]);
    let report = json(&fits);
    assert!(fits.status.success(), "{report}");
    let modules: Vec<_> = report["composition"]["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|module| module["name"].as_str().unwrap())
        .collect();
    assert_eq!(modules, ["dashed-name", "quiet", "renamed"]);
    assert_eq!(report["composition"]["skipped"][0]["package"], "switched-off");

    projects.package("base", &format!("{}\n{listed}silent = {{ path = \"../silent\" }}\n", bedplate()), "", base);
    let fails = projects.run(&["check", "--json"]);
    let report = json(&fails);
    assert_eq!(fails.status.code(), Some(1), "{report}");
    assert_eq!(report["problems"][0]["code"], "not-linked");
    assert!(report["problems"][0]["what"].as_str().unwrap().contains("`silent`"), "{report}");
    assert!(report["problems"][0]["places"][0]["at"].as_str().unwrap().contains("main.rs:1"), "{report}");
}

#[test]
fn two_cores_in_one_program_are_named_before_anything_starts() {
    let projects = Projects::new("two-cores");
    // The workspace's crates inherit from its manifest: the copy needs that as well.
    for folder in ["core", "macros"] {
        copy(&workspace().join(folder), &projects.folder.join("other").join(folder));
        // Below this workspace's folder, cargo would let the copy inherit this workspace's version.
        let manifest = projects.folder.join("other").join(folder).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap().replace("version.workspace = true", "version = \"0.1.1\"");
        fs::write(manifest, text.replace("rust-version = \"0.1.1\"", "rust-version.workspace = true")).unwrap();
    }
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let start = manifest.find("members = [").unwrap();
    let end = start + manifest[start..].find(']').unwrap();
    let manifest = format!("{}members = [\"core\", \"macros\"{}", &manifest[..start], &manifest[end..]);
    let manifest = manifest.replace("version = \"0.1.0\"", "version = \"0.1.1\"").replace("\"=0.1.0\"", "\"=0.1.1\"");
    projects.write("other/Cargo.toml", &manifest);
    projects.package("foreign", "bedplate = { path = \"../other/core\" }", KIND, MODULE);
    let dependencies = format!("{}\nforeign = {{ path = \"../foreign\" }}", bedplate());
    projects.package("base", &dependencies, "", "bedplate::base!();\n");

    let output = projects.run(&["check", "--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(report["problems"][0]["code"], "two-cores", "{report}");
    assert!(report["problems"][0]["help"].as_str().unwrap().contains("cargo tree"), "{report}");
}

/// A module whose start says that it runs, and waits for a word; its stop says that it ran.
const SLOW: &str = r#"
#[bedplate::module]
struct Slow;

fn file(name: &str) -> std::path::PathBuf {
    std::path::Path::new(&std::env::var_os("SLOW_FOLDER").unwrap()).join(name)
}

impl bedplate::Module for Slow {
    async fn start(&self, _: &bedplate::ModuleContext) -> bedplate::Result<()> {
        std::fs::write(file("begun"), "")?;
        while !file("go").exists() {
            std::thread::yield_now();
        }
        Ok(())
    }

    async fn stop(&self) -> bedplate::Result<()> {
        Ok(std::fs::write(file("stopped"), "")?)
    }
}
"#;

#[cfg(unix)]
#[test]
fn a_base_that_is_asked_to_end_while_it_starts_ends_in_order() {
    let projects = Projects::new("slow-start");
    projects.package("slow", &bedplate(), KIND, SLOW);
    let dependencies = format!("{}\nslow = {{ path = \"../slow\" }}", bedplate());
    projects.package("base", &dependencies, "", "bedplate::base!();\n");
    let mut base = Command::new(projects.build())
        .env("SLOW_FOLDER", &projects.folder)
        .current_dir(&projects.folder)
        .spawn()
        .unwrap();
    while !projects.folder.join("begun").exists() {
        assert!(base.try_wait().unwrap().is_none(), "it ended before its module had started");
        std::thread::yield_now();
    }
    let sent = Command::new("kill").args(["-s", "TERM", &base.id().to_string()]).status().unwrap();
    assert!(sent.success());
    projects.write("go", "");
    assert_eq!(base.wait().unwrap().code(), Some(0));
    assert!(projects.folder.join("stopped").exists(), "its module was not stopped");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
