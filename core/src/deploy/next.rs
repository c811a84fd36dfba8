//! What the next composition is made of, answered from data: what comes, what goes, and whether it fits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Configuration, Shared, members_of, read_sections};
use crate::compose::{CompositionError, Problem, check};
use crate::deploy::engine::{Deployment, Reason};
use crate::deploy::live::LiveSettings;
use crate::deploy::operations::disagreeing;
use crate::deploy::{Change, Member};
use crate::descriptors::ModuleName;
use crate::module::{Instance, ModuleSpec};
use crate::scene::SceneName;
use crate::settings::SettingProblem;

/// What the next composition is made of.
pub(super) struct Next {
    /// All that will serve.
    pub(super) specs: BTreeMap<Member, Arc<ModuleSpec>>,
    /// What gets a new instance.
    pub(super) fresh: BTreeMap<Member, Arc<ModuleSpec>>,
    /// What goes, with nothing in its place.
    pub(super) gone: BTreeSet<Member>,
    /// What was warm, and serves again.
    pub(super) revived: BTreeMap<Member, Arc<Instance>>,
    pub(super) configuration: Arc<Configuration>,
}

impl Next {
    /// What serves now.
    pub(super) fn of_now(base: &Shared) -> Self {
        Self {
            specs: base.deployer.specs(),
            fresh: BTreeMap::new(),
            gone: BTreeSet::new(),
            revived: BTreeMap::new(),
            configuration: base.configuration(),
        }
    }

    /// Whether the deployment brings or takes this member.
    pub(super) fn concerns(&self, member: &Member) -> bool {
        self.fresh.contains_key(member) || self.gone.contains(member) || self.revived.contains_key(member)
    }

    fn put(&mut self, member: Member, spec: Arc<ModuleSpec>) {
        self.gone.remove(&member);
        self.specs.insert(member.clone(), spec.clone());
        self.fresh.insert(member, spec);
    }

    fn take_out(&mut self, member: &Member) {
        self.specs.remove(member);
        self.gone.insert(member.clone());
    }
}

impl Change {
    /// Whether it puts a module of this name anywhere.
    pub(super) fn puts(&self, module: &ModuleName) -> bool {
        self.put.keys().any(|(name, _)| name == module)
    }
}

impl Deployment<'_> {
    /// Whether an instance that serves now does not in the next composition.
    pub(super) fn leaves(&self, instance: &Instance) -> bool {
        self.next.concerns(&instance.member())
    }

    /// What the next composition is made of, checked.
    ///
    /// # Errors
    ///
    /// All that keeps it from being composed.
    pub(super) fn resolve(&self) -> Result<Next, CompositionError> {
        let (next, problems) = self.next();
        if problems.is_empty() { Ok(next) } else { Err(CompositionError::new("check", problems)) }
    }

    /// What the next composition would be made of, and all that keeps it from being composed.
    pub(super) fn next(&self) -> (Next, Vec<Problem>) {
        let mut next = Next::of_now(self.base);
        let mut problems = Vec::new();
        if self.reason == Reason::Ending {
            let all: Vec<_> = next.specs.keys().cloned().collect();
            all.iter().for_each(|member| next.take_out(member));
            return (next, problems);
        }
        for name in &self.change.remove {
            let members = of_module(&next.specs, name);
            if members.is_empty() && !self.base.restarts.knows_module(name) {
                problems.push(not_installed(name));
            }
            members.iter().for_each(|member| next.take_out(member));
        }
        for name in &self.change.again {
            let members = of_module(&next.specs, name);
            if members.is_empty() {
                problems.push(not_installed(name));
            }
            for member in members {
                let spec = next.specs[&member].clone();
                next.put(member, spec);
            }
        }
        for (member, spec) in &self.change.put {
            next.put(member.clone(), spec.clone());
        }
        self.revive(&mut next, &mut problems);
        if let Some(tree) = &self.change.settings {
            self.change_settings(&LiveSettings::new(self.base, tree, &next.specs), &mut next, &mut problems);
        }
        let starters: Vec<_> = self.base.starters().iter().map(|starter| starter.descriptor).collect();
        problems.extend(check(members_of(&next.specs), &starters));
        if let Reason::Restart(_) = self.reason {
            // What nobody asked for is not recorded, which is where all else has its last look.
            problems.extend(disagreeing(next.specs.values().map(|spec| &**spec)));
        }
        (next, problems)
    }

    /// Lets warm predecessors serve again. They are claimed until the deployment has ended.
    fn revive(&self, next: &mut Next, problems: &mut Vec<Problem>) {
        for name in &self.change.revive {
            let mut again = self.base.bakes.claim(name);
            again.retain(|instance| !instance.state_cell().is_over());
            if again.is_empty() {
                problems.push(not_warm(name));
            }
            for instance in again {
                let member = instance.member();
                if next.fresh.contains_key(&member) || next.gone.contains(&member) {
                    problems.push(contradiction(name));
                    continue;
                }
                next.specs.insert(member.clone(), instance.spec.clone());
                next.revived.insert(member, instance);
            }
        }
    }

    /// Takes the next settings up: modules that they want or leave out, and those whose settings differ.
    fn change_settings(&self, live: &LiveSettings<'_>, next: &mut Next, problems: &mut Vec<Problem>) {
        let (configuration, mut found) = live.check();
        problems.extend(live.refused());
        let Some(configuration) = configuration else {
            problems.extend(found.into_iter().map(Problem::from));
            return;
        };
        let before = &self.next.configuration;
        for (name, spec) in self.base.deployer.available() {
            let member = (name.clone(), SceneName::main());
            match (before.is_enabled(&name), configuration.is_enabled(&name)) {
                (true, false) if !next.fresh.contains_key(&member) => {
                    of_module(&next.specs, &name).iter().for_each(|member| next.take_out(member));
                }
                (false, true) if !next.specs.contains_key(&member) => next.put(member, spec),
                _ => {}
            }
        }
        for instance in self.base.cell.current().value().instances() {
            let member = instance.member();
            if next.specs.contains_key(&member) && !next.concerns(&member) && live.differ_for(instance) {
                let spec = next.specs[&member].clone();
                next.put(member, spec);
            }
        }
        let starters: Vec<_> = self.base.starters().iter().map(|starter| starter.descriptor).collect();
        read_sections(&configuration.tree, &starters, members_of(&next.specs), &mut found);
        SettingProblem::arrange(&mut found);
        problems.extend(found.into_iter().map(Problem::from));
        next.configuration = configuration;
    }
}

fn of_module(specs: &BTreeMap<Member, Arc<ModuleSpec>>, module: &ModuleName) -> Vec<Member> {
    specs.keys().filter(|(name, _)| name == module).cloned().collect()
}

fn not_installed(name: &ModuleName) -> Problem {
    Problem {
        code: "not-installed",
        what: format!("`{name}` is not part of the composition"),
        places: Vec::new(),
        help: "see `modules` for what is".to_owned(),
    }
}

fn not_warm(name: &ModuleName) -> Problem {
    Problem {
        code: "not-warm",
        what: format!("`{name}` has no warm predecessor: nothing was replaced, or its bake time is over"),
        places: Vec::new(),
        help: "install the artifact that served before; `deploy.bake` says how long a predecessor stays warm"
            .to_owned(),
    }
}

fn contradiction(name: &ModuleName) -> Problem {
    Problem {
        code: "contradictory-change",
        what: format!("the change brings the predecessor of `{name}` back, and replaces or removes `{name}` as well"),
        places: Vec::new(),
        help: "ask for one of them".to_owned(),
    }
}
