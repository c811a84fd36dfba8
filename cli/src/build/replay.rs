//! A module's own call of rustc, replayed as a shared object: no cargo is on this path.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bedplate::deploy::image::{LABEL_SECTION, LABEL_SECTION_MACHO, ObjectLabel, SourceLabel};

use crate::build::label::{Digests, Labels, hex};
use crate::build::link::{kept, linker_arguments, run, text};
use crate::build::stamp::{Stamp, dependencies, variables};
use crate::build::{BaseLibrary, Checkout};
use crate::failure::Failure;
use crate::workspace::{Module, Workspace};

/// All that is needed to make a module's object anew, without asking cargo.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    /// The module.
    pub(crate) module: String,
    call: crate::record::Call,
    label: ObjectLabel,
    library: PathBuf,
    library_name: String,
    /// The libraries of the base, which no object may carry as well.
    borrowed: Vec<String>,
    /// Folder for what belongs to the link.
    folder: PathBuf,
    /// The folder of the module's package.
    package: PathBuf,
    /// The folders whose state says whether the source is dirty.
    local: Vec<PathBuf>,
    /// The metadata of the crates that it is linked with, with their digests as the label has them.
    linked_with: Vec<(PathBuf, String)>,
}

/// A module's object, linked.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The module's package.
    pub(crate) module: String,
    /// What the module is called; by default as its package.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// How long the compiler took; nothing where the object was still what it would be.
    pub(crate) took: Option<Duration>,
}

impl Replay {
    /// Takes down what it needs.
    pub(crate) fn of(workspace: &Workspace, labels: &Labels<'_>, base: &BaseLibrary, module: &Module) -> Result<Self> {
        let unit = labels.closure.modules.get(&module.name).with_context(|| format!("`{}` was built", module.name))?;
        let folder = workspace.output.join("link").join(&module.name);
        fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        Ok(Self {
            module: module.name.clone(),
            call: unit.call.clone(),
            label: labels.module(module, &base.label, SourceLabel::default())?,
            library: base.library.clone(),
            library_name: base.crate_name.clone(),
            borrowed: unit.borrowed.iter().cloned().collect(),
            folder,
            package: module.folder.clone(),
            local: module.local.iter().cloned().collect(),
            linked_with: labels.metadata(unit)?,
        })
    }

    /// What the object is built from and for, without its revision.
    pub(crate) fn label(&self) -> &ObjectLabel {
        &self.label
    }

    /// Where the object is written.
    pub(crate) fn object(&self) -> PathBuf {
        self.folder.join(format!("{}.so", self.module))
    }

    /// What the module is called, as far as that is known: its code says so.
    pub(crate) fn name(&self) -> String {
        module_name(&self.object()).unwrap_or_else(|| self.module.clone())
    }

    /// Whether what it is linked with is still what its label says. Another process may have built it anew.
    pub(crate) fn fits(&self, digests: &Digests) -> bool {
        self.linked_with.iter().all(|(file, digest)| digests.of(file).is_ok_and(|now| now == *digest))
    }

    /// The files that the object was compiled from, where it was.
    pub(crate) fn read_files(&self) -> Vec<PathBuf> {
        let read = fs::read_to_string(self.folder.join("object.d")).unwrap_or_default();
        dependencies(&read, &self.call.folder)
    }

    /// Whether the object is still what it would be.
    pub(crate) fn is_fresh(&self) -> bool {
        self.holds(&self.inputs(&package_files(&self.package)))
    }

    fn holds(&self, inputs: &str) -> bool {
        let read = fs::read_to_string(self.folder.join("object.d")).unwrap_or_default();
        // A variable that the crate has read may have another value, in cargo's configuration too.
        Stamp::read(&self.stamp_file()).is_some_and(|stamp| stamp.still_holds(inputs))
            && variables(&read).iter().all(|(name, value)| self.call.variable(name) == *value)
    }

    fn stamp_file(&self) -> PathBuf {
        self.folder.join("stamp.json")
    }

    fn made(&self, file: PathBuf, took: Option<Duration>) -> Object {
        Object { module: self.module.clone(), name: self.name(), file, took }
    }

    /// Makes the object, where it is not what it would be, or names another revision than that of its sources.
    pub(crate) fn run(&self, checkout: &Checkout) -> Result<Object> {
        let object = self.object();
        let stamp_file = self.stamp_file();
        let package = package_files(&self.package);
        let inputs = self.inputs(&package);
        let label_file = self.folder.join("label.json");
        if self.holds(&inputs)
            && written_label(&label_file).is_some_and(|label| checkout.agrees(&label.source, &self.local))
        {
            return Ok(self.made(object, None));
        }
        let _ = fs::remove_file(&stamp_file);
        let since = Instant::now();
        let label = ObjectLabel { source: checkout.source(&self.local), ..self.label.clone() };
        fs::write(&label_file, label.to_json())?;
        let before = std::time::SystemTime::now();
        let output = run(&mut self.command(&object, &label_file)?, &format!("`{}`", self.module))?;
        self.verify(&output)?;
        let files = self.read_files();
        // A file that was saved while the compiler ran may not be in the object.
        let is_settled = files
            .iter()
            .chain(&package)
            .all(|file| fs::metadata(file).and_then(|about| about.modified()).is_ok_and(|modified| modified < before));
        if is_settled {
            let files = files.into_iter().chain(package).chain([object.clone(), self.library.clone()]);
            Stamp::of(inputs, files).write(&stamp_file);
        }
        Ok(self.made(object, Some(since.elapsed())))
    }

    /// What the object is made from, beside what is in the files. The revision is none of it.
    fn inputs(&self, package: &BTreeSet<PathBuf>) -> String {
        let version = env!("CARGO_PKG_VERSION");
        hex(format!("{}\n{:?}\n{package:?}\n{version}", self.label.to_json(), self.call.arguments).as_bytes())
    }

    /// The call of the compiler.
    fn command(&self, object: &Path, label: &Path) -> Result<Command> {
        let call = &self.call;
        let mut rustc = call.command();
        rustc
            .args(["--crate-name", call.crate_name(), "--crate-type", "cdylib", "-C", "prefer-dynamic", "-o"])
            .arg(object)
            .arg(format!("--emit=link,dep-info={}", text(&self.folder.join("object.d"))?))
            .args([
                "--print=link-args",
                "--color",
                if std::io::IsTerminal::is_terminal(&std::io::stderr()) { "always" } else { "never" },
            ])
            .args(kept(call))
            .args(linker_arguments(&self.label.target))
            .env("BEDPLATE_BASE_LIBRARY", &self.library_name)
            .env("BEDPLATE_OBJECT_LABEL", label);
        if std::env::var("CARGO_INCREMENTAL").as_deref() != Ok("0") {
            rustc.args(["-C".to_owned(), format!("incremental={}", text(&self.folder.join("incremental"))?)]);
        }
        if let Some(metadata) = call.metadata() {
            // The same for every generation: else nothing of the last compilation can be used.
            rustc.args(["-C".to_owned(), format!("metadata={metadata}")]);
        }
        for one in call.externs() {
            match &one.path {
                Some(path) => {
                    let library = if path.extension().is_some_and(|end| end == "rmeta") {
                        path.with_extension("rlib")
                    } else {
                        path.clone()
                    };
                    rustc.args(["--extern".to_owned(), one.argument(&library)]);
                }
                None => {
                    rustc.args(["--extern", &one.name]);
                }
            }
        }
        rustc.args(["--extern".to_owned(), format!("{}={}", self.library_name, text(&self.library)?)]);
        rustc.arg(call.root().context("a library has a root file")?);
        Ok(rustc)
    }

    /// Whether the object has the base's crates from the base library, and carries none of them.
    fn verify(&self, link: &str) -> Result<()> {
        let twice = self.borrowed.iter().find(|stem| link.contains(&format!("/{stem}.rlib")));
        if let Some(stem) = twice {
            return Err(Failure::error(
                "base-crate-twice",
                format!("the object of `{}` would carry `{stem}`, which is in the base library", self.module),
                "this is a fault of the tool: build with `cargo bedplate build`, and report it",
            ));
        }
        let library = self.library.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !link.contains(library) && !link.contains(&format!("-l{}", self.library_name)) {
            return Err(Failure::error(
                "not-bound",
                format!("the object of `{}` is not linked to the base library", self.module),
                "it has to depend on `bedplate`, with `#[bedplate::module]` in its root",
            ));
        }
        Ok(())
    }
}

/// The label that the object beside it was linked with.
fn written_label(file: &Path) -> Option<ObjectLabel> {
    ObjectLabel::from_json(&fs::read_to_string(file).ok()?).ok()
}

/// The name in an object's label.
fn module_name(file: &Path) -> Option<String> {
    use object::{Object as _, ObjectSection as _};
    let bytes = fs::read(file).ok()?;
    let parsed = object::File::parse(&*bytes).ok()?;
    let section = parsed.section_by_name(LABEL_SECTION).or_else(|| parsed.section_by_name(LABEL_SECTION_MACHO))?;
    ObjectLabel::from_json(std::str::from_utf8(section.data().ok()?).ok()?).ok()?.module
}

/// The files that a package may be built from. The compiler does not name all that it reads: a new file
/// among the migrations is named nowhere.
fn package_files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_aside = next == folder && matches!(&*name, "tests" | "benches" | "examples" | "target" | "docs");
            if is_aside || name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            match entry.file_type() {
                // A package inside this one is not part of it.
                Ok(kind) if kind.is_dir() && !path.join("Cargo.toml").exists() => open.push(path),
                Ok(kind) if kind.is_file() => {
                    files.insert(path);
                }
                _ => {}
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_its_files_without_what_stands_aside() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "Cargo.toml",
            "src/lib.rs",
            "migrations/1_a.sql",
            "tests/it.rs",
            ".git/HEAD",
            "inner/Cargo.toml",
            "inner/src/lib.rs",
            "src/lib.rs~",
        ] {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let files = package_files(folder.path());
        let names: Vec<_> =
            files.iter().map(|file| file.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["Cargo.toml", "migrations/1_a.sql", "src/lib.rs"]);
    }
}
