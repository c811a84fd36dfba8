//! Whether modules and starters fit together, answered from data alone.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::compose::{Place, Problem, required_by_index, start_order};
use crate::descriptors::{HandleInfo, Site, StarterDescriptor};
use crate::module::{ModuleSpec, Need, Required, RequiredKind};
use crate::scene::SceneName;
use crate::service::{Contract, Publishers};

/// All that keeps these modules, each in its scene, from being composed in a base with these starters.
pub(crate) fn check<'m>(
    members: impl IntoIterator<Item = (&'m SceneName, &'m Arc<ModuleSpec>)>,
    starters: &[&'static StarterDescriptor],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    starter_needs(starters, &mut problems);
    let mut scenes: BTreeMap<&SceneName, Vec<Arc<ModuleSpec>>> = BTreeMap::new();
    for (scene, spec) in members {
        scenes.entry(scene).or_default().push(spec.clone());
    }
    for (scene, specs) in scenes {
        check_scene(scene, &specs, starters, &mut problems);
    }
    problems
}

fn check_scene(
    scene: &SceneName,
    specs: &[Arc<ModuleSpec>],
    starters: &[&'static StarterDescriptor],
    problems: &mut Vec<Problem>,
) {
    names(specs, problems);
    publishers(scene, specs, problems);
    let publishers = Publishing::of(scene, specs);
    for spec in specs {
        for required in spec.requirements.as_slice() {
            requirement(scene, specs, &publishers, starters, spec, required, problems);
        }
    }
    cycles(scene, specs, problems);
}

fn names(specs: &[Arc<ModuleSpec>], problems: &mut Vec<Problem>) {
    let mut by_name: BTreeMap<&str, Vec<&ModuleSpec>> = BTreeMap::new();
    for spec in specs {
        by_name.entry(spec.name.as_str()).or_default().push(spec);
    }
    for (name, same) in by_name.into_iter().filter(|(_, same)| same.len() > 1) {
        problems.push(Problem {
            code: "duplicate-module",
            what: format!("{} modules are called `{name}`", same.len()),
            places: same.iter().map(|spec| module_place(spec)).collect(),
            help: format!("give one of them another name: `#[module(name = \"{name}-2\")]`"),
        });
    }
}

fn publishers(scene: &SceneName, specs: &[Arc<ModuleSpec>], problems: &mut Vec<Problem>) {
    let mut by_contract: BTreeMap<(&str, TypeId), Vec<(&ModuleSpec, Site)>> = BTreeMap::new();
    let mut contracts: BTreeMap<TypeId, &'static Contract> = BTreeMap::new();
    for spec in specs {
        for published in spec.publishes_in(scene) {
            contracts.insert(published.contract_type, published.contract);
            by_contract
                .entry((published.contract.name, published.contract_type))
                .or_default()
                .push((spec, published.site));
        }
    }
    for ((name, contract_type), publishers) in by_contract {
        let contract = contracts[&contract_type];
        if publishers.len() < 2 || contract.publishers == Publishers::Many {
            continue;
        }
        let mut places: Vec<_> = publishers
            .iter()
            .map(|(spec, site)| Place::source(format!("`{}` publishes it here", spec.name), *site))
            .collect();
        places.push(Place::source(format!("the contract `{name}`"), contract.site));
        problems.push(Problem {
            code: "duplicate-publisher",
            what: format!("{} modules publish `{name}` in scene `{scene}`: {}", publishers.len(), list(&publishers)),
            places,
            help: "disable one of them with `enabled = false` under `[modules.<name>]`, or let the contract have \
                   several publishers: `#[service(many)]`"
                .to_owned(),
        });
    }
}

fn list(publishers: &[(&ModuleSpec, Site)]) -> String {
    publishers.iter().map(|(spec, _)| format!("`{}`", spec.name)).collect::<Vec<_>>().join(", ")
}

/// Who publishes what in a scene, by the type of the contract.
struct Publishing<'a>(FxHashMap<TypeId, Vec<&'a ModuleSpec>>);

impl<'a> Publishing<'a> {
    fn of(scene: &SceneName, specs: &'a [Arc<ModuleSpec>]) -> Self {
        let mut by_contract: FxHashMap<TypeId, Vec<&'a ModuleSpec>> = FxHashMap::default();
        for spec in specs {
            for published in spec.publishes_in(scene) {
                by_contract.entry(published.contract_type).or_default().push(spec);
            }
        }
        Self(by_contract)
    }

    fn publishers(&self, contract: TypeId) -> &[&'a ModuleSpec] {
        self.0.get(&contract).map_or(&[], Vec::as_slice)
    }
}

fn requirement(
    scene: &SceneName,
    specs: &[Arc<ModuleSpec>],
    publishing: &Publishing<'_>,
    starters: &[&'static StarterDescriptor],
    spec: &ModuleSpec,
    required: &Required,
    problems: &mut Vec<Problem>,
) {
    match &required.kind {
        RequiredKind::Service { contract, contract_type, need } => {
            service(scene, specs, publishing, spec, required, (contract, *contract_type, *need), problems);
        }
        RequiredKind::Handle { type_id, type_name, need: Need::Required, .. } => {
            let provided =
                starters.iter().any(|starter| starter.provides.iter().any(|handle| (handle.type_id)() == *type_id));
            if !provided {
                problems.push(missing_handle(spec, required, type_name, starters));
            }
        }
        RequiredKind::Handle { .. } | RequiredKind::Settings(_) | RequiredKind::Context => {}
    }
}

fn missing_handle(
    spec: &ModuleSpec,
    required: &Required,
    type_name: &str,
    starters: &[&'static StarterDescriptor],
) -> Problem {
    let short = short_type(type_name);
    let krate = type_name.split("::").next().unwrap_or(type_name).replace('_', "-");
    let names = starters.iter().map(|starter| starter.name).collect::<Vec<_>>().join(", ");
    Problem {
        code: "missing-handle",
        what: format!("`{}` requires `{short}`, and no starter of this base hands one out", spec.name),
        places: vec![field_place(spec, required)],
        help: format!(
            "add the starter to the base's `Cargo.toml` (the type comes from `{krate}`), or enable it under \
             `[starters]`; the base has: {}",
            if names.is_empty() { "none" } else { &names }
        ),
    }
}

fn service(
    scene: &SceneName,
    specs: &[Arc<ModuleSpec>],
    publishing: &Publishing<'_>,
    spec: &ModuleSpec,
    required: &Required,
    (contract, contract_type, need): (&'static Contract, TypeId, Need),
    problems: &mut Vec<Problem>,
) {
    let publishers = publishing.publishers(contract_type);
    let field = field_place(spec, required);
    let declared = Place::source(format!("the contract `{}`", contract.name), contract.site);
    let chosen = publishers
        .iter()
        .filter(|publisher| required.field.from.is_none_or(|name| publisher.name.as_str() == name))
        .count();
    if chosen == 0 && need == Need::Required {
        let by = required.field.from.map(|name| format!(" by `{name}`")).unwrap_or_default();
        problems.push(Problem {
            code: "missing-service",
            what: format!(
                "`{}` requires `{}`{by}, and nobody publishes it in scene `{scene}`",
                spec.name, contract.name
            ),
            places: std::iter::once(field)
                .chain([declared])
                .chain(publishers.iter().map(|other| module_place(other)))
                .chain(other_versions(specs, contract))
                .collect(),
            help: format!(
                "add a module that publishes `{}` to the base's `Cargo.toml`, or let the module do without: \
                 `Option<ServiceRef<dyn {}>>`",
                contract.name, contract.name
            ),
        });
    } else if chosen > 1 && need != Need::All {
        // One publisher too many is reported with the contract, unless it may have several.
        if contract.publishers == Publishers::Many {
            problems.push(Problem {
                code: "ambiguous-service",
                what: format!(
                    "`{}` requires one `{}`, and {chosen} modules publish it in scene `{scene}`",
                    spec.name, contract.name
                ),
                places: std::iter::once(field).chain(publishers.iter().map(|other| module_place(other))).collect(),
                help: format!(
                    "name the module: `#[from(\"{}\")]`, or take all of them: `ServiceRefs<dyn {}>`",
                    publishers.first().map_or("", |publisher| publisher.name.as_str()),
                    contract.name
                ),
            });
        }
    }
}

/// Publishers of another version of the same contract: the usual reason why one is missing.
fn other_versions<'a>(specs: &'a [Arc<ModuleSpec>], contract: &'static Contract) -> impl Iterator<Item = Place> + 'a {
    specs.iter().flat_map(move |spec| {
        spec.publishes
            .iter()
            .filter(move |published| {
                published.contract.name == contract.name
                    && published.contract.site.crate_name == contract.site.crate_name
                    && published.contract.site.version != contract.site.version
            })
            .map(|published| {
                Place::source(
                    format!("`{}` publishes version {} of it", spec.name, published.contract.site.version),
                    published.site,
                )
            })
    })
}

fn cycles(scene: &SceneName, specs: &[Arc<ModuleSpec>], problems: &mut Vec<Problem>) {
    let Err(circles) = start_order(&required_by_index(scene, specs)) else { return };
    for circle in circles {
        let names: Vec<_> = circle.iter().chain(circle.first()).map(|index| specs[*index].name.as_str()).collect();
        let places = circle
            .iter()
            .zip(circle.iter().cycle().skip(1))
            .filter_map(|(from, to)| edge_place(&specs[*from], &specs[*to]))
            .collect();
        problems.push(Problem {
            code: "cycle",
            what: format!("modules require each other in a circle: {}", names.join(" → ")),
            places,
            help: "make one of these references optional, `Option<ServiceRef<dyn …>>`: it may close a circle"
                .to_owned(),
        });
    }
}

/// The field of `from` that makes it need `to`.
fn edge_place(from: &ModuleSpec, to: &ModuleSpec) -> Option<Place> {
    from.requirements
        .as_slice()
        .iter()
        .find(|required| match required.kind {
            RequiredKind::Service { contract_type, need: Need::Required, .. } => {
                required.field.from.is_none_or(|name| to.name.as_str() == name)
                    && to.publishes.iter().any(|published| published.contract_type == contract_type)
            }
            _ => false,
        })
        .map(|required| field_place(from, required))
}

fn starter_needs(starters: &[&'static StarterDescriptor], problems: &mut Vec<Problem>) {
    let mut by_name: BTreeMap<&str, Vec<&StarterDescriptor>> = BTreeMap::new();
    for starter in starters {
        by_name.entry(starter.name).or_default().push(starter);
        for need in starter.needs.iter().filter(|need| !is_there(starters, need)) {
            problems.push(Problem {
                code: "missing-starter",
                what: format!(
                    "the starter `{}` needs `{}`, which this base does not have",
                    starter.name,
                    (need.type_name)()
                ),
                places: vec![Place::source(format!("the starter `{}`", starter.name), starter.site)],
                help: format!(
                    "add `{}` to the base's `Cargo.toml`, or enable it under `[starters]`",
                    (need.type_name)().split("::").next().unwrap_or_default().replace('_', "-")
                ),
            });
        }
    }
    for (name, same) in by_name.into_iter().filter(|(_, same)| same.len() > 1) {
        problems.push(Problem {
            code: "duplicate-starter",
            what: format!("{} starters are called `{name}`", same.len()),
            places: same.iter().map(|starter| Place::source(format!("the starter `{name}`"), starter.site)).collect(),
            help: "remove one of them from the base's `Cargo.toml`".to_owned(),
        });
    }
}

fn is_there(starters: &[&'static StarterDescriptor], wanted: &HandleInfo) -> bool {
    starters.iter().any(|starter| (starter.type_id)() == (wanted.type_id)())
}

fn module_place(spec: &ModuleSpec) -> Place {
    Place::source(format!("the module `{}`", spec.name), spec.site)
}

fn field_place(spec: &ModuleSpec, required: &Required) -> Place {
    let site = if required.field.line == 0 { spec.site } else { spec.site.at_line(required.field.line) };
    Place::source(format!("the field `{}` of `{}`", required.field.name, spec.name), site)
}

/// A type's name without its path.
fn short_type(type_name: &str) -> &str {
    type_name.rsplit("::").next().unwrap_or(type_name)
}
