//! The starter itself: hands out pools, migrates, closes.

use std::path::PathBuf;
#[cfg(feature = "sqlite")]
use std::sync::{Mutex, PoisonError};

use bedplate::{
    Composition, Content, Inspection, InstanceId, Planned, Provided, Result, Staged, Starter, StarterContext, starter,
};
use serde_json::Value;

use crate::handle::Sql;
use crate::pools::{Pools, Surroundings};
use crate::settings::{SqlModuleSettings, SqlSettings};

/// Gives each module a database of its own: a SQLite file, or a schema in PostgreSQL.
///
/// A module gets a sqlx pool by a field of type [`Sql`]. Its migrations run before its start.
#[cfg_attr(
    all(feature = "sqlite", feature = "postgres"),
    starter(
        name = "sql",
        provides(Sql<sqlx::Sqlite>, Sql<sqlx::Postgres>),
        settings = SqlSettings,
        module_settings = SqlModuleSettings,
        test_settings = "url = \"sqlite::memory:\""
    )
)]
#[cfg_attr(
    all(feature = "sqlite", not(feature = "postgres")),
    starter(
        name = "sql",
        provides(Sql<sqlx::Sqlite>),
        settings = SqlSettings,
        module_settings = SqlModuleSettings,
        test_settings = "url = \"sqlite::memory:\""
    )
)]
#[cfg_attr(
    all(feature = "postgres", not(feature = "sqlite")),
    starter(
        name = "sql",
        provides(Sql<sqlx::Postgres>),
        settings = SqlSettings,
        module_settings = SqlModuleSettings
    )
)]
pub struct SqlStarter {
    settings: SqlSettings,
    folder: PathBuf,
    #[cfg(feature = "sqlite")]
    sqlite: Pools<sqlx::Sqlite>,
    #[cfg(feature = "postgres")]
    postgres: Pools<sqlx::Postgres>,
    /// Made when it is first needed; removed with the starter.
    #[cfg(feature = "sqlite")]
    scratch: Mutex<Option<tempfile::TempDir>>,
}

impl SqlStarter {
    /// Runs `f` with what all pools of the base have in common.
    fn within<T>(&self, f: impl FnOnce(&Surroundings<'_>) -> T) -> T {
        f(&Surroundings { settings: &self.settings, folder: &self.folder, scratch: &|| self.scratch() })
    }

    #[cfg(feature = "sqlite")]
    fn scratch(&self) -> std::io::Result<PathBuf> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &*scratch {
            return Ok(folder.path().to_owned());
        }
        let folder = tempfile::Builder::new().prefix("bedplate-sql-").tempdir()?;
        Ok(scratch.insert(folder).path().to_owned())
    }

    #[cfg(not(feature = "sqlite"))]
    fn scratch(&self) -> std::io::Result<PathBuf> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

impl Starter for SqlStarter {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        Ok(Self {
            settings: ctx.settings()?,
            folder: ctx.folder().to_owned(),
            #[cfg(feature = "sqlite")]
            sqlite: Pools::new(),
            #[cfg(feature = "postgres")]
            postgres: Pools::new(),
            #[cfg(feature = "sqlite")]
            scratch: Mutex::default(),
        })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        self.within(|within| {
            #[cfg(feature = "sqlite")]
            self.sqlite.provide(to, within)?;
            #[cfg(feature = "postgres")]
            self.postgres.provide(to, within)?;
            Ok(())
        })
    }

    async fn plan(&self, staged: &Staged<'_>) -> Result<Vec<Planned>> {
        let mut planned = Vec::new();
        #[cfg(feature = "sqlite")]
        planned.extend(self.sqlite.plan(staged, &self.settings).await?);
        #[cfg(feature = "postgres")]
        planned.extend(self.postgres.plan(staged, &self.settings).await?);
        Ok(planned)
    }

    async fn migrate(&self, staged: &Staged<'_>) -> Result<()> {
        #[cfg(feature = "sqlite")]
        self.sqlite.migrate(staged, &self.settings).await?;
        #[cfg(feature = "postgres")]
        self.postgres.migrate(staged, &self.settings).await?;
        Ok(())
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }

    fn committed(&self, _: &Composition) {
        #[cfg(feature = "sqlite")]
        self.sqlite.committed();
        #[cfg(feature = "postgres")]
        self.postgres.committed();
    }

    async fn release(&self, instance: &InstanceId) {
        #[cfg(feature = "sqlite")]
        self.sqlite.release(instance).await;
        #[cfg(feature = "postgres")]
        self.postgres.release(instance).await;
    }

    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        let mut databases: Vec<Value> = Vec::new();
        #[cfg(feature = "sqlite")]
        databases.extend(self.sqlite.inspect(now));
        #[cfg(feature = "postgres")]
        databases.extend(self.postgres.inspect(now));
        vec![Inspection { name: "databases", content: Content::Json(databases.into()) }]
    }

    async fn stop(&self) -> Result<()> {
        #[cfg(feature = "sqlite")]
        self.sqlite.stop().await;
        #[cfg(feature = "postgres")]
        self.postgres.stop().await;
        #[cfg(feature = "sqlite")]
        if let Some(folder) = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).take() {
            folder.close()?;
        }
        Ok(())
    }
}
