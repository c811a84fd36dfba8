//! What a base has beside its modules: its journal; and where it runs from a bundle, its store and what it has loaded.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundle::Bundle;
use super::note::Note;
use crate::base::DeploySettings;
use crate::compose::{Place, Problem};
use crate::deploy::image::{Budgets, Digest, Fit, Images, ObjectFile, inspect_as};
use crate::deploy::journal::Journal;
use crate::deploy::store::{
    Artifact, Came, Generations, Signature, Store, disk_problem, missing, now_ms, private, verify,
};
use crate::descriptors::ModuleName;
use crate::module::ModuleSpec;

/// What the operations on a base work with.
pub(crate) struct OperationParts {
    pub(crate) journal: Journal,
    /// Absent in one static binary, which loads no code.
    pub(crate) bundled: Option<Arc<Bundled>>,
    /// What was found at the start.
    pub(crate) notes: Vec<Note>,
}

/// What loads a checked object. There is one, and another for tests.
pub(crate) trait Load: Send + Sync {
    fn load(&self, file: &ObjectFile, bytes: &[u8], budgets: &Budgets) -> Result<ModuleSpec, Vec<Problem>>;
    fn images(&self) -> Option<&Images>;
}

/// What a base has that runs from a bundle.
pub(crate) struct Bundled {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Bundle,
    pub(crate) state: PathBuf,
    pub(crate) store: Store,
    loader: Box<dyn Load>,
    /// Held until the base has ended: a second one would remove what this one has mapped.
    lock: File,
}

/// An object that was read and checked.
pub(crate) struct Checked {
    pub(crate) file: ObjectFile,
    pub(crate) bytes: Vec<u8>,
    pub(crate) module: ModuleName,
}

impl Load for Images {
    fn load(&self, file: &ObjectFile, bytes: &[u8], budgets: &Budgets) -> Result<ModuleSpec, Vec<Problem>> {
        Images::load(self, file, bytes, budgets)
    }

    fn images(&self) -> Option<&Images> {
        Some(self)
    }
}

impl OperationParts {
    /// Those of one static binary.
    pub(crate) fn of_static() -> Self {
        Self { journal: Journal::in_memory(), bundled: None, notes: Vec::new() }
    }
}

impl Bundled {
    /// Opens the state folder of a base that runs from a bundle.
    pub(crate) fn open(folder: PathBuf, manifest: Bundle, state: PathBuf) -> Result<Self, Problem> {
        let failed = |error| disk_problem("the state folder cannot be used", &state, &error);
        let lock = lock_folder(&state)?;
        let generations = Generations::open(state.join("generations")).map_err(failed)?;
        Self::with_loader(folder, manifest, state.clone(), lock, Box::new(Images::new(generations)))
    }

    pub(super) fn with_loader(
        folder: PathBuf,
        manifest: Bundle,
        state: PathBuf,
        lock: File,
        loader: Box<dyn Load>,
    ) -> Result<Self, Problem> {
        let failed = |error| disk_problem("the store of object files cannot be used", &state, &error);
        let store = Store::open(state.join("artifacts")).map_err(failed)?;
        Ok(Self { folder, manifest, state, store, loader, lock })
    }

    /// The base has ended: another one may use the state folder.
    pub(crate) fn let_go(&self) {
        if let Err(error) = self.lock.unlock() {
            let state = self.state.display();
            tracing::warn!(target: "bedplate::lifecycle", "the state folder {state} is still locked: {error}");
        }
    }

    /// Opens the journal in the state folder.
    pub(crate) fn journal(&self) -> Result<(Journal, Vec<Note>), Problem> {
        let path = self.state.join("journal.jsonl");
        Journal::open(path.clone()).map_err(|error| disk_problem("the journal cannot be used", &path, &error))
    }

    /// All objects that were loaded.
    pub(crate) fn images(&self) -> Option<&Images> {
        self.loader.images()
    }

    /// Keeps a file, once it is an object of bedplate. Whether it fits is asked when it is deployed.
    pub(crate) fn keep(&self, bytes: &[u8], came: Came) -> Result<Artifact, Vec<Problem>> {
        let digest = Digest::of(bytes);
        let shown = format!("{}.so", digest.short());
        let refused = |flaws: Vec<crate::deploy::image::Flaw>| -> Vec<Problem> {
            flaws.iter().map(|flaw| flaw.problem(&shown)).collect()
        };
        let file = inspect_as(digest, bytes).map_err(refused)?;
        let Some(module) = file.module() else {
            let asked = "a module".to_owned();
            return Err(refused(vec![crate::deploy::image::Flaw::OtherModule { is: None, asked }]));
        };
        let now = now_ms();
        let artifact = Artifact {
            digest,
            module: module.to_string(),
            build_id: file.build_id().clone(),
            base_fingerprint: file.label().base_fingerprint.clone(),
            source: file.label().source.clone(),
            size: bytes.len() as u64,
            came,
            received_ms: now,
            used_ms: now,
            signature: None,
        };
        let kept = self.store.add(bytes, artifact).map_err(|problem| vec![problem])?;
        self.store.bound_unverified(digest);
        Ok(kept)
    }

    /// Reads a stored object and checks it: its bytes, what it was built for, and its signature where one is due:
    /// because the object came over the network, or because `request` did, which asks for it.
    pub(crate) fn checked(
        &self,
        digest: Digest,
        module: Option<&ModuleName>,
        signature: Option<&str>,
        request: Came,
        settings: &DeploySettings,
    ) -> Result<Checked, Vec<Problem>> {
        let one = |problem| vec![problem];
        let bytes = self.store.bytes(digest).map_err(one)?;
        let shown = format!("{}.so", digest.short());
        let file = inspect_as(digest, &bytes)
            .map_err(|flaws| flaws.iter().map(|flaw| flaw.problem(&shown)).collect::<Vec<_>>())?;
        file.check(&self.fit(module, settings), &shown)?;
        let Some(name) = file.module() else { return Err(vec![crate::deploy::image::Flaw::NoLabel.problem(&shown)]) };
        let verified = self.verified(&bytes, &file, signature, request, settings).map_err(one)?;
        if let Some(signature) = verified
            && let Some(artifact) = self.store.artifact(digest)
            && artifact.signature.as_ref() != Some(&signature)
        {
            self.store.add(&bytes, Artifact { signature: Some(signature), ..artifact }).map_err(one)?;
        }
        Ok(Checked { file, bytes, module: name })
    }

    /// What an object must fit.
    pub(crate) fn fit<'a>(&'a self, module: Option<&'a ModuleName>, settings: &'a DeploySettings) -> Fit<'a> {
        Fit {
            base: &self.manifest.label,
            library: self.manifest.library_name(),
            module,
            allow_constructors: &settings.allow_constructors,
        }
    }

    /// The signature of an object, verified now: the one that is given, else the one that it is kept with. One that
    /// came over the network, or that is asked for over it, has to have one; what is given has to be right wherever
    /// the object came from.
    fn verified(
        &self,
        bytes: &[u8],
        file: &ObjectFile,
        given: Option<&str>,
        request: Came,
        settings: &DeploySettings,
    ) -> Result<Option<Signature>, Problem> {
        let artifact = self.store.artifact(file.digest());
        let came = artifact.as_ref().map_or(Came::Remotely, |artifact| artifact.came);
        let is_due = [came, request].contains(&Came::Remotely);
        let kept = artifact.and_then(|artifact| artifact.signature).map(|signature| signature.text);
        match (given, kept) {
            (Some(text), _) => verify(bytes, file, text, &settings.trusted_keys).map(Some),
            (None, Some(text)) if is_due => verify(bytes, file, &text, &settings.trusted_keys).map(Some),
            (None, None) if is_due => Err(missing(file.label().module.as_deref().unwrap_or_default())),
            (None, _) => Ok(None),
        }
    }

    /// Loads a checked object: from then on its code is part of the process.
    pub(crate) fn load(&self, checked: &Checked, settings: &DeploySettings) -> Result<ModuleSpec, Vec<Problem>> {
        self.loader.load(&checked.file, &checked.bytes, &budgets(settings))
    }

    /// What the bundle holds for each module.
    pub(crate) fn digests(&self) -> BTreeMap<String, Digest> {
        self.manifest.modules.iter().map(|module| (module.name.clone(), module.digest)).collect()
    }
}

/// The budgets that the settings give.
pub(crate) fn budgets(settings: &DeploySettings) -> Budgets {
    let retired = &settings.retired;
    Budgets {
        count: retired.count,
        anonymous: retired.anonymous.bytes(),
        mappings: retired.mappings,
        disk: retired.disk.bytes(),
    }
}

/// Makes the state folder, and keeps other bases out of it.
pub(super) fn lock_folder(state: &Path) -> Result<File, Problem> {
    let failed = |error| disk_problem("the state folder cannot be used", state, &error);
    private::make_folder(state).map_err(|error| no_folder(state, &error))?;
    let lock = private::append(&state.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Problem {
            code: "state-folder-in-use",
            what: "another base uses this state folder".to_owned(),
            places: vec![Place { what: "`deploy.folder`".to_owned(), at: state.display().to_string() }],
            help: "end the other base, or give this one a folder of its own: `deploy.folder`".to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// What is wrong with the folder itself; as the admin starter says it of a static base.
fn no_folder(state: &Path, error: &std::io::Error) -> Problem {
    Problem {
        code: "state-folder-failed",
        what: format!("the base's state folder cannot be made, or not be kept from other users: {error}"),
        places: vec![Place { what: "`deploy.folder`".to_owned(), at: state.display().to_string() }],
        help: "let the base's user own the folder, or set `deploy.folder` to another one".to_owned(),
    }
}
