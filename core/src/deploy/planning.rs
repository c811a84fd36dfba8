//! Finds out what a deployment would change: makes the new instances aside, looks at what they export, and
//! buries them. Nothing is started, nothing is migrated, and what serves does not notice.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::Shared;
use crate::compose::{Composition, CompositionError, Problem};
use crate::deploy::bounded::not_longer_than;
use crate::deploy::change::Breaking;
use crate::deploy::changed_settings::{Values, changed_settings};
use crate::deploy::engine::{Deployment, Reason, interrupted};
use crate::deploy::ledger::Reporter;
use crate::deploy::make::problems_of;
use crate::deploy::plan::{
    ComeAlong, ContractName, Difference, Plan, PlannedModule, PlannedWork, crates, difference, published, required,
    setting_keys, shown,
};
use crate::deploy::prepare::Preparation;
use crate::deploy::retire::put_aside;
use crate::deploy::start::{gather_exports, place};
use crate::deploy::{Change, Member, Versioned};
use crate::descriptors::ModuleName;
use crate::isolation::{Contained, catch};
use crate::module::{Instance, ModuleSpec, Need, RequiredKind};
use crate::scene::SceneName;
use crate::service::Contract;
use crate::starter::{Inspection, StarterCalls};

/// Finds out what a change would do, when its turn has come.
pub(crate) async fn plan(base: &Arc<Shared>, change: Change) -> Result<Plan, CompositionError> {
    let running = base.clone();
    let turn = base.deployer.line.join();
    let task = base.runtime.spawn(async move {
        turn.comes(|_| ()).await;
        let reporter = Reporter { deployment: turn.number(), ledger: None, watcher: None };
        let mut deployment = Deployment::new(&running, change, Reason::Asked, reporter);
        let planned = deployment.plan().await;
        running.bakes.unclaim(&running).await;
        drop(turn);
        planned
    });
    task.await.unwrap_or_else(|error| Err(interrupted(&error)))
}

impl Deployment<'_> {
    async fn plan(&mut self) -> Result<Plan, CompositionError> {
        self.may_begin()?;
        let before = std::mem::take(&mut self.next.specs);
        let (next, refused) = self.next();
        self.next = next;
        let mut plan = Plan { refused, come_along: self.come_along(), ..Plan::default() };
        let current = self.base.cell.current();
        let serving = |(module, scene): &Member| current.value().instance(module, scene);
        plan.goes = self.next.gone.iter().filter_map(|member| Some(serving(member)?.id().clone())).collect();
        let revived = self.next.revived.iter().map(|(member, instance)| (member, &instance.spec, Some(instance)));
        let comes = self.next.fresh.iter().map(|(member, spec)| (member, spec, None)).chain(revived);
        for (member, spec, revives) in comes {
            let serves = serving(member);
            let old = before.get(member).map(|spec| &**spec);
            let mut planned = planned_module(member, old, spec);
            planned.replaces = serves.map(|instance| instance.id().clone());
            planned.revives = revives.map(|instance| instance.id().clone());
            if let (Some(old), Some(serves)) = (old, serves) {
                // What is revived has the settings that it was made with.
                let tree = revives.map_or(&self.next.configuration.tree, |instance| &instance.settings);
                let (now, next) = (Values { spec: old, tree: &serves.settings }, Values { spec, tree });
                planned.changed_settings = changed_settings(&self.base.linked, member, now, next);
            }
            plan.comes.push(planned);
        }
        drop(current);
        if plan.refused.is_empty() {
            self.try_out(&mut plan).await;
        }
        Ok(plan)
    }

    /// Makes the instances, and looks at what they would bring.
    async fn try_out(&self, plan: &mut Plan) {
        let new = match self.construct().await {
            // On a base that serves, nothing is left out.
            Ok((new, _)) => new,
            Err(error) => return plan.refused.extend(error.problems),
        };
        for instance in &new {
            self.plan_work(instance, plan).await;
        }
        let next = self.compose(&new);
        let mut known = true;
        for instance in &new {
            match gather_exports(&next, instance, self.start_deadline(&instance.member())).await {
                Ok(exports) => {
                    // Set once: this instance is never started.
                    let _ = instance.exports.set(Contained::new(exports, instance.state_cell()));
                }
                Err(problem) => {
                    known = false;
                    plan.unknown.push(format!(
                        "what `{}` exports, which it does not say before it has started: {}",
                        instance.module(),
                        problem.what
                    ));
                }
            }
        }
        if known {
            self.show(&next, plan).await;
        }
        put_aside(self.base, &new, "it was made for a plan").await;
        self.base.discard(next);
    }

    /// What the starters would do to bring an instance up.
    async fn plan_work(&self, instance: &Arc<Instance>, plan: &mut Plan) {
        let limit = self.next.configuration.core.lifecycle.start_deadline;
        let settings = self.next.configuration.module(instance.module(), instance.scene());
        let staged = self.staged(instance, &settings);
        for starter in self.base.starters().iter() {
            let name = starter.descriptor.name;
            let found = match not_longer_than(limit, starter.calls.plan(&staged)).await {
                Ok(found) => found,
                Err(error) => {
                    plan.refused.extend(problems_of(error, "not-planned", |error| {
                        let what =
                            format!("the starter `{name}` cannot say what `{}` needs: {error:#}", instance.module());
                        (what, vec![place(instance)], "mend what it names".to_owned())
                    }));
                    continue;
                }
            };
            for planned in found {
                if planned.breaking && self.change.breaking == Breaking::Refused {
                    plan.refused.push(breaking(instance, &planned.what, planned.detail.as_deref()));
                }
                let (module, scene) = instance.member();
                plan.work.push(PlannedWork { module, scene, starter: name, planned });
            }
        }
    }

    /// What the starters would show of the next composition, against what they show now.
    async fn show(&self, next: &Arc<Versioned<Composition>>, plan: &mut Plan) {
        let (number, configuration) = (next.value().number(), self.next.configuration.clone());
        let instances = next.value().instances().cloned().collect();
        let mut tried = Composition::new(number, instances, self.base.arounds(), configuration);
        match self.prepare(&tried).await {
            Ok(prepared) => tried.set_prepared(prepared.into_values()),
            Err(error) => return plan.refused.extend(error.problems),
        }
        let before = shown(self.inspect(self.base.cell.current().value()));
        let after = shown(self.inspect(&tried));
        for name in before.keys().chain(after.keys()) {
            let list = |of: &BTreeMap<_, Vec<_>>| of.get(name).cloned().unwrap_or_default();
            let found = difference(&list(&before), &list(&after));
            if !found.is_empty() {
                plan.shows.insert(name, found);
            }
        }
        Preparation::of(self.base, &mut tried).abort(self.base).await;
    }

    fn inspect(&self, composition: &Composition) -> Vec<Inspection> {
        let starters = self.base.starters();
        let inspect = |calls: &dyn StarterCalls| catch(|| calls.inspect(composition)).unwrap_or_default();
        starters.iter().flat_map(|starter| inspect(&*starter.calls)).collect()
    }

    /// The modules that require another version of a contract than is going to be published.
    fn come_along(&self) -> Vec<ComeAlong> {
        let mut found = Vec::new();
        for (member @ (module, scene), spec) in &self.next.specs {
            for (contract, contract_type) in required_contracts(spec) {
                if self.publishes(scene, contract_type) {
                    continue;
                }
                let wanted = ContractName::of(contract);
                let others = self.publishers_of_another(scene, &wanted);
                if !self.next.concerns(member) {
                    let why = match others.first() {
                        Some((other, version)) => format!(
                            "it requires `{}` of {} {}, and `{other}` would publish that of {version}",
                            wanted.name, wanted.crate_name, wanted.version
                        ),
                        None => format!("it requires `{}`, which nobody would publish", wanted.name),
                    };
                    found.push(ComeAlong { module: module.clone(), why });
                    continue;
                }
                for (other, version) in others {
                    let why = format!(
                        "it publishes `{}` of {} {version}, and `{module}` requires that of {}",
                        wanted.name, wanted.crate_name, wanted.version
                    );
                    found.push(ComeAlong { module: other, why });
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    fn publishes(&self, scene: &SceneName, contract: TypeId) -> bool {
        let in_scene = self.next.specs.iter().filter(|((_, other), _)| other == scene);
        in_scene.flat_map(|(_, spec)| spec.publishes_in(scene)).any(|published| published.contract_type == contract)
    }

    /// Who publishes a contract of the same name and crate in another version, and which.
    fn publishers_of_another(&self, scene: &SceneName, wanted: &ContractName) -> Vec<(ModuleName, &'static str)> {
        let mut found = Vec::new();
        for ((module, _), spec) in self.next.specs.iter().filter(|((_, other), _)| other == scene) {
            let same = published(spec, scene).into_iter().filter(|other| {
                other.name == wanted.name && other.crate_name == wanted.crate_name && other.version != wanted.version
            });
            found.extend(same.map(|other| (module.clone(), other.version)));
        }
        found
    }
}

fn required_contracts(spec: &ModuleSpec) -> impl Iterator<Item = (&'static Contract, TypeId)> {
    spec.requirements.as_slice().iter().filter_map(|required| match required.kind {
        RequiredKind::Service { contract, contract_type, need: Need::Required } => Some((contract, contract_type)),
        _ => None,
    })
}

fn planned_module((module, scene): &Member, before: Option<&ModuleSpec>, after: &ModuleSpec) -> PlannedModule {
    PlannedModule {
        module: module.clone(),
        scene: scene.clone(),
        replaces: None,
        revives: None,
        publishes: Difference::between(
            &before.map_or_else(BTreeSet::new, |spec| published(spec, scene)),
            &published(after, scene),
        ),
        requires: Difference::between(&before.map_or_else(BTreeSet::new, required), &required(after)),
        settings: Difference::between(&before.map_or_else(BTreeSet::new, setting_keys), &setting_keys(after)),
        changed_settings: Vec::new(),
        crates: crates(before, after),
    }
}

fn breaking(instance: &Instance, what: &str, detail: Option<&str>) -> Problem {
    let detail = detail.map(|detail| format!(": it {detail}")).unwrap_or_default();
    Problem {
        code: "breaking-change",
        what: format!("{what} takes away what the generation before may still use{detail}"),
        places: vec![place(instance)],
        help: "deploy what does without it first; or allow it: `--breaking`".to_owned(),
    }
}
