//! Which modules a base has, so that their last lines are kept, and forgotten with them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bedplate::{InstanceId, ModuleName};

/// Of how many modules that never served the last lines are kept: they say why.
const FAILED: usize = 16;

/// Which modules a base has.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// The instances of each that were given their handles, and not released since.
    instances: BTreeMap<ModuleName, BTreeSet<InstanceId>>,
    serving: BTreeSet<ModuleName>,
    /// Those that served, and were taken out.
    leaving: BTreeSet<ModuleName>,
    /// Those of which no instance is left, and none ever served, the oldest first.
    failed: VecDeque<ModuleName>,
}

impl Modules {
    /// An instance is about to be made.
    pub(crate) fn came(&mut self, id: &InstanceId) {
        self.failed.retain(|failed| *failed != id.module);
        self.leaving.remove(&id.module);
        self.instances.entry(id.module.clone()).or_default().insert(id.clone());
    }

    /// These serve now.
    pub(crate) fn serve(&mut self, now: BTreeSet<ModuleName>) {
        let before = std::mem::replace(&mut self.serving, now);
        let left = before.into_iter().filter(|module| !self.serving.contains(module));
        self.leaving.extend(left);
    }

    /// An instance is gone. Returns the module whose lines nobody needs any more, where there is one.
    pub(crate) fn went(&mut self, id: &InstanceId) -> Option<ModuleName> {
        let instances = self.instances.get_mut(&id.module)?;
        instances.remove(id);
        if !instances.is_empty() {
            return None;
        }
        self.instances.remove(&id.module);
        if self.leaving.remove(&id.module) {
            return Some(id.module.clone());
        }
        self.failed.push_back(id.module.clone());
        if self.failed.len() > FAILED { self.failed.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use bedplate::SceneName;

    use super::*;

    fn id(module: &str, generation: u64) -> InstanceId {
        InstanceId { module: ModuleName::new(module).unwrap(), scene: SceneName::main(), generation }
    }

    fn serving(modules: &[&str]) -> BTreeSet<ModuleName> {
        modules.iter().map(|module| ModuleName::new(module).unwrap()).collect()
    }

    #[test]
    fn a_module_is_gone_with_its_last_instance() {
        let mut modules = Modules::default();
        modules.came(&id("a", 1));
        modules.serve(serving(&["a"]));
        modules.came(&id("a", 2));
        modules.serve(serving(&["a"]));
        assert_eq!(modules.went(&id("a", 1)), None, "another generation serves");
        modules.serve(serving(&[]));
        assert_eq!(modules.went(&id("a", 2)), Some(id("a", 2).module));
        assert_eq!(modules.went(&id("a", 2)), None);
    }

    #[test]
    fn one_that_comes_back_while_it_leaves_stays() {
        let mut modules = Modules::default();
        modules.came(&id("a", 1));
        modules.serve(serving(&["a"]));
        modules.serve(serving(&[]));
        modules.came(&id("a", 2));
        assert_eq!(modules.went(&id("a", 1)), None);
        modules.serve(serving(&["a"]));
        modules.serve(serving(&[]));
        assert_eq!(modules.went(&id("a", 2)), Some(id("a", 2).module));
    }

    #[test]
    fn of_modules_that_never_served_some_are_kept() {
        let mut modules = Modules::default();
        for number in 0..FAILED {
            modules.came(&id(&format!("m{number}"), 1));
            assert_eq!(modules.went(&id(&format!("m{number}"), 1)), None);
        }
        // Tried again, the first one is the newest.
        modules.came(&id("m0", 2));
        assert_eq!(modules.went(&id("m0", 2)), None);
        modules.came(&id("another", 1));
        assert_eq!(modules.went(&id("another", 1)), Some(id("m1", 1).module));
    }
}
