//! Runs a module's migrations: locked, recorded, given up when nobody waits, and without minding those of a
//! newer generation.

use std::sync::Arc;

use bedplate::Planned;
use bedplate::compose::CompositionError;
use sqlx::Connection;
use sqlx::migrate::{Migrate, MigrateError, Migrator};

use crate::backend::Driver;
use crate::given_up::GivenUp;
use crate::pending::{name, pending};
use crate::problem::{Subject, words};
use crate::schema::{Changing, Schema};
use crate::settings::SqlSettings;

/// What is applied to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) migrations: usize,
    pub(crate) latest: Option<i64>,
}

/// Whether a migration may take away what the generation before uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breaking {
    Allowed,
    Refused,
}

/// Opens a module's database, and brings it to what the module's migrations say.
///
/// It may be dropped at any time. The migration that runs then is interrupted and rolled back, and the lock is
/// free as soon as that is done: the work is a task of its own, which outlives this future by that much.
pub(crate) async fn migrate<DB: Driver>(
    location: &DB::Location,
    settings: &SqlSettings,
    subject: &Subject,
    migrations: Option<Arc<Migrator>>,
    breaking: Breaking,
    schemas: Vec<Arc<Schema>>,
) -> Result<Option<Applied>, CompositionError> {
    let (waits, given_up) = GivenUp::new();
    let work = Work::<DB> {
        location: location.clone(),
        settings: settings.clone(),
        subject: subject.clone(),
        breaking,
        schemas,
    };
    let worked = tokio::spawn(work.run(migrations, given_up)).await;
    drop(waits);
    worked.unwrap_or_else(|error| Err(subject.unavailable(error, "the base was shutting down")))
}

/// What is migrated, and how far it may go.
struct Work<DB: Driver> {
    location: DB::Location,
    settings: SqlSettings,
    subject: Subject,
    breaking: Breaking,
    /// What the pools on the database see.
    schemas: Vec<Arc<Schema>>,
}

impl<DB: Driver> Work<DB> {
    async fn run(
        self,
        migrations: Option<Arc<Migrator>>,
        given_up: GivenUp,
    ) -> Result<Option<Applied>, CompositionError> {
        let subject = &self.subject;
        let (mut connection, lock) = DB::open(&self.location, &self.settings, subject, &given_up).await?;
        let applying = async {
            match &migrations {
                Some(migrations) => self.apply(&mut connection, migrations).await.map(Some),
                None => Ok(None),
            }
        };
        let applied = tokio::select! {
            applied = applying => applied,
            () = given_up.wait() => Err(subject.unavailable("its migration was given up", "see what it waits for")),
        };
        // What it did is committed; how the connection ends changes nothing of that.
        if let Err(error) = connection.close().await {
            tracing::debug!(module = %subject.module, "the connection that migrated did not close in order: {error}");
        }
        drop(lock);
        applied
    }

    async fn apply(&self, connection: &mut DB::Connection, migrations: &Migrator) -> Result<Applied, CompositionError> {
        let described = |error| describe(&error, migrations, &self.subject);
        let pending = pending::<DB>(connection, migrations).await.map_err(described)?;
        if self.breaking == Breaking::Refused {
            let refused: Vec<_> = pending.iter().filter(|pending| pending.is_breaking()).collect();
            if !refused.is_empty() {
                return Err(self.subject.breaking(&refused));
            }
        }
        // The module's own, but for one thing: an older generation starts on a newer schema.
        let tolerant = Migrator {
            migrations: migrations.migrations.clone(),
            table_name: migrations.table_name.clone(),
            create_schemas: migrations.create_schemas.clone(),
            no_tx: migrations.no_tx,
            locking: migrations.locking,
            ignore_missing: true,
        };
        // Even where it fails: those before the one that failed stay applied.
        let changing = (!pending.is_empty()).then(|| Changing::begin(self.schemas.clone()));
        tolerant.run_direct(None, connection, false).await.map_err(described)?;
        drop(changing);
        let applied = connection.list_applied_migrations(&tolerant.table_name).await.map_err(described)?;
        Ok(Applied { migrations: applied.len(), latest: applied.iter().map(|migration| migration.version).max() })
    }
}

/// What [`migrate`] would do. Changes nothing: neither the database nor its schema is made.
pub(crate) async fn plan<DB: Driver>(
    location: &DB::Location,
    settings: &SqlSettings,
    subject: &Subject,
    migrations: &Migrator,
) -> Result<Vec<Planned>, CompositionError> {
    let pending = match DB::look(location, settings, subject).await? {
        Some(mut connection) => {
            let pending = pending::<DB>(&mut connection, migrations).await;
            let _ = connection.close().await;
            pending.map_err(|error| describe(&error, migrations, subject))?
        }
        // It will be made.
        None => crate::pending::unapplied::<DB>(&Default::default(), migrations),
    };
    Ok(pending.iter().map(|pending| pending.planned(&subject.module)).collect())
}

fn describe(error: &MigrateError, migrations: &Migrator, subject: &Subject) -> CompositionError {
    let module = &subject.module;
    let name = |version: &i64| name(*version, migrations.iter().find(|migration| migration.version == *version));
    match error {
        MigrateError::ExecuteMigration(error, version) => subject.migration(
            format!("migration {} of `{module}` failed: {}", name(version), words(error)),
            "mend its SQL; migrations before it stay applied, and what serves now is unchanged",
        ),
        MigrateError::VersionMismatch(version) => subject.migration(
            format!("migration {} of `{module}` was changed after it had been applied", name(version)),
            "restore the file as it was applied, and put the change into a new migration",
        ),
        MigrateError::Dirty(version) => subject.migration(
            format!("migration {} of `{module}` was applied in part, and has not been mended", name(version)),
            "finish or undo its changes by hand, then take its row out of `_sqlx_migrations`",
        ),
        MigrateError::Execute(error) => subject.migration(
            format!("the migrations of `{module}` could not be looked up or recorded: {}", words(error)),
            "see what the database says; it must be able to create and write `_sqlx_migrations`",
        ),
        error => subject.migration(
            format!("the migrations of `{module}` cannot be used: {error}"),
            "see `sqlx::migrate!` for what it takes",
        ),
    }
}

#[cfg(all(test, feature = "sqlite"))]
#[path = "migrate_tests.rs"]
mod tests;
