//! Runs a module's migrations: locked, recorded, and without minding those of a newer generation.

use bedplate::compose::CompositionError;
use sqlx::Connection;
use sqlx::migrate::{Migrate, MigrateError, Migrator};

use crate::backend::Driver;
use crate::problem::{Subject, words};
use crate::settings::SqlSettings;

/// What is applied to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) migrations: usize,
    pub(crate) latest: Option<i64>,
}

/// Opens a module's database, and brings it to what the module's migrations say.
pub(crate) async fn migrate<DB: Driver>(
    location: &DB::Location,
    settings: &SqlSettings,
    subject: &Subject,
    migrations: Option<&Migrator>,
) -> Result<Option<Applied>, CompositionError> {
    let (mut connection, lock) = DB::open(location, settings, subject).await?;
    let applied = match migrations {
        Some(migrations) => Some(run(&mut connection, migrations, subject).await?),
        None => None,
    };
    // What it did is committed; how the connection ends changes nothing of that.
    if let Err(error) = connection.close().await {
        tracing::debug!(module = %subject.module, "the connection that migrated did not close in order: {error}");
    }
    drop(lock);
    Ok(applied)
}

async fn run<C: Migrate>(
    connection: &mut C,
    migrations: &Migrator,
    subject: &Subject,
) -> Result<Applied, CompositionError> {
    // The module's own, but for one thing: an older generation starts on a newer schema.
    let tolerant = Migrator {
        migrations: migrations.migrations.clone(),
        table_name: migrations.table_name.clone(),
        create_schemas: migrations.create_schemas.clone(),
        no_tx: migrations.no_tx,
        locking: migrations.locking,
        ignore_missing: true,
    };
    tolerant.run_direct(None, connection, false).await.map_err(|error| describe(&error, migrations, subject))?;
    let applied = connection
        .list_applied_migrations(&tolerant.table_name)
        .await
        .map_err(|error| describe(&error, migrations, subject))?;
    Ok(Applied { migrations: applied.len(), latest: applied.iter().map(|migration| migration.version).max() })
}

fn describe(error: &MigrateError, migrations: &Migrator, subject: &Subject) -> CompositionError {
    let module = &subject.module;
    let name = |version: &i64| {
        let found = migrations.iter().find(|migration| migration.version == *version);
        match found.map(|migration| &*migration.description) {
            Some(description) if !description.is_empty() => format!("{version} `{description}`"),
            _ => version.to_string(),
        }
    };
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
