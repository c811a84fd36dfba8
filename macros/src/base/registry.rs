//! Dependencies that are not folders beside the base: from a registry, from git, vendored.
//!
//! Only cargo knows where their manifests are. It is asked where one of them uses bedplate, which
//! the lock file tells; and where it cannot answer, they are linked and not listed.

use std::fs;
use std::process::Command;

use serde_json::Value as Json;
use toml::{Table, Value};

use super::listed::{self, Known};
use crate::compiler::{self, Invocation};
use crate::ctxt::Ctxt;
use crate::manifest::{Dependency, Manifest};

/// Completes what is known of the dependencies without a path.
pub(super) fn complete(
    ctxt: &Ctxt,
    manifest: &Manifest,
    invocation: &Invocation,
    dependencies: &[Dependency],
    known: &mut [Known],
) {
    let distant: Vec<_> = (0..dependencies.len()).filter(|index| dependencies[*index].path.is_none()).collect();
    let lock = fs::read_to_string(manifest.lock_file()).ok().and_then(|text| text.parse::<Table>().ok());
    // A library may have a name that only its own manifest tells.
    let is_missing = |index: usize| {
        !invocation.externs.is_empty()
            && !dependencies[index].conditional
            && !invocation.externs.contains(&known[index].crate_name)
    };
    let is_wanted = |index: &usize| {
        is_missing(*index) || lock.as_ref().is_none_or(|lock| uses_bedplate(lock, &dependencies[*index].package))
    };
    if invocation.externs.is_empty() || !distant.iter().any(is_wanted) {
        return;
    }
    let Some(metadata) = metadata(manifest, invocation) else { return };
    for index in distant {
        let Some(package) = package(&metadata, &dependencies[index].package, manifest) else { continue };
        let entry = &mut known[index];
        if let Some(kind) = package["metadata"]["bedplate"]["kind"].as_str() {
            entry.kind = listed::named(ctxt, &entry.package, kind);
        }
        if let Some(library) = library(package).filter(|_| !dependencies[index].renamed) {
            entry.crate_name = library;
            entry.linked = listed::linked(invocation, &entry.crate_name, dependencies[index].conditional);
        }
    }
}

/// Whether a package in the lock file depends on bedplate.
fn uses_bedplate(lock: &Table, package: &str) -> bool {
    let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
    let of_name = packages.filter(|entry| entry.get("name").and_then(Value::as_str) == Some(package));
    of_name
        .filter_map(|entry| entry.get("dependencies")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .any(|dependency| dependency.split(' ').next() == Some("bedplate"))
}

fn metadata(manifest: &Manifest, invocation: &Invocation) -> Option<Json> {
    let cargo = compiler::variable("CARGO")?;
    let target = invocation.target.clone().or_else(|| host(&cargo));
    let mut command = Command::new(cargo);
    command.args(["metadata", "--offline", "--format-version", "1", "--manifest-path"]).arg(manifest.file());
    if let Some(target) = target {
        command.args(["--filter-platform", &target]);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    serde_json::from_slice(&output.stdout).ok()
}

/// The platform that cargo runs on, which it builds for where no target is named.
fn host(cargo: &str) -> Option<String> {
    let output = Command::new(cargo).arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

/// The package of this name that the base depends on, of several versions the right one.
fn package<'a>(metadata: &'a Json, name: &str, manifest: &Manifest) -> Option<&'a Json> {
    let packages = metadata["packages"].as_array()?;
    let base = packages
        .iter()
        .find(|package| Some(manifest.file().as_os_str()) == package["manifest_path"].as_str().map(str::as_ref))?;
    let nodes = metadata["resolve"]["nodes"].as_array()?;
    let node = nodes.iter().find(|node| node["id"] == base["id"])?;
    let ids = node["deps"].as_array()?.iter().map(|dependency| &dependency["pkg"]);
    ids.filter_map(|id| packages.iter().find(|package| package["id"] == *id)).find(|package| package["name"] == name)
}

/// The name of a package's library.
fn library(package: &Json) -> Option<String> {
    const LIBRARIES: [&str; 6] = ["lib", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"];
    let is_library = |target: &&Json| {
        let kinds = target["kind"].as_array().into_iter().flatten();
        kinds.filter_map(Json::as_str).any(|kind| LIBRARIES.contains(&kind))
    };
    let target = package["targets"].as_array()?.iter().find(is_library)?;
    Some(target["name"].as_str()?.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_tells_who_uses_bedplate() {
        let lock: Table = "[[package]]\nname = \"starter-cache\"\ndependencies = [\"anyhow\", \"bedplate 0.1.0\"]\n\
                           [[package]]\nname = \"anyhow\"\n"
            .parse()
            .unwrap();
        assert!(uses_bedplate(&lock, "starter-cache"));
        assert!(!uses_bedplate(&lock, "anyhow"));
    }

    /// What stands in for a registry here: a patch, which gives the dependency no path either.
    #[test]
    fn cargo_is_asked_about_what_has_no_path() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("base/src/main.rs", "fn main() {}");
        write("bedplate/src/lib.rs", "");
        write("bedplate/Cargo.toml", "[package]\nname = \"bedplate\"\nversion = \"1.0.0\"\n");
        write("cache/src/lib.rs", "");
        write(
            "cache/Cargo.toml",
            "[package]\nname = \"starter-cache\"\nversion = \"1.0.0\"\nmetadata.bedplate.kind = \"starter\"\n\
             [lib]\nname = \"caching\"\n[dependencies]\nbedplate = \"1\"\n",
        );
        write(
            "base/Cargo.toml",
            "[package]\nname = \"base\"\nversion = \"1.0.0\"\n[workspace]\n[dependencies]\nstarter-cache = \"1\"\n\
             [patch.crates-io]\nstarter-cache = { path = \"../cache\" }\nbedplate = { path = \"../bedplate\" }\n",
        );
        let base = folder.path().join("base").canonicalize().unwrap();
        let cargo = compiler::variable("CARGO").expect("cargo runs the tests");
        let locked = Command::new(cargo).args(["generate-lockfile", "--offline"]).current_dir(&base).status().unwrap();
        assert!(locked.success());

        let ctxt = Ctxt::new();
        let externs = ["caching".to_owned()].into();
        let invocation = Invocation { externs, ..Invocation::default() };
        let known = listed::all(&ctxt, &Manifest::read(&base).unwrap(), &invocation);
        assert_eq!(ctxt.finish().to_string(), "");
        assert_eq!(known.len(), 1);
        assert_eq!((known[0].package.as_str(), known[0].crate_name.as_str()), ("starter-cache", "caching"));
        assert_eq!((known[0].kind, known[0].linked), (Some(listed::Kind::Starter), listed::Linked::Yes));
    }

    #[test]
    fn a_package_is_that_of_the_base() {
        let metadata = serde_json::json!({
            "packages": [
                { "name": "base", "id": "b", "manifest_path": "/base/Cargo.toml" },
                { "name": "cache", "id": "c1", "targets": [] },
                { "name": "cache", "id": "c2", "targets": [{ "kind": ["lib"], "name": "cache-two" }] },
            ],
            "resolve": { "nodes": [{ "id": "b", "deps": [{ "name": "cache", "pkg": "c2" }] }] },
        });
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        let manifest = Manifest::read(folder.path()).unwrap();
        let mut metadata = metadata;
        metadata["packages"][0]["manifest_path"] = manifest.file().to_str().unwrap().into();
        let found = package(&metadata, "cache", &manifest).unwrap();
        assert_eq!(found["id"], "c2");
        assert_eq!(library(found).as_deref(), Some("cache_two"));
    }
}
