//! What serves, written as a bundle of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::bundle::{Bundle, BundledModule};
use super::bundled::Bundled;
use super::incoming::Serving;
use crate::compose::Problem;
use crate::deploy::store::{disk_problem, now_ms, private};

/// A bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub bundle: Bundle,
}

/// Writes a bundle: executable, libraries and settings as they are, the objects that serve. The manifest comes last, so
/// that half of a bundle is none.
pub(super) fn write_snapshot(bundled: &Bundled, serving: &Serving, settings: &Path) -> Result<Snapshot, Problem> {
    let all = bundled.state.join("snapshots");
    let failed = |error: io::Error| disk_problem("the snapshot cannot be written", &all, &error);
    private::make_folder(&all).map_err(failed)?;
    let name = format!("{}-{}", bundled.manifest.base, now_ms());
    let incoming = all.join(format!("{}{name}", private::INCOMING));
    let written = write(bundled, serving, settings, &incoming, &failed);
    let folder = all.join(name);
    let placed = written.and_then(|bundle| {
        fs::rename(&incoming, &folder).and_then(|()| private::sync_folder(&all)).map_err(failed)?;
        Ok(bundle)
    });
    if placed.is_err() {
        // Nothing half-written stays; what cannot be removed is not named as a snapshot.
        let _ = fs::remove_dir_all(&incoming);
    }
    Ok(Snapshot { folder, bundle: placed? })
}

fn write(
    bundled: &Bundled,
    serving: &Serving,
    settings: &Path,
    to: &Path,
    failed: &dyn Fn(io::Error) -> Problem,
) -> Result<Bundle, Problem> {
    for folder in ["", "bin", "lib", "modules"] {
        private::make_folder(&to.join(folder)).map_err(failed)?;
    }
    copy(&bundled.folder.join(&bundled.manifest.executable), &to.join(&bundled.manifest.executable)).map_err(failed)?;
    copy_files(&bundled.folder.join("lib"), &to.join("lib"), |_| true).map_err(failed)?;
    let is_settings = |name: &str| name.starts_with("bedplate.") && name.ends_with(".toml");
    copy_files(settings, to, is_settings).map_err(failed)?;
    let mut modules: BTreeMap<&str, BundledModule> = BTreeMap::new();
    for object in serving.specs.values().filter_map(|spec| spec.origin().object()) {
        let name = object.label().module.as_deref().unwrap_or_default();
        if modules.contains_key(name) {
            continue;
        }
        // From the store, where they are verified, and not from what is mapped.
        let bytes = bundled.store.bytes(object.digest())?;
        private::write(&to.join("modules"), &format!("{name}.so"), &bytes).map_err(failed)?;
        let module = BundledModule {
            name: name.to_owned(),
            file: format!("modules/{name}.so"),
            digest: object.digest(),
            build_id: object.build_id().clone(),
        };
        modules.insert(name, module);
    }
    let bundle = Bundle { modules: modules.into_values().collect(), ..bundled.manifest.clone() };
    let text = serde_json::to_vec_pretty(&bundle).map_err(|error| failed(io::Error::other(error)))?;
    private::write(to, Bundle::FILE, &text).map_err(failed)?;
    Ok(bundle)
}

fn copy_files(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name().to_str().is_some_and(&wanted) {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Copies a file with its mode, and syncs it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()
}
