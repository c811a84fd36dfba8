//! The manifest of a bundle: `bundle.json`.

use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::compose::{Place, Problem};
use crate::deploy::image::{BuildId, Digest, ObjectLabel};

/// What a bundle is made of. All paths start from its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The version of this form: 1.
    pub format: u32,
    /// The name of the base.
    pub base: String,
    /// The executable.
    pub executable: String,
    /// The base library.
    pub library: String,
    /// What the base was built from.
    pub label: ObjectLabel,
    /// The modules.
    pub modules: Vec<BundledModule>,
}

/// One module of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledModule {
    /// Its name.
    pub name: String,
    /// Its object.
    pub file: String,
    /// The SHA-256 of the object.
    pub digest: Digest,
    /// The linker's build id of the object.
    pub build_id: BuildId,
}

impl Bundle {
    /// The version of the form that is read and written.
    pub const FORMAT: u32 = 1;

    /// The name of the manifest, in the bundle's folder.
    pub const FILE: &'static str = "bundle.json";

    /// Reads the manifest of the bundle in a folder.
    ///
    /// # Errors
    ///
    /// Where there is none, or it cannot be understood.
    pub fn read(folder: &Path) -> Result<Self, Problem> {
        let path = folder.join(Self::FILE);
        let unreadable = |why: String| Problem {
            code: "bundle-unreadable",
            what: format!("the manifest of the bundle cannot be read: {why}"),
            places: vec![Place { what: "the manifest".to_owned(), at: path.display().to_string() }],
            help: "build the bundle again: `cargo bedplate build`".to_owned(),
        };
        let bytes = std::fs::read(&path).map_err(|error: io::Error| unreadable(error.to_string()))?;
        let bundle: Self = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if bundle.format != Self::FORMAT {
            return Err(unreadable(format!("it has the form {}, and this base reads {}", bundle.format, Self::FORMAT)));
        }
        let modules = bundle.modules.iter().map(|module| &module.file);
        let mut paths = [&bundle.executable, &bundle.library].into_iter().chain(modules);
        if let Some(path) = paths.find(|path| !is_inside(path)) {
            return Err(unreadable(format!("`{path}` leads out of the bundle")));
        }
        drop(paths);
        Ok(bundle)
    }

    /// The file name of the base library.
    #[must_use]
    pub fn library_name(&self) -> &str {
        self.library.rsplit('/').next().unwrap_or_default()
    }
}

/// Whether a path stays in the folder that it starts from.
fn is_inside(path: &str) -> bool {
    PathBuf::from(path).components().all(|component| matches!(component, Component::Normal(_)))
}
