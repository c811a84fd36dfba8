//! In what two bases differ, for people: why another base has to run.

use std::collections::BTreeMap;

use bedplate::deploy::image::{CrateLabel, ObjectLabel};

/// In what two bases differ, in a few words: `uuid` gains `v7`.
pub(crate) fn difference(old: &ObjectLabel, new: &ObjectLabel) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = |name: &str, old: &str, new: &str| {
        if old != new {
            parts.push(format!("{name} was `{old}` and is `{new}`"));
        }
    };
    part("the compiler", &old.compiler, &new.compiler);
    part("the target", &old.target, &new.target);
    part("the profile", &old.profile, &new.profile);
    part("the flags", &old.flags.join(" "), &new.flags.join(" "));
    let by_name = |label: &ObjectLabel| {
        let mut crates: BTreeMap<String, Vec<CrateLabel>> = BTreeMap::new();
        for one in &label.crates {
            crates.entry(one.name.clone()).or_default().push(one.clone());
        }
        crates
    };
    let (olds, news) = (by_name(old), by_name(new));
    let mut sources = Vec::new();
    for (name, now) in &news {
        let Some(before) = olds.get(name) else {
            parts.push(format!("`{name}` comes"));
            continue;
        };
        for one in now.iter().filter(|one| !before.contains(one)) {
            let Some(was) = before.iter().find(|was| was.version == one.version) else {
                let versions: Vec<_> = before.iter().map(|was| was.version.as_str()).collect();
                parts.push(format!("`{name}` was {} and is {}", versions.join(", "), one.version));
                continue;
            };
            let gains: Vec<_> = one.features.iter().filter(|feature| !was.features.contains(feature)).collect();
            let loses: Vec<_> = was.features.iter().filter(|feature| !one.features.contains(feature)).collect();
            match (gains.as_slice(), loses.as_slice()) {
                ([], []) => sources.push(name.clone()),
                (gains, []) => parts.push(format!("`{name}` gains {}", list(gains))),
                ([], loses) => parts.push(format!("`{name}` loses {}", list(loses))),
                (gains, loses) => parts.push(format!("`{name}` gains {} and loses {}", list(gains), list(loses))),
            }
        }
    }
    parts.extend(olds.keys().filter(|name| !news.contains_key(*name)).map(|name| format!("`{name}` goes")));
    // A crate whose own source is the same differs because of one below it: said only where nothing else is.
    if parts.is_empty() {
        let shown: Vec<_> = sources.iter().take(3).map(|name| format!("`{name}`")).collect();
        let more = sources.len().saturating_sub(shown.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        parts.push(format!("the source of {}{more} has changed", shown.join(", ")));
    }
    parts
}

fn list(names: &[&String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(crates: &[(&str, &str, &[&str], &str)]) -> ObjectLabel {
        let crates: Vec<_> = crates
            .iter()
            .map(|(name, version, features, metadata)| {
                serde_json::json!({ "name": name, "version": version, "features": features, "metadata": metadata, "in_base": true, "kind": "shared" })
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "format": 1, "crate": "base", "version": "1.0.0", "bedplate": "0.1.0", "compiler": "rustc 1", "target": "t",
            "profile": "dev", "flags": [], "base": "base", "base_fingerprint": "", "crates": crates, "source": {},
        }))
        .unwrap()
    }

    #[test]
    fn says_in_what_two_bases_differ() {
        let old = label(&[("uuid", "1.0.0", &["v4"], "a"), ("axum", "0.8.0", &[], "b"), ("old", "1.0.0", &[], "c")]);
        let new =
            label(&[("uuid", "1.0.0", &["v4", "v7"], "d"), ("axum", "0.8.1", &[], "e"), ("new", "1.0.0", &[], "f")]);
        assert_eq!(
            difference(&old, &new),
            ["`axum` was 0.8.0 and is 0.8.1", "`new` comes", "`uuid` gains `v7`", "`old` goes"]
        );
        let edited = label(&[("uuid", "1.0.0", &["v4"], "a"), ("axum", "0.8.0", &[], "x"), ("old", "1.0.0", &[], "c")]);
        assert_eq!(difference(&old, &edited), ["the source of `axum` has changed"]);
    }
}
