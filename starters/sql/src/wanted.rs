//! What one module in one scene wants: which database, by which setting.

use std::path::{Path, PathBuf};

use bedplate::{ModuleName, SceneName};

use crate::settings::{Scenes, SqlModuleSettings, SqlSettings};

/// What stands for the name of a module's database in a URL.
pub(crate) const PLACEHOLDER: &str = "{module}";

/// A module in a scene, and all that settings say about its database.
pub struct Wanted<'a> {
    pub(crate) module: &'a ModuleName,
    pub(crate) scene: &'a SceneName,
    pub(crate) shared: &'a SqlSettings,
    pub(crate) own: &'a SqlModuleSettings,
    /// Where relative paths start from.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "SQLite alone keeps files"))]
    pub(crate) folder: &'a Path,
    /// Where databases that end with the base are kept.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "SQLite alone keeps files"))]
    pub(crate) scratch: &'a (dyn Fn() -> std::io::Result<PathBuf> + Send + Sync),
}

/// Where the settings say that a database is.
pub(crate) enum Address<'a> {
    /// No URL: a file in the folder.
    Folder,
    /// SQLite that ends with the base.
    Memory,
    /// A SQLite file.
    File(&'a str),
    /// A PostgreSQL server.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "without the feature it is only refused"))]
    Postgres(&'a str),
}

impl Wanted<'_> {
    /// The name of the database: the module's, and the scene's where the scenes are apart.
    pub(crate) fn database(&self) -> String {
        match (self.own.scenes, self.scene_suffix()) {
            (Scenes::Separate, Some(scene)) => format!("{}@{scene}", self.module),
            _ => self.module.to_string(),
        }
    }

    /// The scene, where its data is apart from that of the main one.
    pub(crate) fn scene_suffix(&self) -> Option<&str> {
        let apart = self.own.scenes == Scenes::Separate && *self.scene != SceneName::main();
        apart.then(|| self.scene.as_str())
    }

    /// The setting that decides.
    pub(crate) fn key(&self) -> String {
        if self.own.url.is_some() {
            format!("modules.{}.sql.url", self.module)
        } else if self.shared.url.is_some() {
            "starters.sql.url".to_owned()
        } else {
            "starters.sql.folder".to_owned()
        }
    }

    /// What the deciding setting says.
    pub(crate) fn address(&self) -> bedplate::Result<Address<'_>> {
        match self.own.url.as_ref().or(self.shared.url.as_ref()) {
            None => Ok(Address::Folder),
            Some(url) => {
                address_of(url.expose()).map_err(|reason| anyhow::anyhow!("the setting `{}` {reason}", self.key()))
            }
        }
    }
}

fn address_of(url: &str) -> Result<Address<'_>, String> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Address::Postgres(url));
    }
    let Some(path) = url.strip_prefix("sqlite:") else {
        // Not the URL itself: it may hold a password.
        return Err("is no URL of a database: write `sqlite:<path>`, `sqlite::memory:` or `postgres://…`".to_owned());
    };
    match path.strip_prefix("//").unwrap_or(path) {
        ":memory:" => Ok(Address::Memory),
        "" => Err("names no file: write `sqlite:<path>`".to_owned()),
        path if path.contains('?') => {
            Err("has parameters, which SQLite files do not take here: the starter sets the journal, keys and timeouts"
                .to_owned())
        }
        path => Ok(Address::File(path)),
    }
}

/// Checks the URL that serves all modules: it must keep them apart.
pub(crate) fn check_shared_url(url: &str) -> Result<(), String> {
    match address_of(url).map_err(|reason| format!("`url` {reason}"))? {
        Address::File(path) if !path.contains(PLACEHOLDER) => Err(format!(
            "`url` gives every module the same file: write `{PLACEHOLDER}` where the module's name goes, \
             as in `sqlite:state/{PLACEHOLDER}.db`"
        )),
        #[cfg(not(feature = "postgres"))]
        Address::Postgres(_) => {
            Err("`url` is PostgreSQL's, and this base was built without it: enable the feature `postgres` of \
                 `bedplate-starter-sql`"
                .to_owned())
        }
        _ => Ok(()),
    }
}
