//! Contracts that nobody serves or uses, old versions of them, and modules that call each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::order::check::packages::Packages;
use crate::order::check::violation::Violation;
use crate::order::composed::{Composed, Contract};

/// What is out of order.
pub(super) fn check(composed: &Composed, packages: &Packages<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    // A contract that a module cannot do without is missed by the base's own check.
    let is_missed = |contract: &&Contract| {
        let quoted = format!("`{}`", contract.name);
        let missing = composed.problems.iter().filter(|problem| problem["code"] == "missing-service");
        missing.filter_map(|problem| problem["what"].as_str()).any(|what| what.contains(&quoted))
    };
    for contract in composed.contracts.iter().filter(|contract| !is_missed(contract)) {
        found.extend(alone(contract, packages));
    }
    let known: BTreeSet<&str> = composed.contracts.iter().map(|contract| contract.package.as_str()).collect();
    for package in packages.contracts.iter().filter(|package| !known.contains(package.name.as_str())) {
        found.push(Violation::new(
            "contract-unused",
            package.name.as_str(),
            format!("no module of the base serves or uses the contract crate `{}`", package.name),
            packages.manifest(package),
            "publish it (`#[scene_service]`) and use it, or take it out of the workspace",
        ));
    }
    found.extend(old(&composed.contracts, packages));
    found.extend(circles(composed));
    found
}

fn place(contract: &Contract, packages: &Packages<'_>) -> String {
    let package = packages.contracts.iter().find(|package| package.name.as_str() == contract.package);
    package.map_or_else(|| contract.package.clone(), |package| packages.manifest(package))
}

fn alone(contract: &Contract, packages: &Packages<'_>) -> Option<Violation> {
    let subject = format!("{} {}", contract.name, contract.version);
    let users = contract.users.iter().map(|user| format!("`{user}`")).collect::<Vec<_>>().join(", ");
    match (contract.publishers.is_empty(), contract.users.is_empty()) {
        (true, false) => Some(Violation::new(
            "contract-unserved",
            &subject,
            format!("nobody serves `{subject}`, which {users} would use"),
            place(contract, packages),
            "publish it in a module with `#[scene_service]`, or take the field out",
        )),
        (false, true) => Some(Violation::new(
            "contract-unused",
            &subject,
            format!(
                "nobody uses `{subject}`, which `{}` serves",
                contract.publishers.iter().map(String::as_str).collect::<Vec<_>>().join("`, `")
            ),
            place(contract, packages),
            "use it, or take it out",
        )),
        _ => None,
    }
}

/// Versions of a contract beside a newer one.
fn old(contracts: &[Contract], packages: &Packages<'_>) -> Vec<Violation> {
    let mut by_name: BTreeMap<(&str, &str), Vec<&Contract>> = BTreeMap::new();
    for contract in contracts {
        by_name.entry((&contract.package, &contract.name)).or_default().push(contract);
    }
    let mut found = Vec::new();
    for versions in by_name.values_mut().filter(|versions| versions.len() > 1) {
        versions.sort_by_key(|contract| numbers(&contract.version));
        let Some((newest, older)) = versions.split_last() else { continue };
        for contract in older {
            let users: Vec<_> = contract.users.iter().map(|user| format!("`{user}`")).collect();
            let users = if users.is_empty() { "nobody any more".to_owned() } else { users.join(", ") };
            found.push(Violation::new(
                "contract-old",
                format!("{} {}", contract.name, contract.version),
                format!(
                    "`{}` is there in {} and in {}; the older one is used by {users}",
                    contract.name, contract.version, newest.version
                ),
                place(contract, packages),
                format!("move them to {}, and take the older one out", newest.version),
            ));
        }
    }
    found
}

fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

/// Modules that call each other in a circle, each circle once. Whoever calls every publisher that there is
/// (`ServiceRefs`) knows none of them, and closes no circle.
fn circles(composed: &Composed) -> Vec<Violation> {
    let tells = |user: &str, contract: &str| {
        let module = composed.modules.iter().find(|module| module.name == user);
        let asked = module.into_iter().flat_map(|module| &module.requires).filter(|asked| asked.what == contract);
        let mut asked = asked.peekable();
        asked.peek().is_some() && asked.all(|asked| asked.need == "all")
    };
    let mut calls: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for contract in &composed.contracts {
        for user in contract.users.iter().filter(|user| !tells(user, &contract.name)) {
            let publishers = contract.publishers.iter().map(String::as_str).filter(|publisher| publisher != user);
            calls.entry(user).or_default().extend(publishers);
        }
    }
    let reach = |from: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = calls.get(from).into_iter().flatten().copied().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(calls.get(next).into_iter().flatten());
            }
        }
        seen
    };
    let mut circles: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
    for module in calls.keys() {
        let reached = reach(module);
        if reached.contains(module) {
            circles.insert(reached.into_iter().filter(|other| reach(other).contains(module)).collect());
        }
    }
    circles
        .into_iter()
        .map(|circle| {
            let names: Vec<_> = circle.into_iter().collect();
            Violation::new(
                "circle",
                names.join(", "),
                format!("these modules call each other in a circle: {}", names.join(", ")),
                "",
                "let one of them be told by a message or a job, or move what both need into a third module",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::composed::{Module, Requirement, Site};

    fn contract(name: &str, version: &str, publishers: &[&str], users: &[&str]) -> Contract {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Contract {
            name: name.to_owned(),
            package: name.to_lowercase(),
            version: version.to_owned(),
            docs: String::new(),
            methods: Vec::new(),
            publishers: owned(publishers),
            users: owned(users),
        }
    }

    #[test]
    fn circles_are_found_once_and_those_beside_them_are_not() {
        let contracts = vec![
            contract("A", "1.0.0", &["a"], &["b", "outside"]),
            contract("B", "1.0.0", &["b"], &["c"]),
            contract("C", "1.0.0", &["c"], &["a"]),
            contract("D", "1.0.0", &["d"], &["a", "d"]),
        ];
        let composed = |contracts: Vec<Contract>, modules: Vec<Module>| Composed {
            base: "shop".to_owned(),
            modules,
            starters: Vec::new(),
            contracts,
            problems: Vec::new(),
        };
        let found = circles(&composed(contracts.clone(), Vec::new()));
        assert_eq!(found.iter().map(|circle| circle.subject.as_str()).collect::<Vec<_>>(), ["a, b, c"]);
        assert!(circles(&composed(contracts[..2].to_vec(), Vec::new())).is_empty());
        // `a` tells whoever publishes it, and knows nobody.
        let module = |need: &str| Module {
            name: "a".to_owned(),
            enabled: true,
            summary: String::new(),
            requires: vec![Requirement { what: "C".to_owned(), need: need.to_owned() }],
            site: Site { package: "a".to_owned(), file: String::new(), line: 1 },
        };
        assert!(circles(&composed(contracts.clone(), vec![module("all")])).is_empty());
        assert_eq!(circles(&composed(contracts, vec![module("optional")])).len(), 1);
    }

    #[test]
    fn versions_are_sorted_by_number() {
        assert!(numbers("0.9.0") < numbers("0.10.0"));
        assert!(numbers("1.0.0") < numbers("1.0.1-beta"));
    }
}
