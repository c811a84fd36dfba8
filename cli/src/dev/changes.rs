//! What a batch of saved files means: which modules are relinked, and whether cargo has to be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::build::Workshop;

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
    /// Who was compiled from a file, for those of the workspace that the compiler has named.
    read: BTreeMap<PathBuf, BTreeSet<Reader>>,
}

/// Who was compiled from a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reader {
    /// A module that is linked alone.
    Module(String),
    /// A crate that cargo builds.
    Other,
}

impl Map {
    /// The map of what is worked on, whose base runs with these settings.
    pub(crate) fn of(workshop: &Workshop, settings: &Path, mut ignored: Vec<PathBuf>) -> Self {
        let workspace = &workshop.workspace;
        ignored.extend([workspace.target.clone(), workspace.root.join("target"), workspace.root.join(".git")]);
        let modules: BTreeMap<_, _> = workspace
            .modules
            .values()
            .filter(|module| module.is_leaf)
            .map(|module| (module.folder.clone(), module.name.clone()))
            .collect();
        let others = workspace.local().into_iter().filter(|folder| !modules.contains_key(folder)).collect();
        let mut map = Self {
            modules,
            others,
            base: workspace.base.folder.clone(),
            root: workspace.root.clone(),
            settings: settings.to_owned(),
            ignored,
            read: BTreeMap::new(),
        };
        for (package, files) in &workshop.read_files {
            let reader = map.modules.get(package).map_or(Reader::Other, |name| Reader::Module(name.clone()));
            map.reads(&reader, files);
        }
        for replay in &workshop.replays {
            map.module_reads(&replay.module, &replay.read_files());
        }
        map
    }

    /// Notes the files that a module was compiled from.
    pub(crate) fn module_reads(&mut self, module: &str, files: &[PathBuf]) {
        self.reads(&Reader::Module(module.to_owned()), files);
    }

    fn reads(&mut self, reader: &Reader, files: &[PathBuf]) {
        // What does not belong to the workspace is not edited with it.
        for file in files.iter().filter(|file| file.starts_with(&self.root)) {
            self.read.entry(file.clone()).or_default().insert(reader.clone());
        }
    }

    /// The folders to watch, with all that is in them.
    pub(crate) fn folders(&self) -> BTreeSet<PathBuf> {
        self.modules.keys().chain(&self.others).cloned().collect()
    }

    /// The folders to watch for the files directly in them: manifests, the lock file, cargo's configuration,
    /// settings, and what is compiled in from elsewhere.
    pub(crate) fn flat_folders(&self) -> BTreeSet<PathBuf> {
        let beside = self.settings.parent().map(Path::to_path_buf);
        let read = self.read.keys().filter(|file| !self.is_ignored(file));
        let read = read.filter_map(|file| file.parent().map(Path::to_path_buf));
        let own = [self.root.clone(), self.root.join(".cargo"), self.base.clone()];
        beside.into_iter().chain(own).chain(read).collect()
    }

    /// The folders that are not watched within those that are: what is built, and what the base writes.
    pub(crate) fn ignored(&self) -> &[PathBuf] {
        &self.ignored
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
                Some(Meaning::Modules(names)) => modules.extend(names.into_iter().map(str::to_owned)),
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

    fn is_ignored(&self, file: &Path) -> bool {
        self.ignored.iter().any(|folder| file.starts_with(folder))
    }

    fn meaning(&self, file: &Path) -> Option<Meaning<'_>> {
        if self.is_ignored(file) {
            return None;
        }
        if self.is_settings(file) {
            return Some(Meaning::Settings);
        }
        let read = self.read.get(file).into_iter().flatten().map(|reader| match reader {
            Reader::Module(name) => Meaning::Modules(BTreeSet::from([name.as_str()])),
            Reader::Other => Meaning::Build,
        });
        read.chain(self.meaning_of_place(file)).reduce(Meaning::and)
    }

    /// What a file means by where it is, whether or not the compiler has named it: a new one is named nowhere.
    fn meaning_of_place(&self, file: &Path) -> Option<Meaning<'_>> {
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
            return self.is_of_cargo(file, is_manifest).then_some(Meaning::Build);
        };
        let inside = file.strip_prefix(folder).ok()?;
        let first = inside.components().next()?.as_os_str().to_str()?;
        if self.is_of_cargo(file, false) {
            return Some(Meaning::Build);
        }
        let is_aside = matches!(first, "tests" | "benches" | "examples" | "target" | "docs") || first.starts_with('.');
        if is_aside || (name.ends_with(".md") && first != "src") {
            return None;
        }
        match module {
            Some(module) if !is_manifest => Some(Meaning::Modules(BTreeSet::from([module.as_str()]))),
            // In a package that others build from, what is no source is data of a run.
            None if folder == &self.base && !is_manifest && first != "src" => None,
            _ => Some(Meaning::Build),
        }
    }

    /// Cargo's configuration, and what else it reads in the root of the workspace.
    fn is_of_cargo(&self, file: &Path, is_manifest: bool) -> bool {
        let configuration = self.root.join(".cargo");
        // The folder itself has just been made, with what is in it.
        file == configuration
            || file == configuration.join("config.toml")
            || (is_manifest && file.parent() == Some(&self.root))
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
    Modules(BTreeSet<&'a str>),
    Build,
    Settings,
}

impl Meaning<'_> {
    /// The meaning of a file that belongs to several.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Modules(one), Self::Modules(other)) => Self::Modules(one.into_iter().chain(other).collect()),
            // What cargo builds takes the modules along.
            (Self::Modules(_), more) | (more, _) => more,
        }
    }
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
            read: BTreeMap::new(),
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
            "/ws/.cargo",
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

    #[test]
    fn what_the_compiler_has_read_has_a_meaning_wherever_it_is() {
        let mut map = map();
        let module = |name: &str| Work::Relink(BTreeSet::from([name.to_owned()]));
        let page = PathBuf::from("/ws/modules/comments/docs/page.md");
        let shared = PathBuf::from("/ws/texts/both.txt");
        let of_contract = PathBuf::from("/ws/contracts/articles/docs/page.md");
        let foreign = PathBuf::from("/registry/axum/src/lib.rs");
        map.module_reads("comments", &[page.clone(), shared.clone(), foreign.clone()]);
        map.module_reads("tags", std::slice::from_ref(&shared));
        map.reads(&Reader::Other, std::slice::from_ref(&of_contract));
        let one = |file: &PathBuf| map.work(&BTreeSet::from([file.clone()]));
        assert_eq!(one(&page), [module("comments")]);
        assert_eq!(one(&shared), [Work::Relink(BTreeSet::from(["comments".to_owned(), "tags".to_owned()]))]);
        assert_eq!(one(&of_contract), [Work::Build(BTreeSet::from([of_contract.clone()]))]);
        assert_eq!(one(&foreign), []);
        assert_eq!(one(&"/ws/modules/comments/docs/other.md".into()), []);
        let folders = map.flat_folders();
        assert!(folders.contains(Path::new("/ws/texts")) && folders.contains(Path::new("/ws/.cargo")), "{folders:?}");
    }

    #[test]
    fn a_base_in_the_root_has_the_same_meanings() {
        let map = Map { base: "/ws".into(), others: BTreeSet::from(["/ws".into()]), ..map() };
        let work = |file: &str| map.work(&BTreeSet::from([PathBuf::from(file)]));
        for file in ["/ws/.cargo/config.toml", "/ws/Cargo.lock", "/ws/src/main.rs"] {
            assert_eq!(work(file), [Work::Build(BTreeSet::from([file.into()]))], "{file}");
        }
        for file in ["/ws/.git/HEAD", "/ws/target/debug/x.rs", "/ws/data.db", "/ws/.cargo/credentials.toml"] {
            assert_eq!(work(file), [], "{file}");
        }
        assert_eq!(work("/ws/modules/comments/src/lib.rs"), [Work::Relink(BTreeSet::from(["comments".to_owned()]))]);
    }
}
