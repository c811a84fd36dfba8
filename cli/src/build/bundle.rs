//! The bundle: a folder with all that a base needs to run, from anywhere on a like machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bedplate::deploy::image::ObjectLabel;
use serde::{Deserialize, Serialize};

use crate::build::label::{Compiler, Digests};
use crate::build::{BaseLibrary, Object};
use crate::workspace::Workspace;

/// The manifest of a bundle, `bundle.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Bundle {
    /// The version of this form.
    pub(crate) format: u32,
    /// The base's name.
    pub(crate) base: String,
    /// The executable, from the bundle's folder.
    pub(crate) executable: String,
    /// The base library, from the bundle's folder.
    pub(crate) library: String,
    /// What the base was built from.
    pub(crate) label: ObjectLabel,
    /// The modules.
    pub(crate) modules: Vec<BundledModule>,
}

/// One module in a bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BundledModule {
    /// Its name.
    pub(crate) name: String,
    /// Its object, from the bundle's folder.
    pub(crate) file: String,
    /// The SHA-256 of the object.
    pub(crate) digest: String,
    /// What the linker calls this very build.
    pub(crate) build_id: String,
}

/// Writes a bundle: each file beside the old one and then in its place, the manifest last.
pub(crate) fn write_bundle(
    workspace: &Workspace,
    to: &Path,
    base: &BaseLibrary,
    compiler: &Compiler,
    objects: &[Object],
) -> Result<Bundle> {
    for folder in ["bin", "lib", "modules"] {
        let folder = to.join(folder);
        fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    let digests = Digests::default();
    let executable = format!("bin/{}", workspace.base.binary);
    place(&base.executable, &to.join(&executable))?;
    let library = format!("lib/{}", name_of(&base.library)?);
    place(&base.library, &to.join(&library))?;
    let standard = compiler.standard_library()?;
    place(&standard, &to.join("lib").join(name_of(&standard)?))?;
    let mut modules = Vec::new();
    for object in objects {
        let file = format!("modules/{}.so", object.name);
        place(&object.file, &to.join(&file))?;
        modules.push(BundledModule {
            name: object.name.clone(),
            digest: digests.of(&object.file)?,
            build_id: build_id(&object.file)?,
            file,
        });
    }
    let settings = workspace.base.folder.join("bedplate.toml");
    // Settings are the bundle owner's: what is there is not written over.
    if settings.exists() && !to.join("bedplate.toml").exists() {
        place(&settings, &to.join("bedplate.toml"))?;
    }
    let bundle = Bundle {
        format: 1,
        base: workspace.base.name.clone(),
        executable,
        library,
        label: base.label.clone(),
        modules,
    };
    let text = serde_json::to_vec_pretty(&bundle)?;
    let new = to.join("bundle.json.new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, to.join("bundle.json")))
        .context("the manifest cannot be written")?;
    Ok(bundle)
}

/// Puts a copy in place. A file that is the same is left alone; one that runs is not written into.
pub(crate) fn place(from: &Path, to: &Path) -> Result<()> {
    if is_same(from, to) {
        return Ok(());
    }
    let new = PathBuf::from(format!("{}.new", to.display()));
    fs::copy(from, &new)
        .and_then(|_| fs::File::options().read(true).open(&new)?.sync_all())
        .and_then(|()| fs::rename(&new, to))
        .inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })
        .with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))
}

fn is_same(one: &Path, other: &Path) -> bool {
    let same = || -> io::Result<bool> {
        let (a, b) = (fs::metadata(one)?, fs::metadata(other)?);
        Ok(a.len() == b.len() && fs::read(one)? == fs::read(other)?)
    };
    same().unwrap_or(false)
}

fn name_of(file: &Path) -> Result<&str> {
    file.file_name().and_then(|name| name.to_str()).with_context(|| format!("{} has a name", file.display()))
}

/// The linker's build id of an object, in hexadecimal digits.
pub(crate) fn build_id(file: &Path) -> Result<String> {
    use object::Object as _;
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let parsed = object::File::parse(&*bytes).with_context(|| format!("{} is no object", file.display()))?;
    let id = parsed.build_id().ok().flatten().map(<[u8]>::to_vec);
    let id = id.or_else(|| parsed.mach_uuid().ok().flatten().map(|uuid| uuid.to_vec()));
    let id = id.with_context(|| format!("{} has no build id", file.display()))?;
    Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
}
