//! Where the objects of a command come from: files that it names, or the bundle that it runs from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bedplate::base::bundle_folder;
use bedplate_admin_client::ClientError;
use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::protocol::Refusal;
use serde::Deserialize;
use serde_json::Value;

/// What a command reads of a bundle's manifest.
#[derive(Deserialize)]
struct Manifest {
    modules: Vec<BundledModule>,
}

#[derive(Deserialize)]
struct BundledModule {
    name: String,
    file: PathBuf,
}

/// The objects of these modules in the bundle that this program runs from; `None` where it is no part of one.
pub(super) fn bundled(modules: &[String]) -> Result<Option<Vec<PathBuf>>, ClientError> {
    bundle_folder().map(|folder| bundled_in(&folder, modules)).transpose()
}

fn bundled_in(folder: &Path, modules: &[String]) -> Result<Vec<PathBuf>, ClientError> {
    let path = folder.join("bundle.json");
    let broken = |cause: String| {
        let what = format!("the bundle's manifest {} cannot be read: {cause}", path.display());
        refused("bundle-unreadable", what, "build the bundle again: `cargo bedplate build`")
    };
    let text = std::fs::read(&path).map_err(|error| broken(error.to_string()))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    let file = |module: &String| {
        let found = manifest.modules.iter().find(|bundled| bundled.name == *module);
        found.map(|bundled| folder.join(&bundled.file)).ok_or_else(|| {
            let what = format!("the bundle in {} has no module `{module}`", folder.display());
            let names: Vec<_> = manifest.modules.iter().map(|bundled| bundled.name.as_str()).collect();
            refused(
                "not-in-bundle",
                what,
                &format!("it has {}; another object goes by its file: `install FILE`", names.join(", ")),
            )
        })
    };
    modules.iter().map(file).collect()
}

/// The signature of an object: the file that was named for it, else the one beside it, as minisign writes it.
pub(super) fn signature(object: &Path, named: Option<&Path>) -> Result<Option<String>, ClientError> {
    let beside = || {
        let mut name = object.as_os_str().to_owned();
        name.push(".minisig");
        Some(PathBuf::from(name)).filter(|path| path.exists())
    };
    let Some(path) = named.map(Path::to_path_buf).or_else(beside) else { return Ok(None) };
    std::fs::read_to_string(&path).map(Some).map_err(|error| {
        let what = format!("the signature {} cannot be read: {error}", path.display());
        refused("signature-unreadable", what, "name the file that `minisign -S` wrote: `--signature FILE`")
    })
}

/// The digest that begins like this, among the objects that served the module.
pub(super) fn digest(base: &Client, modules: &[String], begin: &str) -> Result<String, ClientError> {
    let history = base.get("history?limit=1000")?;
    digest_in(&history, modules, begin)
}

fn digest_in(history: &Value, modules: &[String], begin: &str) -> Result<String, ClientError> {
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let members = list(&history["deployments"]).into_iter().flat_map(|past| list(&past["members"]));
    let of_module = members.filter(|member| modules.iter().any(|module| member["module"] == **module));
    let digests = of_module.filter_map(|member| member["digest"].as_str().map(str::to_owned));
    let found: BTreeSet<_> = digests.filter(|digest| digest.starts_with(begin)).collect();
    match found.len() {
        1 => Ok(found.into_iter().collect()),
        0 => Err(refused(
            "unknown-digest",
            format!("no object whose digest begins with `{begin}` has served {}", modules.join(", ")),
            "see `history`",
        )),
        count => Err(refused("ambiguous-digest", format!("{count} digests begin with `{begin}`"), "write more of it")),
    }
}

fn refused(code: &str, what: String, help: &str) -> ClientError {
    ClientError::Refused(Refusal::new(code, what, help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_where_the_manifest_says() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("bundle.json"),
            r#"{ "format": 1, "modules": [{ "name": "comments", "file": "modules/comments.so", "digest": "00" }] }"#,
        )
        .unwrap();
        let found = bundled_in(folder.path(), &["comments".to_owned()]).unwrap();
        assert_eq!(found, [folder.path().join("modules/comments.so")]);
        let error = bundled_in(folder.path(), &["tags".to_owned()]).unwrap_err();
        assert_eq!(error.refusal().code, "not-in-bundle");
        assert!(error.refusal().help.contains("comments"));
    }

    #[test]
    fn a_digest_is_known_by_its_beginning() {
        let history = serde_json::json!({ "deployments": [
            { "members": [{ "module": "comments", "digest": "aab1" }, { "module": "tags", "digest": "aac2" }] },
            { "members": [{ "module": "comments", "digest": "aab1" }, { "module": "comments", "digest": "abb3" }] },
        ] });
        let comments = ["comments".to_owned()];
        assert_eq!(digest_in(&history, &comments, "aa").unwrap(), "aab1");
        assert_eq!(digest_in(&history, &comments, "a").unwrap_err().refusal().code, "ambiguous-digest");
        assert_eq!(digest_in(&history, &comments, "ff").unwrap_err().refusal().code, "unknown-digest");
    }

    #[test]
    fn a_signature_beside_the_object_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let object = folder.path().join("comments.so");
        assert_eq!(signature(&object, None).unwrap(), None);
        std::fs::write(folder.path().join("comments.so.minisig"), "signed").unwrap();
        assert_eq!(signature(&object, None).unwrap().as_deref(), Some("signed"));
        let missing = signature(&object, Some(&folder.path().join("none"))).unwrap_err();
        assert_eq!(missing.refusal().code, "signature-unreadable");
    }
}
