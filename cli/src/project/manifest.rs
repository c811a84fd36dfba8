//! Changes of a `Cargo.toml` that keep its comments and its order.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::failure::Failure;

/// A manifest that is being changed.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) file: PathBuf,
    document: DocumentMut,
}

impl Manifest {
    pub(super) fn read(file: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::parse(file, &text)
    }

    pub(super) fn parse(file: PathBuf, text: &str) -> Result<Self> {
        let document = text.parse().map_err(|error| {
            Failure::error("invalid-manifest", format!("{}: {error}", file.display()), "mend it, and try again")
        })?;
        Ok(Self { file, document })
    }

    pub(super) fn text(&self) -> String {
        self.document.to_string()
    }

    /// Whether members of the workspace may inherit from it.
    pub(super) fn has_workspace(&self) -> bool {
        self.document.get("workspace").is_some_and(Item::is_table_like)
    }

    /// Adds a dependency to `[workspace.dependencies]`, where it is not there yet.
    pub(super) fn share(&mut self, package: &str, source: Value) {
        let workspace = table(self.document.as_table_mut(), "workspace");
        let dependencies = table(workspace, "dependencies");
        if !dependencies.contains_key(package) {
            insert_sorted(dependencies, package, source);
        }
    }

    /// Takes a dependency out of `[workspace.dependencies]`.
    pub(super) fn unshare(&mut self, package: &str) {
        if let Some(dependencies) = self
            .document
            .get_mut("workspace")
            .and_then(|workspace| workspace.get_mut("dependencies"))
            .and_then(Item::as_table_like_mut)
        {
            dependencies.remove(package);
        }
    }

    /// Adds a dependency.
    pub(super) fn add(&mut self, package: &str, source: Value) {
        let dependencies = table(self.document.as_table_mut(), "dependencies");
        if !dependencies.contains_key(package) {
            insert_sorted(dependencies, package, source);
        }
    }

    /// Takes the dependencies of these names out, of whatever kind and for whatever platform. Whether there were any.
    pub(super) fn remove(&mut self, keys: &BTreeSet<String>) -> bool {
        let mut is_removed = remove_from(self.document.as_table_mut(), keys);
        let platforms = self.document.get_mut("target").and_then(Item::as_table_like_mut);
        for (_, platform) in platforms.into_iter().flat_map(TableLike::iter_mut) {
            if let Some(platform) = platform.as_table_like_mut() {
                is_removed |= remove_from(platform, keys);
            }
        }
        is_removed
    }

    /// How the core is listed for the whole workspace, or else for the package of this manifest.
    pub(super) fn core(&self) -> Option<&Item> {
        let shared = self.document.get("workspace").and_then(|workspace| workspace.get("dependencies"));
        [shared, self.document.get("dependencies")].into_iter().flatten().find_map(|listed| listed.get("bedplate"))
    }

    /// Adds a member, unless a pattern among the members takes it in already.
    pub(super) fn add_member(&mut self, member: &str) {
        let workspace = table(self.document.as_table_mut(), "workspace");
        let members = workspace.entry("members").or_insert_with(|| Item::Value(Array::new().into()));
        let Some(members) = members.as_array_mut() else { return };
        let parent = member.rsplit_once('/').map_or("*".to_owned(), |(parent, _)| format!("{parent}/*"));
        let is_in = members.iter().filter_map(Value::as_str).any(|known| known == member || known == parent);
        if !is_in {
            let is_multiline = members.iter().any(|value| {
                value.decor().prefix().and_then(|prefix| prefix.as_str()).is_some_and(|prefix| prefix.contains('\n'))
            });
            let mut value = Value::from(member);
            if is_multiline {
                value.decor_mut().set_prefix("\n    ");
            }
            members.push_formatted(value);
            if !is_multiline {
                members.fmt();
            }
        }
    }

    /// Takes a member out.
    pub(super) fn remove_member(&mut self, member: &str) {
        for list in ["members", "default-members"] {
            let members = self
                .document
                .get_mut("workspace")
                .and_then(|workspace| workspace.get_mut(list))
                .and_then(Item::as_array_mut);
            if let Some(members) = members {
                members.retain(|known| known.as_str() != Some(member));
            }
        }
    }
}

/// What a new member's manifest says beside its name: inherited, as far as the workspace has it.
#[derive(Debug)]
pub(super) struct Heads {
    package: String,
    lints: &'static str,
}

impl Heads {
    pub(super) fn of(root: &Manifest) -> Self {
        let workspace = root.document.get("workspace");
        let shared = workspace.and_then(|workspace| workspace.get("package"));
        let own = [
            ("version", Some("\"0.1.0\"")),
            ("edition", Some("\"2024\"")),
            ("rust-version", None),
            ("license", None),
            ("publish", Some("false")),
        ];
        let lines =
            own.into_iter().filter_map(|(key, value)| match shared.is_some_and(|shared| shared.get(key).is_some()) {
                true => Some(format!("{key}.workspace = true")),
                false => value.map(|value| format!("{key} = {value}")),
            });
        let has_lints = workspace.is_some_and(|workspace| workspace.get("lints").is_some());
        Self {
            package: lines.collect::<Vec<_>>().join("\n"),
            lints: if has_lints { "\n[lints]\nworkspace = true\n" } else { "" },
        }
    }

    /// Puts them into the template of a manifest.
    pub(super) fn fill(&self, template: &str) -> String {
        template.replace("{{package}}", &self.package).replace("{{lints}}", self.lints)
    }
}

fn remove_from(of: &mut dyn TableLike, keys: &BTreeSet<String>) -> bool {
    let mut is_removed = false;
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        if let Some(dependencies) = of.get_mut(section).and_then(Item::as_table_like_mut) {
            for key in keys {
                is_removed |= dependencies.remove(key).is_some();
            }
        }
    }
    is_removed
}

/// `name.workspace = true`, as a value.
pub(super) fn inherited() -> Value {
    let mut table = InlineTable::new();
    table.insert("workspace", true.into());
    Value::InlineTable(table)
}

/// `{ path = … }`.
pub(super) fn at(path: &Path) -> Value {
    let mut table = InlineTable::new();
    table.insert("path", path.display().to_string().into());
    Value::InlineTable(table)
}

fn table<'t>(parent: &'t mut Table, name: &str) -> &'t mut Table {
    let item = parent.entry(name).or_insert_with(|| Item::Table(Table::new()));
    if !item.is_table() {
        // Written inline: the same entries, in the long form.
        let entries = std::mem::take(item).into_table().unwrap_or_default();
        *item = Item::Table(entries);
    }
    item.as_table_mut().expect("it was just made one")
}

/// Before the first entry that comes after it in the alphabet; what stands in no order gets it at its end.
fn insert_sorted(dependencies: &mut Table, package: &str, source: Value) {
    let is_inherited = source.as_inline_table().is_some_and(|table| table.contains_key("workspace"));
    let keys: Vec<_> = dependencies.iter().map(|(key, _)| key.to_owned()).collect();
    let is_sorted = keys.is_sorted();
    let item = if is_inherited {
        // `name.workspace = true`
        let mut dotted = Table::new();
        dotted.set_dotted(true);
        dotted.insert("workspace", toml_edit::value(true));
        Item::Table(dotted)
    } else {
        Item::Value(source)
    };
    dependencies.insert(package, item);
    if is_sorted {
        dependencies.sort_values_by(|one, _, other, _| one.get().cmp(other.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Manifest {
        Manifest::parse("Cargo.toml".into(), text).unwrap()
    }

    #[test]
    fn comments_and_order_stay() {
        let mut base = manifest(
            "# The base.\n[package]\nname = \"base\" # its name\n\n[dependencies]\n# The core.\nbedplate.workspace = true\nbedplate-starter-sql.workspace = true # data\n",
        );
        base.add("bedplate-starter-http", inherited());
        assert_eq!(
            base.text(),
            "# The base.\n[package]\nname = \"base\" # its name\n\n[dependencies]\n# The core.\nbedplate.workspace = true\nbedplate-starter-http.workspace = true\nbedplate-starter-sql.workspace = true # data\n"
        );
        let before = base.text();
        base.add("bedplate-starter-http", at(Path::new("/elsewhere")));
        assert_eq!(base.text(), before, "what is there stays as it is");
        let http = BTreeSet::from(["bedplate-starter-http".to_owned()]);
        assert!(base.remove(&http) && !base.remove(&http));
    }

    #[test]
    fn a_list_in_no_order_grows_at_its_end() {
        let mut base = manifest("[dependencies]\nzeta = \"1\"\nalpha = \"1\"\n");
        base.add("middle", at(Path::new("../middle")));
        assert_eq!(base.text(), "[dependencies]\nzeta = \"1\"\nalpha = \"1\"\nmiddle = { path = \"../middle\" }\n");
    }

    #[test]
    fn a_dependency_goes_from_every_table_that_has_it() {
        let mut base = manifest(
            "[dependencies]\nweb.workspace = true\nother = \"1\" # stays\n\n[dependencies.gone]\npath = \"x\"\n\n\
             [target.'cfg(unix)'.dependencies]\nweb = { path = \"x\" }\n\n[dev-dependencies]\nweb = { workspace = true, features = [\"testing\"] }\n",
        );
        assert!(base.remove(&["web", "gone"].map(str::to_owned).into()));
        assert_eq!(
            base.text(),
            "[dependencies]\nother = \"1\" # stays\n\n[target.'cfg(unix)'.dependencies]\n\n[dev-dependencies]\n"
        );
    }

    #[test]
    fn members_are_added_once_and_in_the_form_of_the_list() {
        let mut root = manifest("[workspace]\nmembers = [\n    # The base.\n    \"base\",\n]\n");
        root.add_member("modules/orders");
        root.add_member("modules/orders");
        assert!(root.text().contains("\"base\",\n    \"modules/orders\""), "{}", root.text());
        assert!(root.text().contains("# The base."));
        root.remove_member("modules/orders");
        assert!(!root.text().contains("orders"));
        let mut globbed = manifest("[workspace]\nmembers = [\"modules/*\"]\n");
        globbed.add_member("modules/orders");
        assert_eq!(globbed.text(), "[workspace]\nmembers = [\"modules/*\"]\n");
    }

    #[test]
    fn what_members_inherit_is_shared_once() {
        let mut root = manifest("[workspace]\nmembers = []\n");
        root.share("axum", Value::from("0.8"));
        root.share("axum", Value::from("0.9"));
        assert!(root.text().contains("axum = \"0.8\"") && !root.text().contains("0.9"), "{}", root.text());
        root.unshare("axum");
        assert!(!root.text().contains("axum"));
    }

    #[test]
    fn a_member_inherits_what_there_is() {
        let template = "name = \"x\"\n{{package}}\n\n[dependencies]\n{{lints}}";
        let of = |text: &str| Heads::of(&manifest(text)).fill(template);
        assert_eq!(
            of("[workspace]\n"),
            "name = \"x\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n"
        );
        let all = of("[workspace.package]\nversion = \"1.0.0\"\nlicense = \"MIT\"\n[workspace.lints.rust]\n");
        assert_eq!(
            all,
            "name = \"x\"\nversion.workspace = true\nedition = \"2024\"\nlicense.workspace = true\npublish = false\n\n\
             [dependencies]\n\n[lints]\nworkspace = true\n"
        );
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_place() {
        let error = Manifest::parse("here/Cargo.toml".into(), "[package\n").unwrap_err().to_string();
        assert!(error.contains("here/Cargo.toml") && error.contains("line 1"), "{error}");
    }
}
