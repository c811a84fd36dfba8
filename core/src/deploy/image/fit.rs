//! Whether an object was built for this base: the two labels, part by part.

use std::collections::BTreeMap;

use super::flaw::{Difference, Part};
use super::label::{CrateKind, CrateLabel, ObjectLabel};

/// All parts in which an object differs from the base, the most general first.
pub(super) fn differences(object: &ObjectLabel, base: &ObjectLabel) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |part: Part, object: &str, base: &str| {
        if object != base {
            found.push(Difference { part, object: quoted(object), base: quoted(base) });
        }
    };
    compare(Part::Compiler, &object.compiler, &base.compiler);
    compare(Part::Target, &object.target, &base.target);
    compare(Part::Profile, &object.profile, &base.profile);
    let (of_object, of_base) = only_in_one(&object.flags, &base.flags);
    compare(Part::Flags, &of_object, &of_base);
    compare(Part::Bedplate, &object.bedplate, &base.bedplate);
    found.extend(crates(object, base));
    // What the object does not use may differ: then its crates fit, and the fingerprint says no more than they do.
    let says_nothing = object.crates.iter().all(|one| !one.in_base);
    if found.is_empty() && says_nothing && object.base_fingerprint != base.base_fingerprint {
        let short = |label: &ObjectLabel| {
            format!("`{}` ({})", label.base, label.base_fingerprint.chars().take(12).collect::<String>())
        };
        found.push(Difference { part: Part::Fingerprint, object: short(object), base: short(base) });
    }
    found
}

/// The differences in crates of the base. Where a version differs, that of its source says nothing more; and where
/// some crate has another source, all that use it have other metadata: the ones that differ by themselves come first.
fn crates(object: &ObjectLabel, base: &ObjectLabel) -> Vec<Difference> {
    let mut versions: BTreeMap<&str, Vec<&CrateLabel>> = BTreeMap::new();
    for one in &base.crates {
        versions.entry(&one.name).or_default().push(one);
    }
    let mut causes = Vec::new();
    let mut sources = Vec::new();
    for one in object.crates.iter().filter(|one| one.in_base) {
        let known = versions.get(one.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        if known.iter().any(|known| is_same(one, known)) {
            continue;
        }
        let Some(same_version) = known.iter().find(|known| known.version == one.version) else {
            let (part, there) = match known {
                [] => (Part::MissingCrate(one.name.clone()), "none of that name".to_owned()),
                known => {
                    let there: Vec<_> = known.iter().map(|known| format!("`{}`", known.version)).collect();
                    (Part::LockFile(one.name.clone()), there.join(" and "))
                }
            };
            causes.push(Difference { part, object: quoted(&one.version), base: there });
            continue;
        };
        let (of_object, of_base) = only_in_one(&one.features, &same_version.features);
        if of_object != of_base {
            let part = Part::Features(one.name.clone());
            causes.push(Difference { part, object: quoted(&of_object), base: quoted(&of_base) });
        } else {
            let part = match same_version.kind {
                CrateKind::Contract => Part::Contract(one.name.clone()),
                CrateKind::Shared | CrateKind::Private | CrateKind::Other => Part::BaseSource(one.name.clone()),
            };
            let short = |one: &CrateLabel| quoted(&one.metadata.chars().take(12).collect::<String>());
            sources.push(Difference { part, object: short(one), base: short(same_version) });
        }
    }
    // A changed version or feature set changes the metadata of all that use the crate: those are consequences.
    if causes.is_empty() { sources } else { causes }
}

/// Whether two entries are the same crate, built alike.
pub(super) fn is_same(one: &CrateLabel, other: &CrateLabel) -> bool {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    one.name == other.name
        && one.version == other.version
        && one.metadata == other.metadata
        && sorted(&one.features) == sorted(&other.features)
}

/// What only the one of two lists has, and what only the other has: `derive, rc` against `none of them`.
fn only_in_one(one: &[String], other: &[String]) -> (String, String) {
    let only = |in_this: &[String], and_not: &[String]| {
        let mut only: Vec<_> = in_this.iter().filter(|value| !and_not.contains(value)).cloned().collect();
        only.sort();
        only.join(", ")
    };
    let (first, second) = (only(one, other), only(other, one));
    match (first.is_empty(), second.is_empty()) {
        (true, true) => (String::new(), String::new()),
        (true, false) => (format!("no {second}"), second),
        (false, true) => (first.clone(), format!("no {first}")),
        (false, false) => (first, second),
    }
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::super::label::tests::{a_base_label, a_crate, a_module_label};
    use super::*;

    #[test]
    fn what_was_built_for_the_base_fits() {
        assert_eq!(differences(&a_module_label("comments"), &a_base_label()), []);
    }

    #[test]
    fn the_part_that_differs_is_named_with_both_values() {
        type Change = fn(&mut ObjectLabel);
        let cases: [(Change, &str); 10] = [
            (
                |label| label.compiler = "rustc 1.96.0".to_owned(),
                "compiler: the object was built with `rustc 1.96.0`, the base with `rustc 1.95.0 (59807616e 2026-04-14)`",
            ),
            (
                |label| label.target = "aarch64-apple-darwin".to_owned(),
                "target: the object was built with `aarch64-apple-darwin`, the base with `x86_64-unknown-linux-gnu`",
            ),
            (
                |label| label.profile = "release".to_owned(),
                "profile: the object was built with `release`, the base with `dev`",
            ),
            (
                |label| label.flags = vec!["opt-level=3".to_owned()],
                "flags: the object was built with `opt-level=3`, the base with `opt-level=0`",
            ),
            (
                |label| label.bedplate = "9.9.9".to_owned(),
                "version of bedplate: the object was built with `9.9.9`, the base with `0.1.0`",
            ),
            (
                |label| label.crates[0].version = "1.0.1".to_owned(),
                "lock file, version of `serde`: the object was built with `1.0.1`, the base with `1.0.229`",
            ),
            (
                |label| label.crates[0].features.push("derive".to_owned()),
                "feature set of `serde`: the object was built with `derive`, the base with `no derive`",
            ),
            (
                |label| label.crates[1].metadata = "f".repeat(64),
                "base source, metadata of `tokio`: the object was built with `ffffffffffff`, the base with `bbbbbbbbbbbb`",
            ),
            (
                |label| label.crates.push(a_crate("uuid", "1.0.0", "d", true)),
                "lock file, version of `uuid`: the object was built with `1.0.0`, the base with none of that name",
            ),
            (
                |label| {
                    label.crates.clear();
                    label.base_fingerprint = "0123456789abcdef".to_owned();
                },
                "the object was built for the base `conduit` (0123456789ab), and this is the base `conduit` (",
            ),
        ];
        for (change, expected) in cases {
            let mut label = a_module_label("comments");
            change(&mut label);
            let found = differences(&label, &a_base_label());
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].to_string().starts_with(expected), "{}", found[0]);
        }
    }

    #[test]
    fn a_changed_contract_in_the_base_is_called_one() {
        let mut base = a_base_label();
        base.crates[1].kind = CrateKind::Contract;
        let mut label = a_module_label("comments");
        label.crates[1].metadata = "f".repeat(64);
        let found = differences(&label, &base);
        assert_eq!(found[0].part, Part::Contract("tokio".to_owned()));
    }

    #[test]
    fn causes_are_told_without_their_consequences() {
        let mut label = a_module_label("comments");
        label.crates[0].features.push("derive".to_owned());
        label.crates[1].metadata = "f".repeat(64);
        let found = differences(&label, &a_base_label());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].part, Part::Features("serde".to_owned()));
    }

    #[test]
    fn one_of_two_versions_in_the_base_is_enough() {
        let mut base = a_base_label();
        base.crates.push(a_crate("serde", "2.0.0", "e", true));
        assert_eq!(differences(&a_module_label("comments"), &base), []);
    }

    #[test]
    fn an_unused_crate_of_the_base_may_differ() {
        let mut base = a_base_label();
        base.crates.push(a_crate("moka", "1.0.0", "9", true));
        base.base_fingerprint = base.fingerprint();
        assert_eq!(differences(&a_module_label("comments"), &base), []);
    }
}
