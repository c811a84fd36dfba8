//! The labels: what the base library and each object were built from and for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use anyhow::{Context, Result};
use bedplate::deploy::image::{CrateLabel, LABEL_FORMAT, ObjectLabel, SourceLabel};
use sha2::{Digest, Sha256};

use crate::build::cargo::Unit;
use crate::build::closure::ModuleUnit;
use crate::build::{Closure, Units};
use crate::failure::Failure;
use crate::record::Call;
use crate::workspace::{Module, Workspace};

/// The digests of files, each read once as long as it does not change.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    known: Mutex<BTreeMap<PathBuf, (SystemTime, u64, String)>>,
}

impl Digests {
    /// The SHA-256 of a file, in hexadecimal digits.
    pub(crate) fn of(&self, file: &Path) -> Result<String> {
        let about = fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let (modified, length) = (about.modified()?, about.len());
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((at, of, digest)) = known.get(file)
            && (*at, *of) == (modified, length)
        {
            return Ok(digest.clone());
        }
        let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let digest = hex(&bytes);
        known.insert(file.to_owned(), (modified, length, digest.clone()));
        Ok(digest)
    }
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes labels.
#[derive(Debug)]
pub(crate) struct Labels<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) units: &'a Units,
    pub(crate) closure: &'a Closure,
    pub(crate) digests: &'a Digests,
    pub(crate) profile: &'a str,
    pub(crate) compiler: &'a Compiler,
}

impl Labels<'_> {
    /// The label of the base library.
    pub(crate) fn base(&self) -> Result<ObjectLabel> {
        let base = &self.workspace.base;
        let crates = self.closure.shared.iter().map(|stem| self.a_crate(stem, true)).collect::<Result<_>>()?;
        let mut label = self.label(&base.name, &base.version, crates, &self.closure.base)?;
        label.base_fingerprint = label.fingerprint();
        Ok(label)
    }

    /// The label of a module's object.
    pub(crate) fn module(&self, module: &Module, base: &ObjectLabel, source: SourceLabel) -> Result<ObjectLabel> {
        let unit = self.closure.modules.get(&module.name).context("the module was built")?;
        let carried = unit.carried.iter().map(|stem| self.a_crate(stem, false));
        let borrowed = unit.borrowed.iter().map(|stem| self.a_crate(stem, true));
        let mut label =
            self.label(&module.name, &module.version, carried.chain(borrowed).collect::<Result<_>>()?, &unit.call)?;
        label.module = Some(module.name.clone());
        label.base_fingerprint.clone_from(&base.base_fingerprint);
        label.source = source;
        Ok(label)
    }

    /// The metadata of the crates that a module is linked with, with its digests.
    pub(crate) fn metadata(&self, unit: &ModuleUnit) -> Result<Vec<(PathBuf, String)>> {
        let stems = unit.carried.iter().chain(&unit.borrowed);
        let units = stems.map(|stem| self.units.by_stem.get(stem).with_context(|| format!("`{stem}` was built")));
        units.map(|unit| unit.and_then(|unit| Ok((unit.metadata.clone(), self.digests.of(&unit.metadata)?)))).collect()
    }

    fn label(&self, name: &str, version: &str, crates: Vec<CrateLabel>, call: &Call) -> Result<ObjectLabel> {
        let core = crates.iter().find(|one: &&CrateLabel| one.name == "bedplate").map(|one| one.version.clone());
        Ok(ObjectLabel {
            format: LABEL_FORMAT,
            module: None,
            crate_name: name.to_owned(),
            version: version.to_owned(),
            bedplate: core.with_context(|| format!("`{name}` does not depend on bedplate"))?,
            compiler: self.compiler.version.clone(),
            target: call.value("--target").unwrap_or(&self.compiler.host).to_owned(),
            profile: self.profile.to_owned(),
            flags: flags(call),
            base: self.workspace.base.name.clone(),
            base_fingerprint: String::new(),
            crates,
            source: SourceLabel::default(),
        })
    }

    fn a_crate(&self, stem: &str, in_base: bool) -> Result<CrateLabel> {
        let unit: &Unit = self.units.by_stem.get(stem).with_context(|| format!("`{stem}` was built"))?;
        let package = self.workspace.packages.get(&unit.package).with_context(|| format!("`{stem}` has a package"))?;
        Ok(CrateLabel {
            name: package.name.to_string(),
            version: package.version.to_string(),
            features: unit.features.clone(),
            metadata: self.digests.of(&unit.metadata)?,
            in_base,
            kind: self.closure.kind(self.workspace, self.units, stem),
        })
    }
}

/// The flags of code generation that all objects of a base share.
fn flags(call: &Call) -> Vec<String> {
    const SHARED: [&str; 9] = [
        "opt-level",
        "debug-assertions",
        "overflow-checks",
        "panic",
        "target-cpu",
        "target-feature",
        "relocation-model",
        "force-frame-pointers",
        "lto",
    ];
    let mut flags: Vec<_> = call
        .codegen()
        .filter(|option| SHARED.contains(&option.split('=').next().unwrap_or_default()))
        .map(str::to_owned)
        .collect();
    flags.sort();
    flags.dedup();
    flags
}

/// The compiler that cargo uses.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    /// As `rustc --version` says it.
    pub(crate) version: String,
    /// The target that it builds for where none is named.
    pub(crate) host: String,
    /// The folder of the standard library's own files.
    pub(crate) libraries: PathBuf,
}

impl Compiler {
    /// Asks the compiler of a call.
    pub(crate) fn of(call: &Call) -> Result<Self> {
        let ask = |arguments: &[&str]| -> Result<String> {
            let output = call.command().args(arguments).output().context("rustc cannot be run")?;
            if !output.status.success() {
                return Err(Failure::error("no-compiler", "rustc does not answer", "check the toolchain: `rustc -vV`"));
            }
            String::from_utf8(output.stdout).context("rustc answers in text")
        };
        let about = ask(&["-vV"])?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names its host")?;
        let mut libraries = vec!["--print", "target-libdir"];
        libraries.extend(call.value("--target").into_iter().flat_map(|target| ["--target", target]));
        Ok(Self {
            version: about.lines().next().unwrap_or_default().to_owned(),
            host: host.to_owned(),
            libraries: ask(&libraries)?.trim().into(),
        })
    }

    /// The standard library's shared object.
    pub(crate) fn standard_library(&self) -> Result<PathBuf> {
        let files =
            fs::read_dir(&self.libraries).with_context(|| format!("{} cannot be read", self.libraries.display()))?;
        let is_std = |file: &PathBuf| {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("libstd-") && (name.ends_with(".so") || name.ends_with(".dylib"))
        };
        files.filter_map(|entry| Some(entry.ok()?.path())).find(is_std).ok_or_else(|| {
            Failure::error(
                "no-shared-std",
                format!("the toolchain has no shared standard library in {}", self.libraries.display()),
                "a bundle needs a target whose toolchain has one, such as x86_64-unknown-linux-gnu",
            )
        })
    }
}
