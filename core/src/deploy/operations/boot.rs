//! The start of a base that runs from a bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundle::Bundle;
use super::bundled::{Bundled, OperationParts};
use super::come_back::ComeBack;
use super::guard::LastLook;
use super::note::Note;
use crate::base::{BaseInfo, DeploySettings};
use crate::compose::{CompositionError, Place, Problem};
use crate::deploy::image::{Digest, ObjectLabel, inspect_as, load_in_place};
use crate::deploy::journal::Journal;
use crate::deploy::store::Came;
use crate::module::ModuleSpec;
use crate::settings::{KeyPath, Tree};

/// What a base is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It serves: its state folder is its own.
    Serve,
    /// It is looked at, perhaps beside one that serves: nothing is written.
    Look,
}

/// What a bundle brings.
pub(crate) struct Booted {
    pub(crate) modules: Vec<ModuleSpec>,
    pub(crate) parts: OperationParts,
}

/// Loads the modules of the bundle that this program is in. `None`: it is one static binary.
///
/// # Errors
///
/// All that keeps them from being loaded.
pub(crate) fn boot(
    info: &BaseInfo,
    bundle: Option<PathBuf>,
    settings: &Tree,
    folder: &Path,
    purpose: Purpose,
) -> Result<Option<Booted>, CompositionError> {
    let Some(label) = info.label else { return Ok(None) };
    let failed = |problems| CompositionError { step: "load", problems };
    let one = |problem| failed(vec![problem]);
    let Some(bundle) = bundle else { return Err(one(no_bundle())) };
    let manifest = Bundle::read(&bundle).map_err(one)?;
    same_base(label, &manifest, &bundle).map_err(one)?;
    let mut problems = Vec::new();
    let Some(deploy) = settings.read::<DeploySettings>(&[KeyPath::of(["deploy"])], &mut problems) else {
        return Err(CompositionError::from_settings(problems));
    };
    if purpose == Purpose::Look {
        let modules = look(&bundle, &manifest, &deploy).map_err(failed)?;
        return Ok(Some(Booted { modules, parts: OperationParts::of_static() }));
    }
    let bundled = Bundled::open(bundle, manifest, folder.join(&deploy.folder)).map_err(one)?;
    let (journal, notes) = bundled.journal().map_err(one)?;
    serve(bundled, journal, notes, &deploy).map(Some).map_err(failed)
}

/// Loads the modules of a base that is going to serve.
pub(super) fn serve(
    bundled: Bundled,
    journal: Journal,
    mut notes: Vec<Note>,
    settings: &DeploySettings,
) -> Result<Booted, Vec<Problem>> {
    keep_all(&bundled)?;
    let modules = ComeBack::new(&bundled, settings, journal.last_committed().as_ref(), &mut notes).load()?;
    // Not known to have started does not keep a base from starting: what counts is what it commits.
    if let Err(error) = journal.started(&bundled.manifest.label.base_fingerprint) {
        notes.push(Note::warning(None, format!("the journal cannot be written: {error}")));
    }
    let bundled = Arc::new(bundled);
    let journal = journal.guarded(Arc::new(LastLook { bundled: bundled.clone() }));
    Ok(Booted { modules, parts: OperationParts { journal, bundled: Some(bundled), notes } })
}

/// Keeps the bundle's own objects in the store, so that a rollback and a snapshot find them.
fn keep_all(bundled: &Bundled) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for module in &bundled.manifest.modules {
        let read = read_file(&bundled.folder.join(&module.file), module.digest);
        let kept = read.map_err(|problem| vec![problem]).and_then(|bytes| bundled.keep(&bytes, Came::Locally));
        problems.extend(kept.err().unwrap_or_default());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Loads the bundle's own objects where they are: this process only looks at them.
fn look(folder: &Path, manifest: &Bundle, settings: &DeploySettings) -> Result<Vec<ModuleSpec>, Vec<Problem>> {
    let fit = crate::deploy::image::Fit {
        base: &manifest.label,
        library: manifest.library_name(),
        module: None,
        allow_constructors: &settings.allow_constructors,
    };
    let mut problems = Vec::new();
    let mut modules = Vec::new();
    for module in &manifest.modules {
        let path = folder.join(&module.file);
        let loaded = read_file(&path, module.digest).map_err(|problem| vec![problem]).and_then(|bytes| {
            let file = inspect_as(module.digest, &bytes)
                .map_err(|flaws| flaws.iter().map(|flaw| flaw.problem(&module.file)).collect::<Vec<_>>())?;
            file.check(&fit, &module.file)?;
            load_in_place(&path, bytes.len() as u64, &file)
        });
        match loaded {
            Ok(spec) => modules.push(spec),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(modules) } else { Err(problems) }
}

fn read_file(path: &Path, digest: Digest) -> Result<Vec<u8>, Problem> {
    let problem = |code, what: String| Problem {
        code,
        what,
        places: vec![Place { what: "in the bundle".to_owned(), at: path.display().to_string() }],
        help: "build the bundle again: `cargo bedplate build`".to_owned(),
    };
    let bytes = std::fs::read(path)
        .map_err(|error| problem("bundle-unreadable", format!("an object of the bundle cannot be read: {error}")))?;
    if Digest::of(&bytes) == digest {
        return Ok(bytes);
    }
    Err(problem("bundle-tampered", "an object of the bundle is not the one that its manifest names".to_owned()))
}

/// Whether the program and the manifest are of one build.
fn same_base(label: &str, manifest: &Bundle, folder: &Path) -> Result<(), Problem> {
    let mixed = |what: String| Problem {
        code: "bundle-mixed",
        what,
        places: vec![Place { what: "the bundle".to_owned(), at: folder.display().to_string() }],
        help: "copy the whole bundle, or build it again: `cargo bedplate build`".to_owned(),
    };
    let own = ObjectLabel::from_json(label)
        .map_err(|error| mixed(format!("the label of this program cannot be read: {error}")))?;
    if own.fingerprint() == manifest.label.fingerprint() {
        return Ok(());
    }
    Err(mixed("this program and the manifest beside it are of two builds".to_owned()))
}

fn no_bundle() -> Problem {
    Problem {
        code: "no-bundle",
        what: "this program is that of a bundle, and there is no `bundle.json` beside it".to_owned(),
        places: Vec::new(),
        help: "run it where the bundle is: `<bundle>/bin/<base>`".to_owned(),
    }
}
