//! A package's `Cargo.toml`: its dependencies as the code names them, and what bedplate is told.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// A parsed `Cargo.toml`, with that of its workspace.
#[derive(Debug)]
pub(crate) struct Manifest {
    folder: PathBuf,
    table: Table,
    workspace: Option<(PathBuf, Table)>,
}

/// One entry of `[dependencies]` or `[target.*.dependencies]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The key in the table.
    pub(crate) key: String,
    /// The package's own name.
    pub(crate) package: String,
    /// Whether the key is a name of the user's choice.
    pub(crate) renamed: bool,
    /// The package's folder, where the entry says so.
    pub(crate) path: Option<PathBuf>,
    /// Whether a feature or the platform decides if it is part of a build.
    pub(crate) conditional: bool,
}

impl Dependency {
    /// The crate's name in code, where the package does not name its library otherwise.
    pub(crate) fn crate_name(&self) -> String {
        self.key.replace('-', "_")
    }
}

impl Manifest {
    /// Reads the manifest in `folder`.
    ///
    /// # Errors
    ///
    /// A sentence with the file's name.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let table = read_table(&folder.join("Cargo.toml"))?;
        let workspace = if table.contains_key("workspace") {
            Some((folder.to_owned(), table.clone()))
        } else {
            find_workspace(folder, &table)
        };
        Ok(Self { folder: folder.to_owned(), table, workspace })
    }

    /// The file that was read.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }

    /// The lock file that the build uses.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.workspace.as_ref().map_or(&self.folder, |(root, _)| root).join("Cargo.lock")
    }

    /// The package's name.
    pub(crate) fn package(&self) -> Option<&str> {
        self.table.get("package")?.get("name")?.as_str()
    }

    /// The name of the library's crate, where the manifest gives one.
    pub(crate) fn library(&self) -> Option<&str> {
        self.table.get("lib")?.get("name")?.as_str()
    }

    /// What `[package.metadata.bedplate]` says.
    pub(crate) fn bedplate(&self) -> Option<&Value> {
        self.table.get("package")?.get("metadata")?.get("bedplate")
    }

    /// The name by which the package's code reaches a package.
    pub(crate) fn name_of(&self, package: &str) -> Option<String> {
        let all = self.tables("dependencies").chain(self.tables("dev-dependencies"));
        all.flat_map(|(table, conditional)| self.entries(table, conditional))
            .find(|dependency| dependency.package == package)
            .map(|dependency| dependency.crate_name())
    }

    /// What the package depends on, without what only its tests and build scripts do. Sorted by
    /// key, each once.
    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        let mut all: Vec<_> =
            self.tables("dependencies").flat_map(|(table, conditional)| self.entries(table, conditional)).collect();
        // Of two entries the one without a condition decides.
        all.sort_by(|one, other| (&one.key, one.conditional).cmp(&(&other.key, other.conditional)));
        all.dedup_by(|later, earlier| later.key == earlier.key);
        all
    }

    /// The tables of one kind, and whether they are for some platforms alone.
    fn tables<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a Table, bool)> {
        let targets = self.table.get("target").and_then(Value::as_table).into_iter().flatten();
        let conditional =
            targets.filter_map(move |(_, target)| target.get(kind)?.as_table()).map(|table| (table, true));
        let always = self.table.get(kind).and_then(Value::as_table).map(|table| (table, false));
        always.into_iter().chain(conditional)
    }

    fn entries<'a>(&'a self, table: &'a Table, conditional: bool) -> impl Iterator<Item = Dependency> + 'a {
        table.iter().map(move |(key, entry)| self.dependency(key, entry, conditional))
    }

    fn dependency(&self, key: &str, entry: &Value, conditional: bool) -> Dependency {
        let inherited = entry.get("workspace").and_then(Value::as_bool) == Some(true);
        let (folder, definition) = match &self.workspace {
            Some((root, workspace)) if inherited => {
                (root, workspace.get("workspace").and_then(|table| table.get("dependencies")?.get(key)))
            }
            _ => (&self.folder, Some(entry)),
        };
        let text = |name: &str| definition.and_then(|definition| definition.get(name)?.as_str());
        let optional = entry.get("optional").and_then(Value::as_bool) == Some(true);
        Dependency {
            key: key.to_owned(),
            package: text("package").unwrap_or(key).to_owned(),
            renamed: text("package").is_some_and(|package| package != key),
            path: text("path").map(|path| folder.join(path)),
            conditional: conditional || optional,
        }
    }
}

fn read_table(file: &Path) -> Result<Table, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    text.parse().map_err(|error| format!("{} is no valid manifest: {error}", file.display()))
}

fn find_workspace(folder: &Path, table: &Table) -> Option<(PathBuf, Table)> {
    if let Some(root) = table.get("package").and_then(|package| package.get("workspace")?.as_str()) {
        let root = folder.join(root);
        return read_table(&root.join("Cargo.toml")).ok().map(|table| (root, table));
    }
    folder.ancestors().skip(1).find_map(|ancestor| {
        let table = read_table(&ancestor.join("Cargo.toml")).ok()?;
        table.contains_key("workspace").then(|| (ancestor.to_owned(), table))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(package: &str, workspace: Option<&str>) -> Manifest {
        Manifest {
            folder: "/ws/base".into(),
            table: package.parse().unwrap(),
            workspace: workspace.map(|text| ("/ws".into(), text.parse().unwrap())),
        }
    }

    #[test]
    fn reads_every_way_to_write_a_dependency() {
        let manifest = manifest(
            r#"
            [dependencies]
            anyhow = "1"
            red-packet = { path = "../red-packet" }
            paid = { package = "payments", path = "../payments", optional = true }
            shared.workspace = true
            [target.'cfg(unix)'.dependencies]
            signals = "1"
            anyhow = "1"
            [dev-dependencies]
            tempfile = "3"
            "#,
            Some("[workspace.dependencies]\nshared = { package = \"shared-things\", path = \"things\" }"),
        );
        let found: Vec<_> = manifest
            .dependencies()
            .into_iter()
            .map(|found| (found.crate_name(), found.package, found.path, found.conditional))
            .collect();
        let entry = |name: &str, package: &str, path: Option<&str>, conditional| {
            (name.to_owned(), package.to_owned(), path.map(PathBuf::from), conditional)
        };
        assert_eq!(
            found,
            [
                entry("anyhow", "anyhow", None, false),
                entry("paid", "payments", Some("/ws/base/../payments"), true),
                entry("red_packet", "red-packet", Some("/ws/base/../red-packet"), false),
                entry("shared", "shared-things", Some("/ws/things"), false),
                entry("signals", "signals", None, true),
            ]
        );
    }

    #[test]
    fn finds_a_renamed_package() {
        let one = manifest("[dev-dependencies]\nbase-plate = { package = \"bedplate\", version = \"1\" }", None);
        assert_eq!(one.name_of("bedplate").as_deref(), Some("base_plate"));
        let two = manifest(
            "[dependencies]\nbp.workspace = true",
            Some("[workspace.dependencies]\nbp = { package = \"bedplate\", version = \"1\" }"),
        );
        assert_eq!(two.name_of("bedplate").as_deref(), Some("bp"));
        assert_eq!(two.name_of("serde"), None);
    }
}
