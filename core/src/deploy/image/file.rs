//! One object file, read and checked before anything of it is loaded.

use super::facts::Facts;
use super::fit::differences;
use super::flaw::{Constructor, Flaw};
use super::identity::{BuildId, Digest};
use super::label::{LABEL_FORMAT, ObjectLabel};
use super::{elf, macho};
use crate::compose::Problem;
use crate::descriptors::ModuleName;

/// An object file that says what it is, and is one that the loader can take.
#[derive(Debug, Clone)]
pub struct ObjectFile {
    label: ObjectLabel,
    digest: Digest,
    build_id: BuildId,
    needed: Vec<String>,
    constructors: Vec<Constructor>,
    statics: Vec<(String, String)>,
    has_entry: bool,
}

/// What an object must fit.
#[derive(Debug, Clone, Copy)]
pub struct Fit<'a> {
    /// The label of the base.
    pub base: &'a ObjectLabel,
    /// The file name of the base library.
    pub library: &'a str,
    /// The module that was asked for; `None`: whatever the label says.
    pub module: Option<&'a ModuleName>,
    /// Crates and functions that may run code while they are loaded.
    pub allow_constructors: &'a [String],
}

/// Reads the bytes of an object file, whatever they are: it never panics, and runs nothing of them.
///
/// # Errors
///
/// All that keeps the file from being an object of bedplate.
pub fn inspect(bytes: &[u8]) -> Result<ObjectFile, Vec<Flaw>> {
    inspect_as(Digest::of(bytes), bytes)
}

/// The same for bytes whose digest is known: without optimization, it takes longer than all the rest.
pub(crate) fn inspect_as(digest: Digest, bytes: &[u8]) -> Result<ObjectFile, Vec<Flaw>> {
    let facts = read(bytes).map_err(|flaw| vec![flaw])?;
    let mut flaws = facts.flaws.clone();
    let label = facts.label.as_deref().ok_or(Flaw::NoLabel).and_then(read_label);
    let label = label.map_err(|flaw| flaws.push(flaw)).ok();
    let build_id = facts.build_id.clone().ok_or(Flaw::NoBuildId).map_err(|flaw| flaws.push(flaw)).ok();
    match (label, build_id) {
        (Some(label), Some(build_id)) if flaws.is_empty() => {
            let Facts { needed, constructors, statics, has_entry, .. } = facts;
            Ok(ObjectFile { label, digest, build_id, needed, constructors, statics, has_entry })
        }
        _ => Err(flaws),
    }
}

fn read(bytes: &[u8]) -> Result<Facts, Flaw> {
    // The 64-bit ones; a Mach-O file in either order of bytes.
    const MACHO: [[u8; 4]; 2] = [[0xcf, 0xfa, 0xed, 0xfe], [0xfe, 0xed, 0xfa, 0xcf]];
    const ELF: &[u8] = b"\x7fELF";
    if bytes.is_empty() {
        return Err(Flaw::Empty);
    }
    let is_macho = MACHO.iter().any(|magic| bytes.starts_with(magic));
    let wants = || format!("{} ({})", std::env::consts::ARCH, std::env::consts::OS);
    match (bytes.starts_with(ELF), is_macho, cfg!(target_vendor = "apple")) {
        (true, _, false) => elf::read(bytes),
        (_, true, true) => macho::read(bytes),
        (true, _, true) => Err(Flaw::ForeignMachine { is: "a system with ELF files".to_owned(), wants: wants() }),
        (_, true, false) => Err(Flaw::ForeignMachine { is: "macOS".to_owned(), wants: wants() }),
        _ if ELF.starts_with(bytes) || MACHO.iter().any(|magic| magic.starts_with(bytes)) => {
            Err(Flaw::Truncated { part: "its header".to_owned() })
        }
        _ => Err(Flaw::NotAnObject),
    }
}

fn read_label(bytes: &[u8]) -> Result<ObjectLabel, Flaw> {
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
    }
    let unreadable = |why: String| Flaw::UnreadableLabel { why };
    let text = std::str::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
    // The form comes first: a later one may have other fields.
    let Form { format } = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    if format != LABEL_FORMAT {
        return Err(Flaw::OtherFormat { is: format });
    }
    let label = ObjectLabel::from_json(text).map_err(|error| unreadable(error.to_string()))?;
    if let Some(module) = &label.module {
        ModuleName::new(module).map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(label)
}

impl ObjectFile {
    /// What it was built from and for.
    #[must_use]
    pub fn label(&self) -> &ObjectLabel {
        &self.label
    }

    /// The SHA-256 of the file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The linker's build id.
    #[must_use]
    pub fn build_id(&self) -> &BuildId {
        &self.build_id
    }

    /// The module that it is; `None` for a base library.
    #[must_use]
    pub fn module(&self) -> Option<ModuleName> {
        self.label.module.as_deref().and_then(|name| ModuleName::new(name).ok())
    }

    /// All that keeps it from being loaded into a base.
    #[must_use]
    pub fn flaws(&self, fit: &Fit<'_>) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let asked = fit.module.map_or("a module", ModuleName::as_str);
        if self.label.module.is_none() || fit.module.is_some_and(|module| self.label.module() != Some(module.as_str()))
        {
            flaws.push(Flaw::OtherModule { is: self.label.module.clone(), asked: asked.to_owned() });
        }
        flaws.extend(differences(&self.label, fit.base).into_iter().map(Flaw::OtherBase));
        if !self.has_entry {
            flaws.push(Flaw::NoEntry);
        }
        if !self.needed.iter().any(|needed| needed == fit.library) {
            flaws.push(Flaw::WithoutBase { library: fit.library.to_owned() });
        }
        flaws.extend(self.other_libraries(fit));
        flaws.extend(self.defined_twice());
        let not_allowed = self.constructors.iter().filter(|one| !one.is_allowed(fit.allow_constructors));
        flaws.extend(not_allowed.cloned().map(Flaw::Constructor));
        flaws
    }

    /// The same as reports. `file` names the file for people.
    ///
    /// # Errors
    ///
    /// All that keeps it from being loaded into a base.
    pub fn check(&self, fit: &Fit<'_>, file: &str) -> Result<(), Vec<Problem>> {
        let problems: Vec<_> = self.flaws(fit).iter().map(|flaw| flaw.problem(file)).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Libraries that the loader would load with the object: their constructors would run, and nobody has looked at them.
    fn other_libraries<'f>(&'f self, fit: &'f Fit<'_>) -> impl Iterator<Item = Flaw> + 'f {
        let is_known = |name: &str| name == fit.library || is_of_the_system(name);
        let is_allowed = |name: &str| fit.allow_constructors.iter().any(|allowed| allowed == name);
        let others = self.needed.iter().filter(move |name| !is_known(name) && !is_allowed(name));
        others.map(|name| Flaw::OtherLibrary { library: name.clone() })
    }

    /// Crates of the base that the object has statics of. A crate that it carries in another version has its own.
    fn defined_twice(&self) -> impl Iterator<Item = Flaw> {
        let named = |in_base: bool, name: &str| {
            self.label.crates.iter().any(|one| one.in_base == in_base && one.name.replace('-', "_") == name)
        };
        self.statics
            .iter()
            .filter(move |(name, _)| named(true, name) && !named(false, name))
            .map(|(name, symbol)| Flaw::DefinedTwice { crate_name: name.clone(), symbol: symbol.clone() })
    }
}

/// Whether a library is one of those that every base has: the standard library and the C runtime.
fn is_of_the_system(name: &str) -> bool {
    const RUNTIME: [&str; 11] = [
        "libc",
        "libm",
        "libgcc_s",
        "libpthread",
        "librt",
        "libdl",
        "libutil",
        "ld-linux",
        "ld64",
        "libSystem",
        "libiconv",
    ];
    let (stem, rest) = name.split_once('.').unwrap_or((name, ""));
    let is_file = !name.contains('/') && ["so", "dylib"].iter().any(|kind| rest.split('.').any(|part| part == *kind));
    // `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`, `libstd-1a2b3c.so`.
    let is_loader = ["ld-linux-", "ld-musl-"].iter().any(|begin| stem.starts_with(begin));
    is_file && (RUNTIME.contains(&stem) || is_loader || stem.starts_with("libstd-"))
}

impl ObjectLabel {
    fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }
}
