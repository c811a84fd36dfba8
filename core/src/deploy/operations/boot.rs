//! The start of a base that runs from a bundle: which object of each module it comes back with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundle::Bundle;
use super::bundled::{Bundled, Checked, OperationParts};
use super::guard::LastLook;
use super::note::Note;
use crate::base::{BaseInfo, DeploySettings};
use crate::compose::{CompositionError, Place, Problem};
use crate::deploy::image::{Digest, Disagreement, Member, ObjectLabel, disagreements, inspect_as, load_in_place};
use crate::deploy::journal::{Committed, Journal};
use crate::deploy::store::Came;
use crate::descriptors::ModuleName;
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

/// Which object of a module is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// That of the bundle.
    Bundle(Digest),
    /// The one that served last.
    Last { digest: Digest, bundle: Option<Digest> },
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
    let last = journal.last_committed();
    let choices = choose(&bundled.manifest, last.as_ref(), &mut notes);
    let checked = check_all(&bundled, choices, settings, &mut notes)?;
    let mut problems = Vec::new();
    let mut modules = Vec::new();
    for one in &checked {
        match bundled.load(one, settings) {
            Ok(spec) => modules.push(spec),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
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

/// Which object of each module is loaded: the one that served last, unless the bundle was built anew since.
fn choose(manifest: &Bundle, last: Option<&Committed>, notes: &mut Vec<Note>) -> BTreeMap<String, Choice> {
    let of_bundle: BTreeMap<_, _> =
        manifest.modules.iter().map(|module| (module.name.clone(), module.digest)).collect();
    let mut choices: BTreeMap<_, _> =
        of_bundle.iter().map(|(name, digest)| (name.clone(), Choice::Bundle(*digest))).collect();
    let Some(last) = last else { return choices };
    let is_newer = |name: &str| of_bundle.contains_key(name) && of_bundle.get(name) != last.bundle.get(name);
    for member in &last.members {
        let (name, bundle) = (&member.module, of_bundle.get(&member.module).copied());
        match member.digest {
            Some(digest) if is_newer(name) && bundle != Some(digest) => {
                let short = digest.short();
                let text = format!(
                    "`{name}` comes from the bundle, which was built anew, and not with {short} that served last"
                );
                notes.push(Note::told(name, text));
            }
            Some(digest) if bundle != Some(digest) => {
                choices.insert(name.clone(), Choice::Last { digest, bundle });
            }
            _ => {}
        }
    }
    for name in &last.removed {
        if is_newer(name) {
            let text = format!("`{name}` had been uninstalled, and comes back: the bundle was built anew with it");
            notes.push(Note::told(name, text));
        } else if choices.remove(name).is_some() {
            notes.push(Note::told(name, format!("`{name}` stays out: it was uninstalled")));
        }
    }
    choices
}

/// Reads and checks what was chosen. Where what served last cannot be used, or does not go with the rest, it is the
/// bundle's, and the log says why.
fn check_all(
    bundled: &Bundled,
    choices: BTreeMap<String, Choice>,
    settings: &DeploySettings,
    notes: &mut Vec<Note>,
) -> Result<Vec<Checked>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut checked = Vec::new();
    for (name, choice) in &choices {
        match check_one(bundled, name, *choice, settings, notes) {
            Ok(one) => checked.extend(one),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let members: Vec<_> = checked.iter().map(|one| Member { module: &one.module, label: one.file.label() }).collect();
    let disagree = disagreements(&members);
    if disagree.is_empty() {
        return Ok(checked);
    }
    // Not a mixture: the bundle was built as one.
    let of_bundle: BTreeMap<_, _> =
        bundled.manifest.modules.iter().map(|module| (module.name.clone(), Choice::Bundle(module.digest))).collect();
    if choices == of_bundle {
        return Err(disagree.iter().map(Disagreement::problem).collect());
    }
    for found in &disagree {
        let why = found.problem().what;
        let text = format!("all modules come from the bundle, since those that served last do not go with it: {why}");
        notes.push(Note::warning(None, text));
    }
    check_all(bundled, of_bundle, settings, notes)
}

/// Reads and checks one object; `None` for one that is nowhere, which was installed and cannot be used any more.
fn check_one(
    bundled: &Bundled,
    name: &str,
    choice: Choice,
    settings: &DeploySettings,
    notes: &mut Vec<Note>,
) -> Result<Option<Checked>, Vec<Problem>> {
    let Ok(module) = ModuleName::new(name) else {
        return Err(vec![Problem {
            code: "invalid-name",
            what: format!("`{name}` is no name of a module"),
            places: vec![Place { what: "the manifest".to_owned(), at: Bundle::FILE.to_owned() }],
            help: "build the bundle again: `cargo bedplate build`".to_owned(),
        }]);
    };
    let check = |digest| bundled.checked(digest, Some(&module), None, settings);
    let (digest, bundle) = match choice {
        Choice::Bundle(digest) => return check(digest).map(Some),
        Choice::Last { digest, bundle } => (digest, bundle),
    };
    match check(digest) {
        Ok(one) => {
            notes.push(Note::told(name, format!("`{name}` comes back with {}, which served last", digest.short())));
            Ok(Some(one))
        }
        Err(problems) => {
            let why: Vec<_> = problems.iter().map(|problem| problem.what.as_str()).collect();
            let instead = if bundle.is_some() { "that of the bundle serves in its place" } else { "it is left out" };
            let (short, why) = (digest.short(), why.join("; "));
            let text = format!("`{name}` does not come back with {short}, which served last: {why}; {instead}");
            notes.push(Note::warning(Some(name), text));
            bundle.map(check).transpose()
        }
    }
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
