//! Where a project has bedplate from: a folder, a git repository, or the registry.

use std::path::{Path, PathBuf};

use anyhow::Result;
use cargo_metadata::Package;
use semver::VersionReq;
use toml_edit::{InlineTable, Item, Value};

use crate::failure::Failure;
use crate::market::{Entry, Source, checkout, own_version};
use crate::project::layout::Project;
use crate::workspace::Workspace;

/// Where bedplate and its own starters come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bedplate {
    /// A checkout of its repository.
    Path(PathBuf),
    /// Its repository, at a commit, a tag or a branch as cargo writes it: `rev`, `tag` or `branch`, and which.
    Git { url: String, reference: Option<(String, String)> },
    /// The registry.
    Registry(VersionReq),
}

impl Bedplate {
    /// What `--bedplate` says; else what the tool itself is from.
    pub(super) fn wanted(text: Option<&str>) -> Result<Self> {
        let Some(text) = text else {
            return Ok(checkout().map_or_else(|| Self::Registry(own()), Self::Path));
        };
        if let Some(folder) = text.strip_prefix("path:") {
            let folder = Path::new(folder);
            let found = folder.canonicalize().ok().filter(|folder| folder.join("core/Cargo.toml").is_file());
            return found.map(Self::Path).ok_or_else(|| {
                Failure::error(
                    "no-bedplate",
                    format!("there is no bedplate in {}", folder.display()),
                    "name a checkout of its repository, which has a folder `core`",
                )
            });
        }
        if let Some(rest) = text.strip_prefix("git:") {
            let (url, rev) = match rest.split_once('#') {
                Some((url, rev)) => (url, Some(("rev".to_owned(), rev.to_owned()))),
                None => (rest, None),
            };
            return Ok(Self::Git { url: url.to_owned(), reference: rev });
        }
        VersionReq::parse(text).map(Self::Registry).map_err(|_| {
            Failure::error(
                "no-bedplate",
                format!("`{text}` is no place that bedplate can come from"),
                "write path:FOLDER, git:URL#COMMIT, or a version such as 0.1",
            )
        })
    }

    /// Where a project has it from: as its manifest says, which a `[patch]` does not change; else as cargo found it.
    pub(super) fn of(project: &Project) -> Result<Self> {
        if let Some(written) = project.root.core().and_then(Self::written) {
            return Ok(written);
        }
        let core = core(&project.workspace)?;
        let Some(source) = &core.source else {
            // …/core/Cargo.toml
            let folder = core.manifest_path.as_std_path().ancestors().nth(2).map(Path::to_path_buf);
            return Ok(Self::Path(folder.unwrap_or_default()));
        };
        let Some(rest) = source.repr.strip_prefix("git+") else {
            return Ok(Self::Registry(VersionReq::parse(&core.version.to_string()).unwrap_or_else(|_| own())));
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (url, query) = rest.split_once('?').map_or((rest, None), |(url, query)| (url, Some(query)));
        let reference = query.and_then(|query| query.split_once('='));
        Ok(Self::Git {
            url: url.to_owned(),
            reference: reference.map(|(kind, which)| (kind.to_owned(), which.to_owned())),
        })
    }

    /// What the manifest says of the core. A path stays as it is written: relative to that manifest.
    fn written(core: &Item) -> Option<Self> {
        let text = |key: &str| core.get(key).and_then(Item::as_str);
        if let Some(path) = text("path") {
            let checkout = Path::new(path).parent()?;
            return Path::new(path).ends_with("core").then(|| Self::Path(checkout.to_owned()));
        }
        if let Some(url) = text("git") {
            let named = ["rev", "tag", "branch"].into_iter().find_map(|kind| Some((kind, text(kind)?)));
            let reference = named.map(|(kind, which)| (kind.to_owned(), which.to_owned()));
            return Some(Self::Git { url: url.to_owned(), reference });
        }
        let version = core.as_str().or_else(|| text("version"))?;
        VersionReq::parse(version).ok().map(Self::Registry)
    }

    /// The dependency on a package of bedplate's repository, in this folder of it.
    pub(super) fn dependency(&self, folder: &Path) -> Value {
        let mut table = InlineTable::new();
        match self {
            Self::Path(checkout) => {
                table.insert("path", checkout.join(folder).display().to_string().into());
            }
            Self::Git { url, reference } => {
                table.insert("git", url.as_str().into());
                if let Some((kind, which)) = reference {
                    table.insert(kind.as_str(), which.as_str().into());
                }
            }
            Self::Registry(version) => {
                table.insert("version", version.to_string().trim_start_matches('^').into());
            }
        }
        Value::InlineTable(table)
    }

    /// The dependency on a starter.
    pub(super) fn starter(&self, entry: &Entry) -> Value {
        let mut table = InlineTable::new();
        match &entry.source {
            Source::Bedplate { folder } => return self.dependency(folder),
            Source::Registry => {
                table.insert("version", entry.version.to_string().trim_start_matches('^').into());
            }
            Source::Path { path } => {
                table.insert("path", path.display().to_string().into());
            }
            Source::Git { url, rev } => {
                table.insert("git", url.as_str().into());
                table.insert("rev", rev.as_str().into());
            }
        }
        Value::InlineTable(table)
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Path(folder) => format!("bedplate from the folder {}", folder.display()),
            Self::Git { url, reference: Some((_, which)) } => format!("bedplate from {url} at {which}"),
            Self::Git { url, reference: None } => format!("bedplate from {url}"),
            Self::Registry(version) => format!("bedplate {version} from the registry"),
        }
    }
}

fn own() -> VersionReq {
    VersionReq::parse(&own_version().to_string()).unwrap_or(VersionReq::STAR)
}

/// The core, as the workspace has it.
pub(super) fn core(workspace: &Workspace) -> Result<&Package> {
    workspace.packages.values().find(|package| package.name.as_str() == "bedplate").ok_or_else(|| {
        Failure::error("no-bedplate", "the workspace does not depend on bedplate", "run it in a base's workspace")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bedplate: &Bedplate) -> String {
        bedplate.dependency(Path::new("starters/http")).to_string()
    }

    #[test]
    fn every_place_has_its_dependency() {
        let git = Bedplate::wanted(Some("git:https://forge.example/bedplate#abc")).unwrap();
        assert_eq!(written(&git), r#"{ git = "https://forge.example/bedplate", rev = "abc" }"#);
        let version = Bedplate::wanted(Some("0.1")).unwrap();
        assert_eq!(written(&version), r#"{ version = "0.1" }"#);
        let path = Bedplate::Path("/checkout".into());
        assert_eq!(written(&path), r#"{ path = "/checkout/starters/http" }"#);
    }

    #[test]
    fn what_a_manifest_says_is_said_again() {
        let of = |text: &str| {
            let document: toml_edit::DocumentMut = format!("bedplate = {text}\n").parse().unwrap();
            written(&Bedplate::written(&document["bedplate"]).unwrap())
        };
        assert_eq!(of("\"0.1\""), r#"{ version = "0.1" }"#);
        assert_eq!(of(r#"{ version = "0.1.2", features = ["x"] }"#), r#"{ version = "0.1.2" }"#);
        assert_eq!(
            of(r#"{ path = "../bedplate/core", version = "0.1" }"#),
            r#"{ path = "../bedplate/starters/http" }"#
        );
        assert_eq!(of(r#"{ git = "file:///b", tag = "v1" }"#), r#"{ git = "file:///b", tag = "v1" }"#);
        assert_eq!(of(r#"{ git = "file:///b" }"#), r#"{ git = "file:///b" }"#);
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["path:/nowhere/at/all", "newest", ""] {
            let error = Bedplate::wanted(Some(text)).unwrap_err();
            assert_eq!(error.downcast_ref::<Failure>().unwrap().code, "no-bedplate", "{text}");
        }
    }
}
