//! One base that is being worked on: what cargo built of it, and how its modules are linked.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::Result;

use crate::build::bundle::{Bundle, write_bundle};
use crate::build::cargo::build;
use crate::build::label::{Compiler, Digests, Labels};
use crate::build::library::{BaseLibrary, compiler, link_base};
use crate::build::stamp::dependencies;
use crate::build::{Checkout, Closure, Lock, Object, Replay, Units};
use crate::failure::Failure;
use crate::output::Output;
use crate::workspace::{Selection, Workspace};

/// A base with all that is shared built, ready to link modules.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) workspace: Workspace,
    pub(crate) base: BaseLibrary,
    /// How each module is linked, by name.
    pub(crate) replays: Vec<Replay>,
    /// The files that the packages of the workspace were compiled from, by the folder of the package.
    pub(crate) read_files: Vec<(PathBuf, Vec<PathBuf>)>,
    compiler: Compiler,
    digests: Digests,
}

impl Workshop {
    /// Builds what is shared, by cargo, and links the base library.
    pub(crate) fn open(workspace: Workspace, selection: &Selection, _: &Lock, output: Output) -> Result<Self> {
        let units = build(&workspace, selection)?;
        let closure = Closure::of(&workspace, &units)?;
        let compiler = compiler(&closure)?;
        let digests = Digests::default();
        let labels = Labels {
            workspace: &workspace,
            units: &units,
            closure: &closure,
            digests: &digests,
            profile: selection.profile(),
            compiler: &compiler,
        };
        let progress = output.progress("linking the base");
        let base = link_base(&workspace, &units, &closure, &labels);
        progress.finish_and_clear();
        let base = base?;
        let listed = workspace.modules.values().filter(|module| closure.modules.contains_key(&module.name));
        let replays = listed.map(|module| Replay::of(&workspace, &labels, &base, module)).collect::<Result<_>>()?;
        let read_files = read_files(&workspace, &units);
        Ok(Self { workspace, base, replays, read_files, compiler, digests })
    }

    /// What git says of the sources now.
    pub(crate) fn checkout(&self) -> Checkout {
        Checkout::look(&self.workspace.root, &self.workspace.local())
    }

    /// Links every module, several at a time.
    pub(crate) fn link_all(&self, checkout: &Checkout, lock: &Lock, output: Output) -> Result<Vec<Object>> {
        self.link(&self.replays.iter().collect::<Vec<_>>(), checkout, lock, output)
    }

    /// Links these modules, several at a time. All that fails is told.
    pub(crate) fn link(
        &self,
        replays: &[&Replay],
        checkout: &Checkout,
        _: &Lock,
        output: Output,
    ) -> Result<Vec<Object>> {
        if !self.fits(replays) {
            return Err(Failure::error(
                "built-since",
                "another process has built the shared crates anew, from other sources",
                "build again",
            ));
        }
        link(replays, checkout, output)
    }

    /// Whether what these modules are linked with is still what was built here: another process may have built
    /// it anew.
    pub(crate) fn fits(&self, replays: &[&Replay]) -> bool {
        replays.iter().all(|replay| replay.fits(&self.digests))
    }

    /// The folder of the bundle that the tool itself runs.
    pub(crate) fn bundle_folder(&self) -> PathBuf {
        self.workspace.output.join("bundle")
    }

    /// The manifest of that bundle, as it was written last.
    pub(crate) fn bundled(&self) -> Option<Bundle> {
        let text = std::fs::read(self.bundle_folder().join("bundle.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes the bundle.
    pub(crate) fn write_bundle(&self, to: &Path, objects: &[Object], _: &Lock) -> Result<Bundle> {
        write_bundle(&self.workspace, to, &self.base, &self.compiler, objects)
    }
}

/// What the compiler has read for each package of the workspace, as cargo had it compiled last.
fn read_files(workspace: &Workspace, units: &Units) -> Vec<(PathBuf, Vec<PathBuf>)> {
    let local = workspace.local();
    let read = units.by_stem.values().filter_map(|unit| {
        let folder = workspace.packages.get(&unit.package)?.manifest_path.parent()?.as_std_path();
        let rule =
            local.contains(folder).then(|| std::fs::read_to_string(unit.metadata.with_extension("d")).ok())??;
        Some((folder.to_owned(), dependencies(&rule, &workspace.root)))
    });
    read.collect()
}

/// Links modules, as many at a time as there are cores. All that fails is told.
fn link(replays: &[&Replay], checkout: &Checkout, output: Output) -> Result<Vec<Object>> {
    let names: Vec<_> = replays.iter().map(|replay| replay.module.as_str()).collect();
    let progress = output.progress(format!("linking {}", names.join(", ")));
    let workers = thread::available_parallelism().map_or(1, usize::from).min(replays.len());
    let open = Mutex::new(replays.iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = lock(&open).next();
                    let Some((index, replay)) = next else { return };
                    let result = replay.run(checkout);
                    lock(&done).push((index, result));
                }
            });
        }
    });
    progress.finish_and_clear();
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    let mut objects = Vec::new();
    let mut failed: Vec<anyhow::Error> = Vec::new();
    for (_, result) in done {
        match result {
            Ok(object) => objects.push(object),
            Err(error) => failed.push(error),
        }
    }
    match failed.len() {
        0 => Ok(objects),
        1 => Err(failed.remove(0)),
        _ => {
            let all: Vec<_> = failed.iter().map(|error| format!("{error:#}")).collect();
            Err(Failure::error("does-not-compile", all.join("\n"), ""))
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
