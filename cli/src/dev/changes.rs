//! What a batch of saved files means: which modules are relinked, and whether cargo has to be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bedplate::deploy::image::{CrateLabel, ObjectLabel};

use crate::workspace::Workspace;

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    /// Relink these modules, as they were linked before.
    Relink(BTreeSet<String>),
    /// Ask cargo: a manifest, a build script or a crate that several use has changed.
    Build(BTreeSet<PathBuf>),
    /// Give the base its settings anew.
    Settings,
}

/// The folders of a workspace, and what a file in each of them belongs to.
#[derive(Debug)]
pub(crate) struct Map {
    /// The folders of the modules that are linked alone.
    modules: BTreeMap<PathBuf, String>,
    /// The folders of all other packages of the workspace that the base is made of.
    others: BTreeSet<PathBuf>,
    base: PathBuf,
    root: PathBuf,
    settings: PathBuf,
    /// Folders whose files nobody builds from.
    ignored: Vec<PathBuf>,
}

impl Map {
    /// The map of a workspace, whose base runs with these settings.
    pub(crate) fn of(workspace: &Workspace, settings: &Path, ignored: Vec<PathBuf>) -> Self {
        let modules: BTreeMap<_, _> = workspace
            .modules
            .values()
            .filter(|module| module.is_leaf)
            .map(|module| (module.folder.clone(), module.name.clone()))
            .collect();
        let others = workspace.local().into_iter().filter(|folder| !modules.contains_key(folder)).collect();
        Self {
            modules,
            others,
            base: workspace.base.folder.clone(),
            root: workspace.root.clone(),
            settings: settings.to_owned(),
            ignored,
        }
    }

    /// The folders to watch, with all that is in them.
    pub(crate) fn folders(&self) -> BTreeSet<PathBuf> {
        self.modules.keys().chain(&self.others).cloned().collect()
    }

    /// The folders to watch for the files directly in them: manifests, the lock file, settings.
    pub(crate) fn flat_folders(&self) -> BTreeSet<PathBuf> {
        let beside = self.settings.parent().map(Path::to_path_buf);
        beside.into_iter().chain([self.root.clone(), self.base.clone()]).collect()
    }

    /// Whether a file can have a meaning here.
    pub(crate) fn is_wanted(&self, file: &Path) -> bool {
        self.meaning(file).is_some()
    }

    /// What a batch of files has to be answered with, in that order.
    pub(crate) fn work(&self, files: &BTreeSet<PathBuf>) -> Vec<Work> {
        let mut modules = BTreeSet::new();
        let mut built = BTreeSet::new();
        let mut settings = false;
        for file in files {
            match self.meaning(file) {
                Some(Meaning::Module(name)) => {
                    modules.insert(name.to_owned());
                }
                Some(Meaning::Build) => {
                    built.insert(file.clone());
                }
                Some(Meaning::Settings) => settings = true,
                None => {}
            }
        }
        let mut work = Vec::new();
        if !built.is_empty() {
            // What cargo builds and what is linked after it takes the modules along.
            work.push(Work::Build(built));
        } else if !modules.is_empty() {
            work.push(Work::Relink(modules));
        }
        if settings {
            work.push(Work::Settings);
        }
        work
    }

    fn meaning(&self, file: &Path) -> Option<Meaning<'_>> {
        if self.ignored.iter().any(|folder| file.starts_with(folder)) {
            return None;
        }
        if self.is_settings(file) {
            return Some(Meaning::Settings);
        }
        let name = file.file_name()?.to_str()?;
        if is_scratch(name) {
            return None;
        }
        let is_manifest = matches!(name, "Cargo.toml" | "Cargo.lock" | "rust-toolchain.toml" | "build.rs");
        let of_modules = self.modules.iter().map(|(folder, name)| (folder, Some(name)));
        let of_others = self.others.iter().map(|folder| (folder, None));
        let owner = of_modules
            .chain(of_others)
            .filter(|(folder, _)| file.starts_with(folder))
            .max_by_key(|(folder, _)| folder.components().count());
        let Some((folder, module)) = owner else {
            let is_of_root = file.parent() == Some(&self.root) || file.starts_with(self.root.join(".cargo"));
            return (is_of_root && (is_manifest || name == "config.toml")).then_some(Meaning::Build);
        };
        let inside = file.strip_prefix(folder).ok()?;
        let first = inside.components().next()?.as_os_str().to_str()?;
        let is_aside = matches!(first, "tests" | "benches" | "examples" | "target" | "docs") || first.starts_with('.');
        if is_aside || (name.ends_with(".md") && first != "src") {
            return None;
        }
        match module {
            Some(module) if !is_manifest => Some(Meaning::Module(module)),
            // In a package that others build from, what is no source is data of a run.
            None if folder == &self.base && !is_manifest && first != "src" => None,
            _ => Some(Meaning::Build),
        }
    }

    /// The settings file, or the one of a profile beside it.
    fn is_settings(&self, file: &Path) -> bool {
        let (Some(stem), Some(name)) =
            (self.settings.file_stem().and_then(|stem| stem.to_str()), file.file_name().and_then(|name| name.to_str()))
        else {
            return false;
        };
        file == self.settings
            || (file.parent() == self.settings.parent()
                && name.starts_with(&format!("{stem}."))
                && name.ends_with(".toml"))
    }
}

/// What a file belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Meaning<'a> {
    Module(&'a str),
    Build,
    Settings,
}

/// Whether an editor writes a file of this name for itself.
fn is_scratch(name: &str) -> bool {
    name.ends_with('~')
        || name.starts_with(".#")
        || name.starts_with('#')
        || name.starts_with('.') && name.len() > 4 && name[name.len() - 4..].starts_with(".sw")
        || name.ends_with(".tmp")
        || name.bytes().all(|byte| byte.is_ascii_digit())
}

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

    fn map() -> Map {
        Map {
            modules: BTreeMap::from([("/ws/modules/comments".into(), "comments".to_owned())]),
            others: BTreeSet::from(["/ws/contracts/articles".into(), "/ws/base".into()]),
            base: "/ws/base".into(),
            root: "/ws".into(),
            settings: "/ws/base/bedplate.toml".into(),
            ignored: vec!["/ws/target".into(), "/ws/base/state".into()],
        }
    }

    fn work(files: &[&str]) -> Vec<Work> {
        map().work(&files.iter().map(PathBuf::from).collect())
    }

    #[test]
    fn a_file_of_a_module_relinks_it() {
        for file in ["src/lib.rs", "src/deep/er.rs", "migrations/2_more.sql", "templates/a.html", "src/page.md"] {
            let file = format!("/ws/modules/comments/{file}");
            assert_eq!(work(&[&file]), [Work::Relink(BTreeSet::from(["comments".to_owned()]))], "{file}");
        }
    }

    #[test]
    fn what_others_share_is_for_cargo() {
        for file in [
            "/ws/modules/comments/Cargo.toml",
            "/ws/modules/comments/build.rs",
            "/ws/contracts/articles/src/lib.rs",
            "/ws/Cargo.lock",
            "/ws/Cargo.toml",
            "/ws/base/src/main.rs",
            "/ws/.cargo/config.toml",
        ] {
            assert_eq!(
                work(&[file, "/ws/modules/comments/src/lib.rs"]),
                [Work::Build(BTreeSet::from([file.into()]))],
                "{file}"
            );
        }
    }

    #[test]
    fn settings_are_settings() {
        assert_eq!(work(&["/ws/base/bedplate.toml"]), [Work::Settings]);
        assert_eq!(work(&["/ws/base/bedplate.local.toml"]), [Work::Settings]);
    }

    #[test]
    fn what_nobody_builds_from_means_nothing() {
        for file in [
            "/ws/modules/comments/src/.lib.rs.swp",
            "/ws/modules/comments/src/lib.rs~",
            "/ws/modules/comments/src/4913",
            "/ws/modules/comments/tests/it.rs",
            "/ws/modules/comments/README.md",
            "/ws/target/debug/x.rs",
            "/ws/README.md",
            "/ws/base/state/journal.jsonl",
            "/ws/base/data.db",
            "/elsewhere/src/lib.rs",
            "/ws/modules/comments/.git/HEAD",
        ] {
            assert_eq!(work(&[file]), [], "{file}");
            assert!(!map().is_wanted(Path::new(file)), "{file}");
        }
    }

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
