//! Loads an object into the process, where it stays, and finds the module in it.

use std::fmt;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::ObjectFile;
use super::flaw::Flaw;
use super::identity::{BuildId, Digest};
use super::label::{ENTRY_SYMBOL, ObjectLabel};
use super::names;
use super::proof::Image;
use crate::compose::{Place, Problem};
use crate::descriptors::ModuleDescriptor;
use crate::isolation::catch;
use crate::module::ModuleSpec;

/// The code of one generation of a module, as it is loaded. It is never unmapped, not even when this is dropped:
/// call sites of `tracing`, destructors of thread-locals and vtables may point into it for ever.
pub struct LoadedObject {
    label: ObjectLabel,
    digest: Digest,
    build_id: BuildId,
    path: PathBuf,
    size: u64,
    image: Option<Image>,
}

/// Where the code of a module comes from.
#[derive(Debug, Clone, Default)]
pub enum Origin {
    /// It is linked into the program.
    #[default]
    Linked,
    /// It was loaded from an object of its own.
    Object(Arc<LoadedObject>),
}

impl LoadedObject {
    /// What is known of a file, with the place that it is loaded from.
    pub(crate) fn new(file: &ObjectFile, path: PathBuf, size: u64, image: Option<Image>) -> Self {
        let (label, digest, build_id) = (file.label().clone(), file.digest(), file.build_id().clone());
        Self { label, digest, build_id, path, size, image }
    }

    /// What it was built from and for.
    #[must_use]
    pub fn label(&self) -> &ObjectLabel {
        &self.label
    }

    /// The SHA-256 of its file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The linker's build id.
    #[must_use]
    pub fn build_id(&self) -> &BuildId {
        &self.build_id
    }

    /// The file that it is mapped from: a copy of its own, which stays for backtraces and debuggers.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of its file, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it lies in memory; `None` where the system cannot be asked.
    pub(super) fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// Whether code at `address` is this object's: it lies in an image whose build id, as it is mapped, is that of
    /// the file.
    ///
    /// # Errors
    ///
    /// A [`Problem`] that says whose code it is.
    pub fn prove(&self, address: usize) -> Result<(), Problem> {
        let image = Image::of(address);
        let proven = image.as_ref().and_then(Image::build_id);
        if proven == Some(&self.build_id) {
            return Ok(());
        }
        let (what, module) = (
            proven.map_or("has no build id".to_owned(), |other| format!("has the build id {other}")),
            self.label.module.as_deref().unwrap_or_default(),
        );
        Err(Problem {
            code: "not-proven",
            what: format!(
                "`{module}` did not prove itself: the build id of its object is {}, and the code that ran {what}",
                self.build_id
            ),
            places: vec![Place { what: "the object".to_owned(), at: self.path.display().to_string() }],
            help: "the loader gave back other code than that of the file: restart the base, and report this".to_owned(),
        })
    }
}

impl fmt::Debug for LoadedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedObject")
            .field("module", &self.label.module)
            .field("digest", &self.digest.short())
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Origin {
    /// The object that it was loaded from.
    #[must_use]
    pub fn object(&self) -> Option<&Arc<LoadedObject>> {
        match self {
            Self::Linked => None,
            Self::Object(object) => Some(object),
        }
    }

    /// Whether code at `address` is that of the module: see [`LoadedObject::prove`]. What is linked needs no proof.
    ///
    /// # Errors
    ///
    /// A [`Problem`] that says whose code it is.
    pub fn prove(&self, address: usize) -> Result<(), Problem> {
        self.object().map_or(Ok(()), |object| object.prove(address))
    }
}

/// What came of a load. The object is mapped in either case, but for [`Mapped::No`].
pub(super) enum Mapped {
    /// It is not mapped.
    No(Problem),
    /// It is mapped, and not usable: it stays all the same.
    Unusable(Arc<LoadedObject>, Vec<Problem>),
    /// It is mapped, with the module in it.
    Module(Arc<LoadedObject>, Box<ModuleSpec>),
}

/// Loads a file that has been checked. It must be a copy that no other generation has, and that nobody else writes:
/// the loader knows an image again by its file.
pub(super) fn load(path: &Path, size: u64, file: &ObjectFile) -> Mapped {
    let shown = path.display().to_string();
    let entry = match open(path) {
        Ok(entry) => entry,
        Err(why) => return Mapped::No(not_loaded(&shown, &why)),
    };
    let image = Image::of(entry as usize);
    if let Some(image) = &image {
        names::came(image.span.clone(), path);
    }
    let object = Arc::new(LoadedObject::new(file, path.to_owned(), size, image));
    // Before anything of it runs: the loader may have given back what it had.
    if let Err(problem) = object.prove(entry as usize) {
        return Mapped::Unusable(object, vec![problem]);
    }
    let described = module_of(entry, object.image()).and_then(|descriptor| {
        agrees(file, descriptor)?;
        let spec = spec_of(descriptor).map_err(|why| Flaw::Malformed { what: why })?;
        Ok((descriptor, spec))
    });
    match described {
        Ok((descriptor, spec)) => {
            let origin = Origin::Object(object.clone());
            Mapped::Module(object, Box::new(spec.proving(proof_of(origin.clone(), descriptor)).with_origin(origin)))
        }
        Err(flaw) => Mapped::Unusable(object, vec![flaw.problem(&shown)]),
    }
}

/// The entry of a module's object.
type Entry = unsafe extern "C" fn() -> *const ModuleDescriptor;

/// Maps a file, and leaves it mapped for ever.
#[cfg(unix)]
#[allow(unsafe_code, reason = "loading code")]
fn open(path: &Path) -> Result<Entry, String> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

    // SAFETY: what the loader runs of an object is its constructors. The file was checked to have none but those of
    // the C runtime (or such as the settings exempt), to be for this machine, and to be built against this base
    // library, whose symbols it binds to. All symbols are bound now, and none of its own becomes visible to others.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    // Never dropped: an image is not unmapped.
    let library = ManuallyDrop::new(library.map_err(|error| text_of(&error))?);
    // SAFETY: the type is that of the entry of version 1, which the symbol's name says; the image is never unmapped,
    // so the function outlives the library's handle.
    let entry = unsafe { library.get::<Entry>(ENTRY_SYMBOL.as_bytes()) }.map_err(|error| text_of(&error))?;
    Ok(*entry)
}

#[cfg(not(unix))]
fn open(_: &Path) -> Result<Entry, String> {
    Err("this platform loads no modules: run one static binary".to_owned())
}

/// What the loader itself says, and not only that it failed.
#[cfg(unix)]
fn text_of(error: &libloading::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Asks an object for its module.
#[allow(unsafe_code, reason = "calls the entry of an object, and believes the address that it gives")]
fn module_of(entry: Entry, image: Option<&Image>) -> Result<&'static ModuleDescriptor, Flaw> {
    // SAFETY: the entry of version 1 takes nothing, and returns the address of a static.
    let descriptor = unsafe { entry() };
    let is_inside = image.is_none_or(|image| {
        image.contains(descriptor.addr()) && image.contains(descriptor.addr() + size_of::<ModuleDescriptor>() - 1)
    });
    if descriptor.is_null() || !descriptor.is_aligned() || !is_inside {
        return Err(Flaw::Malformed { what: format!("`{ENTRY_SYMBOL}` gives back no address of its own") });
    }
    // SAFETY: the address is that of a static of the object, not null and aligned; the image is never unmapped. Its
    // type is this very one: compiler, flags and the metadata of this crate are those that the object was built with,
    // which was checked against the base's label before the object was loaded.
    Ok(unsafe { &*descriptor })
}

/// Whether label and code say the same.
fn agrees(file: &ObjectFile, descriptor: &ModuleDescriptor) -> Result<(), Flaw> {
    let label = file.label();
    let module = label.module.as_deref().unwrap_or_default();
    let pairs = [("module", module, descriptor.name), ("version of bedplate", &*label.bedplate, descriptor.bedplate)];
    match pairs.into_iter().find(|(_, label, code)| label != code) {
        None => Ok(()),
        Some((what, label, code)) => Err(Flaw::LabelLies { what, label: label.to_owned(), code: code.to_owned() }),
    }
}

/// Its requirements are the module's code, which may panic.
fn spec_of(descriptor: &'static ModuleDescriptor) -> Result<ModuleSpec, String> {
    match catch(|| ModuleSpec::from_descriptor(descriptor)) {
        Ok(spec) => spec.map_err(|error| error.to_string()),
        Err(text) => Err(format!("it panicked when it was asked what it requires: {text}")),
    }
}

/// Calls what the module is made with, after the swap, and looks whose code that was.
fn proof_of(
    origin: Origin,
    descriptor: &'static ModuleDescriptor,
) -> impl Fn() -> Result<(), String> + Send + Sync + 'static {
    move || {
        let parts = descriptor.parts;
        drop(parts());
        origin.prove(parts as usize).map_err(|problem| problem.what)
    }
}

fn not_loaded(path: &str, why: &str) -> Problem {
    let help = if why.contains("undefined symbol") {
        "a symbol that the object expects is in no library of the base: link with `cargo bedplate build`, and put \
         native libraries into the base"
    } else {
        "see what the system's loader says; the base serves on as it was"
    };
    Problem {
        code: "load-failed",
        what: format!("the object cannot be loaded: {why}"),
        places: vec![Place { what: "the object".to_owned(), at: path.to_owned() }],
        help: help.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::inspect;
    use super::super::tests::objects::{Object, copied};
    use super::*;

    /// Loads a file as its own copy; the entries of these objects give back numbers, and no module.
    fn mapped(bytes: &[u8], path: &Path) -> Mapped {
        std::fs::write(path, bytes).unwrap();
        load(path, bytes.len() as u64, &inspect(bytes).unwrap())
    }

    #[test]
    fn an_entry_that_gives_back_no_address_of_its_own_is_refused_and_stays_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = Object::default().make("gives_a_number");
        let Mapped::Unusable(object, problems) = mapped(&bytes, &folder.path().join("one.so")) else {
            panic!("42 is no address")
        };
        assert_eq!(problems[0].code, "object-malformed");
        let image = object.image().unwrap();
        assert_eq!(image.build_id(), Some(object.build_id()));
        assert!(Image::of(image.span.start).is_some_and(|there| there == *image));
    }

    #[test]
    fn a_path_that_was_loaded_before_gives_the_old_code_and_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("same.so");
        let first = Object::default().make("first_at_a_path");
        let second = Object { more: "pub static TWO: u8 = 2;", ..Object::default() }.make("second_at_a_path");
        assert!(matches!(mapped(&first, &path), Mapped::Unusable(..)));
        std::fs::remove_file(&path).unwrap();
        let Mapped::Unusable(_, problems) = mapped(&second, &path) else { panic!("the loader knows the path") };
        assert_eq!(problems[0].code, "not-proven");
        // The same file at a path of its own is itself.
        let Mapped::Unusable(_, problems) = mapped(&second, &folder.path().join("own.so")) else { panic!() };
        assert_eq!(problems[0].code, "object-malformed");
    }

    #[test]
    fn an_address_of_another_image_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = Object::default().make("proves");
        let Mapped::Unusable(object, _) = mapped(&bytes, &folder.path().join("one.so")) else { panic!() };
        assert_eq!(object.prove(object.image().unwrap().text[0].start), Ok(()));
        let own = an_address_of_another_image_proves_nothing as fn() as usize;
        assert_eq!(object.prove(own).unwrap_err().code, "not-proven");
        assert_eq!(object.prove(0).unwrap_err().code, "not-proven");
    }

    #[test]
    fn a_missing_symbol_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let more = "unsafe extern \"C\" { fn sqlite3_nowhere(); } #[unsafe(no_mangle)] pub extern \"C\" fn other() { unsafe { sqlite3_nowhere() } }";
        let flags = ["-C", "link-arg=-Wl,-z,undefs"];
        let bytes = Object { more, flags: &flags, ..Object::default() }.make("undefined");
        let Mapped::No(problem) = mapped(&bytes, &folder.path().join("one.so")) else { panic!("it cannot be loaded") };
        assert_eq!(problem.code, "load-failed");
        assert!(problem.what.contains("sqlite3_nowhere"), "{}", problem.what);
    }

    #[test]
    fn copies_of_one_file_are_images_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = copied(&Object::default().make("copied"), folder.path());
        let image = |path: &Path| Image::of(open(path).unwrap() as usize).unwrap();
        assert_ne!(image(&one).span, image(&other).span);
        assert_eq!(image(&one).build_id, image(&other).build_id);
    }
}
