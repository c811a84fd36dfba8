//! All objects that a base has loaded: they stay, so they are counted.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::file::ObjectFile;
use super::identity::{BuildId, Digest};
use super::load::{LoadedObject, Mapped, load};
use super::proof::Image;
use super::retired::{BudgetState, Budgets, Measured, RetiredObject, RetiredReport, mappings_budget, spent, stand};
use crate::compose::Problem;
use crate::deploy::store::{Generations, disk_problem};
use crate::module::ModuleSpec;
use crate::sync::lock;

/// All objects that a base has loaded.
#[derive(Debug)]
pub(crate) struct Images {
    generations: Generations,
    loaded: Mutex<Vec<Loaded>>,
    measured: Mutex<Measured>,
    /// The budgets that a warning was given about.
    warned: Mutex<BTreeSet<String>>,
}

/// What is kept of an object for as long as the process lives: its label, which is long, goes with its last user.
#[derive(Debug)]
struct Loaded {
    object: Weak<LoadedObject>,
    module: Box<str>,
    digest: Digest,
    build_id: BuildId,
    path: Box<Path>,
    size: u64,
    image: Option<Image>,
    /// Whether the pages of its code were given back since it retired.
    released: bool,
}

impl Loaded {
    fn new(object: &Arc<LoadedObject>) -> Self {
        Self {
            object: Arc::downgrade(object),
            module: object.label().module.as_deref().unwrap_or_default().into(),
            digest: object.digest(),
            build_id: object.build_id().clone(),
            path: object.path().into(),
            size: object.size(),
            image: object.image().cloned(),
            released: false,
        }
    }

    /// Nothing refers to it any more: no composition, nothing warm, nothing that drains.
    fn is_retired(&self) -> bool {
        self.object.strong_count() == 0
    }
}

impl Images {
    /// None is loaded yet; copies are written into this folder.
    pub(crate) fn new(generations: Generations) -> Self {
        Self { generations, loaded: Mutex::default(), measured: Mutex::default(), warned: Mutex::default() }
    }

    /// Loads a checked file from a copy of its own. `bytes` are those that were checked.
    ///
    /// # Errors
    ///
    /// Where a budget is spent, the copy cannot be written, or the object cannot be used.
    pub(crate) fn load(&self, file: &ObjectFile, bytes: &[u8], budgets: &Budgets) -> Result<ModuleSpec, Vec<Problem>> {
        self.admit(budgets).map_err(|problem| vec![problem])?;
        let module = file.label().module.as_deref().unwrap_or_default();
        let path = self.generations.write(module, file.digest(), bytes).map_err(|error| {
            vec![disk_problem(
                "the copy that a generation is loaded from cannot be written",
                self.generations.folder(),
                &error,
            )]
        })?;
        let (object, result) = match load(&path, bytes.len() as u64, file) {
            Mapped::No(problem) => {
                Generations::remove(&path);
                return Err(vec![problem]);
            }
            Mapped::Unusable(object, problems) => (object, Err(problems)),
            Mapped::Module(object, spec) => (object, Ok(*spec)),
        };
        lock(&self.loaded).push(Loaded::new(&object));
        lock(&self.measured).loaded();
        result
    }

    /// Whether one more may be loaded. Warns where that will not be so for long.
    fn admit(&self, budgets: &Budgets) -> Result<(), Problem> {
        let mut measured = lock(&self.measured);
        let loaded = self.retire();
        if measured.is_due(mappings_budget(budgets)) {
            measured.measure(&spans(retired(&loaded)));
        }
        let budgets = stand(budgets, &measured, retired(&loaded).count() as u64, disk(retired(&loaded)));
        drop((loaded, measured));
        let mut warned = lock(&self.warned);
        for budget in &budgets {
            if budget.state == BudgetState::Ample {
                warned.remove(&budget.name);
            } else if warned.insert(budget.name.clone()) {
                tracing::warn!(
                    target: "bedplate::deploy", budget = budget.name, used = budget.used, limit = budget.limit,
                    "most of the budget `deploy.retired.{}` is used: when it is spent, nothing is deployed before the \
                     base is restarted", budget.name
                );
            }
        }
        budgets.iter().find(|budget| budget.state == BudgetState::Spent).map_or(Ok(()), |budget| Err(spent(budget)))
    }

    /// All objects. The code of those that have newly retired is given back to the kernel.
    fn retire(&self) -> MutexGuard<'_, Vec<Loaded>> {
        let mut loaded = lock(&self.loaded);
        for one in loaded.iter_mut() {
            let is_retired = one.is_retired();
            if is_retired
                && !one.released
                && let Some(image) = &one.image
            {
                image.release_text();
            }
            one.released = is_retired;
        }
        loaded
    }

    /// What retired objects cost, measured now.
    pub(crate) fn report(&self, budgets: &Budgets) -> RetiredReport {
        let mut measured = lock(&self.measured);
        let loaded = self.retire();
        let costs = measured.measure(&spans(retired(&loaded)));
        let budgets = stand(budgets, &measured, retired(&loaded).count() as u64, disk(retired(&loaded)));
        let objects = retired(&loaded).enumerate().map(|(index, one)| {
            let cost = costs.as_ref().and_then(|costs| costs.get(index)).filter(|_| one.image.is_some());
            RetiredObject {
                module: one.module.to_string(),
                digest: one.digest,
                build_id: one.build_id.clone(),
                file: one.path.display().to_string(),
                disk: one.size,
                anonymous: cost.map(|cost| cost.anonymous),
                mappings: cost.map(|cost| cost.mappings),
            }
        });
        let objects = objects.collect();
        RetiredReport { budgets, objects }
    }
}

/// Those that nothing refers to.
fn retired(loaded: &[Loaded]) -> impl Iterator<Item = &Loaded> {
    loaded.iter().filter(|one| one.released)
}

/// Loads a checked file where it is, into a process that does not serve.
///
/// # Errors
///
/// Where the object cannot be used.
pub(crate) fn load_in_place(path: &Path, size: u64, file: &ObjectFile) -> Result<ModuleSpec, Vec<Problem>> {
    match load(path, size, file) {
        Mapped::No(problem) => Err(vec![problem]),
        Mapped::Unusable(_, problems) => Err(problems),
        Mapped::Module(_, spec) => Ok(*spec),
    }
}

/// Where each lies. One whose place is not known has an empty span, which costs nothing.
fn spans<'l>(objects: impl Iterator<Item = &'l Loaded>) -> Vec<Range<usize>> {
    objects.map(|one| one.image.as_ref().map_or(0..0, |image| image.span.clone())).collect()
}

fn disk<'l>(objects: impl Iterator<Item = &'l Loaded>) -> u64 {
    objects.map(|one| one.size).sum()
}

#[cfg(test)]
mod tests {
    use super::super::file::inspect;
    use super::super::tests::log::logged;
    use super::super::tests::objects::Object;
    use super::*;

    const AMPLE: Budgets = Budgets { count: 100, anonymous: 1 << 30, mappings: 60_000, disk: 1 << 30 };

    /// The entries of these objects give back no module: they are mapped, refused, and retired at once.
    fn load(images: &Images, budgets: &Budgets) -> Vec<Problem> {
        let bytes = Object::default().make("counted");
        images.load(&inspect(&bytes).unwrap(), &bytes, budgets).unwrap_err()
    }

    fn images() -> (tempfile::TempDir, Images) {
        let folder = tempfile::tempdir().unwrap();
        let images = Images::new(Generations::open(folder.path().join("generations")).unwrap());
        (folder, images)
    }

    #[test]
    fn what_is_mapped_and_not_used_is_measured() {
        let (_folder, images) = images();
        assert_eq!(load(&images, &AMPLE)[0].code, "object-malformed");
        assert_eq!(load(&images, &AMPLE)[0].code, "object-malformed");
        let report = images.report(&AMPLE);
        assert_eq!(report.objects.len(), 2);
        assert_ne!(report.objects[0].file, report.objects[1].file);
        for object in &report.objects {
            assert!(object.disk > 4096 && std::fs::metadata(&object.file).unwrap().len() == object.disk);
            #[cfg(target_os = "linux")]
            {
                assert!((3..20).contains(&object.mappings.unwrap()), "{object:?}");
                // What the loader has written into it: its relocations.
                assert!((4096..1 << 20).contains(&object.anonymous.unwrap()), "{object:?}");
            }
        }
        assert!(report.budgets.iter().all(|budget| budget.state == BudgetState::Ample), "{report:?}");
    }

    #[test]
    fn a_spent_budget_refuses_and_says_what_a_restart_does() {
        let (folder, images) = images();
        let tight = Budgets { count: 2, ..AMPLE };
        load(&images, &tight);
        load(&images, &tight);
        let problems = load(&images, &tight);
        assert_eq!(problems[0].code, "retired-budget");
        assert!(problems[0].what.contains("`deploy.retired.count`") && problems[0].what.ends_with("2 of 2"));
        assert!(problems[0].help.contains("systemctl restart"));
        // Nothing was written for what was refused.
        assert_eq!(std::fs::read_dir(folder.path().join("generations")).unwrap().count(), 2);
        assert_eq!(load(&images, &AMPLE)[0].code, "object-malformed");
    }

    #[test]
    fn most_of_a_budget_is_warned_of_once_and_all_of_it_is_refused_by_name() {
        let (_folder, images) = images();
        let tight = Budgets { count: 5, ..AMPLE };
        let ((), log) = logged(|| {
            for _ in 0..4 {
                assert_eq!(load(&images, &tight)[0].code, "object-malformed", "there is room");
            }
        });
        assert_eq!(log, Vec::<String>::new(), "three of five were retired when the fourth came");
        let (problems, log) = logged(|| {
            assert_eq!(load(&images, &tight)[0].code, "object-malformed", "the last one");
            load(&images, &tight)
        });
        assert_eq!(log.len(), 1, "{log:?}");
        assert!(log[0].starts_with("WARN") && log[0].contains("`deploy.retired.count`"), "{log:?}");
        assert!(log[0].contains("used=4") && log[0].contains("limit=5"), "{log:?}");
        assert_eq!(problems[0].code, "retired-budget");
        assert!(problems[0].what.contains("`deploy.retired.count`") && problems[0].what.ends_with("5 of 5"));
    }

    #[test]
    fn every_budget_is_kept() {
        let cases = [Budgets { anonymous: 1, ..AMPLE }, Budgets { mappings: 1, ..AMPLE }, Budgets { disk: 1, ..AMPLE }];
        for tight in cases {
            let (_folder, images) = images();
            load(&images, &AMPLE);
            images.report(&AMPLE);
            assert_eq!(load(&images, &tight)[0].code, "retired-budget", "{tight:?}");
        }
    }

    #[test]
    fn what_is_referred_to_is_not_retired() {
        let (folder, images) = images();
        let bytes = Object::default().make("counted");
        let path = folder.path().join("held.so");
        std::fs::write(&path, &bytes).unwrap();
        let mapped = super::load(&path, bytes.len() as u64, &inspect(&bytes).unwrap());
        let Mapped::Unusable(held, _) = mapped else { panic!("its entry gives back no module") };
        lock(&images.loaded).push(Loaded::new(&held));
        assert_eq!(images.report(&AMPLE).objects, []);
        drop(held);
        assert_eq!(images.report(&AMPLE).objects.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_full_disk_is_said_and_nothing_is_left() {
        // No file can be made in a folder that is gone.
        let (folder, images) = images();
        std::fs::remove_dir_all(folder.path().join("generations")).unwrap();
        assert_eq!(load(&images, &AMPLE)[0].code, "disk-failed");
        assert_eq!(images.report(&AMPLE).objects, []);
    }
}
