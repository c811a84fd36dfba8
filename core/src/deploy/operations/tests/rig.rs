//! A bundle of objects, and bases that run from it one after the other.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use tempfile::TempDir;

use super::super::boot::serve;
use super::super::bundle::{Bundle, BundledModule};
use super::super::bundled::{Bundled, Load, lock_folder};
use super::super::{Done, ObjectReference, OperationError, Options, Request};
use crate::base::{Assembly, Base, DeploySettings};
use crate::compose::{CompositionError, Problem};
use crate::deploy::image::tests::objects::{LIBRARY, Object, the_base_label, the_label};
use crate::deploy::image::{Budgets, BuildId, Digest, Images, LoadedObject, ObjectFile, ObjectLabel, Origin, inspect};
use crate::deploy::store::{Artifact, Came, private};
use crate::descriptors::ModuleName;
use crate::module::{Fields, Module, ModuleContext, ModuleSpec};
use crate::scene::SceneName;
use crate::settings::{KeyPath, Sources};

/// The version of an object whose module does not start.
pub(super) const DOES_NOT_START: &str = "0.0.0";

/// The version of an object whose module starts where the rig lets it.
pub(super) const DATABASE_IS_DOWN: &str = "0.0.1";

/// A bundle, with the state folder of the bases that run from it.
pub(super) struct Rig {
    folder: TempDir,
    pub(super) settings: String,
    pretended: Arc<Pretended>,
}

/// Makes modules by what stands in a label.
#[derive(Default)]
struct Pretended {
    /// Whether the database is down that some need.
    is_down: Arc<AtomicBool>,
    /// What cannot be loaded.
    broken: Mutex<Vec<Digest>>,
}

struct Pretending {
    version: String,
    is_down: Arc<AtomicBool>,
}

impl Module for Pretending {
    async fn start(&self, _: &ModuleContext) -> crate::Result<()> {
        anyhow::ensure!(self.version != DOES_NOT_START, "it is built not to start");
        let is_down = self.version == DATABASE_IS_DOWN && self.is_down.load(Ordering::SeqCst);
        anyhow::ensure!(!is_down, "the database is down");
        Ok(())
    }
}

impl Load for Arc<Pretended> {
    fn load(&self, file: &ObjectFile, bytes: &[u8], _: &Budgets) -> Result<ModuleSpec, Vec<Problem>> {
        if self.broken.lock().unwrap().contains(&file.digest()) {
            let (what, help) = ("it cannot be mapped".to_owned(), String::new());
            return Err(vec![Problem { code: "load-failed", what, places: Vec::new(), help }]);
        }
        let (version, is_down) = (file.label().version.clone(), self.is_down.clone());
        let make = move |_: &Fields<'_>| Ok(Pretending { version: version.clone(), is_down: is_down.clone() });
        let spec = ModuleSpec::plain(file.module().unwrap().as_str(), make).unwrap();
        let object = LoadedObject::new(file, PathBuf::from("pretended.so"), bytes.len() as u64, None);
        Ok(spec.with_origin(Origin::Object(Arc::new(object))))
    }

    fn images(&self) -> Option<&Images> {
        None
    }
}

/// The object of a module in a version; made once.
pub(super) fn object(module: &str, version: &str) -> Vec<u8> {
    labelled(module, |label| label.version = version.to_owned())
}

/// The object of a module whose label was changed; made once.
pub(super) fn labelled(module: &str, change: impl FnOnce(&mut ObjectLabel)) -> Vec<u8> {
    static MADE: LazyLock<Mutex<BTreeMap<String, Vec<u8>>>> = LazyLock::new(Mutex::default);
    let mut label = the_label(module);
    label.crates.iter_mut().for_each(|one| {
        if !one.in_base {
            one.kind = crate::deploy::image::CrateKind::Contract;
        }
    });
    change(&mut label);
    let label = label.to_json();
    let make = || Object { label: Some(label.clone()), ..Object::default() }.make(module);
    MADE.lock().unwrap().entry(label.clone()).or_insert_with(make).clone()
}

impl Rig {
    /// A bundle of these modules, in version `1`.
    pub(super) fn new(modules: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rig = Self { folder, settings: String::new(), pretended: Arc::default() };
        for folder in ["bin", "lib", "modules"] {
            std::fs::create_dir_all(rig.bundle().join(folder)).unwrap();
        }
        std::fs::write(rig.bundle().join("bin/conduit"), "the program").unwrap();
        std::fs::write(rig.bundle().join("lib").join(LIBRARY), "the base library").unwrap();
        std::fs::write(rig.bundle().join("bedplate.toml"), "# settings").unwrap();
        let objects: Vec<_> = modules.iter().map(|module| object(module, "1")).collect();
        rig.build(&objects);
        rig
    }

    pub(super) fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.bundle().join("state")
    }

    pub(super) fn stored(&self, digest: Digest) -> PathBuf {
        self.state().join("artifacts").join(format!("{digest}.so"))
    }

    /// The database is down.
    pub(super) fn starts_nothing(&self) {
        self.pretended.is_down.store(true, Ordering::SeqCst);
    }

    /// The database is up again.
    pub(super) fn starts_all(&self) {
        self.pretended.is_down.store(false, Ordering::SeqCst);
    }

    /// These cannot be loaded from now on.
    pub(super) fn does_not_load(&self, objects: &[Vec<u8>]) {
        self.pretended.broken.lock().unwrap().extend(objects.iter().map(|bytes| Digest::of(bytes)));
    }

    /// Builds the bundle anew, with these objects.
    pub(super) fn build(&self, objects: &[Vec<u8>]) {
        let module = |bytes: &Vec<u8>| {
            let file = inspect(bytes).unwrap();
            let name = file.module().unwrap().to_string();
            let path = format!("modules/{name}.so");
            std::fs::write(self.bundle().join(&path), bytes).unwrap();
            let build_id: BuildId = file.build_id().clone();
            BundledModule { name, file: path, digest: file.digest(), build_id }
        };
        let bundle = Bundle {
            format: Bundle::FORMAT,
            base: "conduit".to_owned(),
            executable: "bin/conduit".to_owned(),
            library: format!("lib/{LIBRARY}"),
            label: the_base_label(),
            modules: objects.iter().map(module).collect(),
        };
        let text = serde_json::to_vec_pretty(&bundle).unwrap();
        private::write(&self.bundle(), Bundle::FILE, &text).unwrap();
    }

    /// Starts a base.
    pub(super) async fn start(&self) -> Base {
        self.try_start().await.unwrap()
    }

    pub(super) async fn try_start(&self) -> Result<Base, CompositionError> {
        let one = |problem| CompositionError { step: "load", problems: vec![problem] };
        let sources = Sources::new().text("bedplate.toml", &*self.settings);
        let tree = sources.clone().load().unwrap();
        let settings: DeploySettings = tree.read(&[KeyPath::of(["deploy"])], &mut Vec::new()).unwrap();
        let manifest = Bundle::read(&self.bundle()).map_err(one)?;
        let lock = lock_folder(&self.state()).map_err(one)?;
        let bundled =
            Bundled::with_loader(self.bundle(), manifest, self.state(), lock, Box::new(self.pretended.clone()));
        let bundled = bundled.map_err(one)?;
        let (journal, notes) = bundled.journal().map_err(one)?;
        let booted = serve(bundled, journal, notes, &settings)
            .map_err(|problems| CompositionError { step: "load", problems })?;
        let assembly = Assembly::new(tree, self.bundle()).sources(sources).operating(booted.parts);
        booted.modules.into_iter().fold(assembly, Assembly::module).start().await
    }
}

/// Keeps an object.
pub(super) async fn keep(base: &Base, bytes: &[u8], came: Came) -> Result<Artifact, OperationError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    base.operations().keep(file, came).await
}

/// Carries out a request with the usual options.
pub(super) async fn run(base: &Base, request: Request) -> Result<Done, OperationError> {
    base.operations().run(request, Options { who: "anna".to_owned(), ..Options::default() }, |_| ()).await
}

/// Keeps objects and installs them in one step.
pub(super) async fn install(base: &Base, objects: &[Vec<u8>]) -> Result<Done, OperationError> {
    let mut references = Vec::new();
    for bytes in objects {
        references.push(ObjectReference::from(keep(base, bytes, Came::Locally).await?.digest));
    }
    run(base, Request::Install(references)).await
}

/// The versions that serve, by module.
pub(super) fn serving(base: &Base) -> BTreeMap<String, String> {
    let now = base.pin();
    let version = |spec: &ModuleSpec| spec.origin().object().unwrap().label().version.clone();
    now.instances().map(|instance| (instance.module().to_string(), version(instance.spec()))).collect()
}

/// The same, to compare with.
pub(super) fn versions(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|(module, version)| ((*module).to_owned(), (*version).to_owned())).collect()
}

pub(super) fn name(module: &str) -> ModuleName {
    ModuleName::new(module).unwrap()
}

/// The number of the generation that serves.
pub(super) fn generation(base: &Base, module: &str) -> u64 {
    base.pin().instance(&name(module), &SceneName::main()).unwrap().id().generation
}
