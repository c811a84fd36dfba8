//! Whether the objects of one composition agree: what two of them carry, they carry in the same build.

use std::collections::{BTreeMap, BTreeSet};

use super::fit::is_same;
use super::label::{CrateKind, CrateLabel, ObjectLabel};
use crate::compose::{Place, Problem};
use crate::descriptors::ModuleName;

/// One object of the composition to come.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The module.
    pub module: &'a ModuleName,
    /// Its label.
    pub label: &'a ObjectLabel,
}

/// A crate that two objects carry in builds of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The crate.
    pub crate_name: String,
    /// Whether it is a contract.
    pub is_contract: bool,
    /// The modules that carry it, in groups that agree, the largest first.
    pub groups: Vec<Vec<ModuleName>>,
    /// The modules to deploy together: all that carry it.
    pub together: Vec<ModuleName>,
    /// What the builds differ in: their versions, features or sources.
    pub differ_in: &'static str,
}

/// All crates that the objects of a composition do not agree on.
///
/// Crates whose versions are not compatible are different crates, as they are for cargo: two versions of a contract
/// can be served side by side.
#[must_use]
pub fn disagreements(members: &[Member<'_>]) -> Vec<Disagreement> {
    let mut carried: BTreeMap<(&str, String), Vec<(&Member<'_>, &CrateLabel)>> = BTreeMap::new();
    for member in members {
        for one in member.label.crates.iter().filter(|one| !one.in_base) {
            carried.entry((&one.name, compatible(&one.version))).or_default().push((member, one));
        }
    }
    carried.into_iter().filter_map(|((name, _), carriers)| disagreement(name, &carriers)).collect()
}

fn disagreement(name: &str, carriers: &[(&Member<'_>, &CrateLabel)]) -> Option<Disagreement> {
    let mut builds: Vec<(&CrateLabel, BTreeSet<&ModuleName>)> = Vec::new();
    for (member, one) in carriers {
        match builds.iter_mut().find(|(known, ..)| is_same(known, one)) {
            Some((_, modules)) => {
                modules.insert(member.module);
            }
            None => builds.push((one, BTreeSet::from([member.module]))),
        }
    }
    let [(first, _), (second, _), ..] = builds.as_slice() else { return None };
    let differ_in = if first.version != second.version {
        "versions"
    } else if first.features != second.features {
        "features"
    } else {
        "sources"
    };
    let is_contract = carriers.iter().any(|(_, one)| one.kind == CrateKind::Contract);
    let all: BTreeSet<_> = carriers.iter().map(|(member, _)| member.module.clone()).collect();
    builds.sort_by_key(|(_, modules)| std::cmp::Reverse(modules.len()));
    let groups = builds.iter().map(|(_, modules)| modules.iter().copied().cloned().collect()).collect();
    Some(Disagreement {
        crate_name: name.to_owned(),
        is_contract,
        groups,
        together: all.into_iter().collect(),
        differ_in,
    })
}

/// What cargo takes for one crate: `1.2.3` and `1.9.0` are `1`, `0.2.3` and `0.2.9` are `0.2`.
fn compatible(version: &str) -> String {
    let mut parts = version.split(['.', '-', '+']);
    let mut kept = Vec::new();
    for part in parts.by_ref().take(3) {
        kept.push(part);
        if part != "0" {
            break;
        }
    }
    kept.join(".")
}

impl Disagreement {
    /// The report of it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let Self { crate_name, groups, together, differ_in, .. } = self;
        let what = if self.is_contract { "the contract" } else { "the crate" };
        let groups: Vec<_> = groups.iter().map(|group| listed(group)).collect();
        let names: Vec<_> = together.iter().map(ModuleName::as_str).collect();
        Problem {
            code: if self.is_contract { "contract-disagrees" } else { "crate-disagrees" },
            what: format!(
                "{what} `{crate_name}` would be there in {} builds that differ in their {differ_in}: {}",
                groups.len(),
                groups.join(" against ")
            ),
            places: together
                .iter()
                .map(|module| Place { what: format!("carries `{crate_name}`"), at: format!("the module `{module}`") })
                .collect(),
            help: format!("build and deploy them together, in one step: {}", names.join(" ")),
        }
    }
}

fn listed(modules: &[ModuleName]) -> String {
    let names: Vec<_> = modules.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::label::tests::{a_crate, a_module_label};
    use super::*;

    fn name(name: &str) -> ModuleName {
        ModuleName::new(name).unwrap()
    }

    /// Finds the disagreements of modules that carry a crate `profiles` of this version and metadata.
    fn found(modules: &[(&str, &str, &str)]) -> Vec<Disagreement> {
        let members: Vec<_> = modules
            .iter()
            .map(|(module, version, metadata)| {
                let mut label = a_module_label(module);
                label.crates.retain(|one| one.in_base);
                let mut carried = a_crate("profiles", version, metadata, false);
                carried.kind = CrateKind::Contract;
                label.crates.push(carried);
                (name(module), label)
            })
            .collect();
        let members: Vec<_> = members.iter().map(|(module, label)| Member { module, label }).collect();
        disagreements(&members)
    }

    #[test]
    fn objects_that_carry_the_same_build_agree() {
        assert_eq!(found(&[("comments", "0.1.0", "a"), ("profiles", "0.1.0", "a")]), []);
    }

    #[test]
    fn a_changed_contract_names_all_that_must_come_along() {
        let found = found(&[("articles", "0.1.0", "a"), ("comments", "0.1.0", "b"), ("profiles", "0.1.0", "a")]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].together, [name("articles"), name("comments"), name("profiles")]);
        assert_eq!(
            found[0].problem().to_string(),
            "error[contract-disagrees]: the contract `profiles` would be there in 2 builds that differ in their \
             sources: `articles`, `profiles` against `comments`\n  where: the module `articles` (carries `profiles`)\n  \
             where: the module `comments` (carries `profiles`)\n  where: the module `profiles` (carries `profiles`)\n  \
             to do: build and deploy them together, in one step: articles comments profiles"
        );
    }

    #[test]
    fn compatible_versions_must_be_the_same_one() {
        let found = found(&[("articles", "1.0.0", "a"), ("comments", "1.1.0", "a")]);
        assert_eq!(found[0].differ_in, "versions");
    }

    #[test]
    fn incompatible_versions_live_side_by_side() {
        assert_eq!(found(&[("articles", "1.0.0", "a"), ("comments", "2.0.0", "b")]), []);
        assert_eq!(found(&[("articles", "0.1.0", "a"), ("comments", "0.2.0", "b")]), []);
    }

    #[test]
    fn versions_are_compatible_as_cargo_takes_them() {
        let cases = [("1.2.3", "1"), ("0.2.3", "0.2"), ("0.0.3", "0.0.3"), ("0.0.0", "0.0.0"), ("1.0.0-rc.1", "1")];
        for (version, expected) in cases {
            assert_eq!(compatible(version), expected);
        }
    }
}
