//! The migrations of a module that its database has not had, and what they take away.

use std::collections::BTreeSet;

use bedplate::{ModuleName, Planned};
use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};

use crate::backend::Driver;
use crate::breaking::Reader;

/// A migration that is still to be applied.
#[derive(Debug)]
pub(crate) struct Pending<'a> {
    migration: &'a Migration,
    /// What a generation before may still use, and it takes away.
    takes_away: Vec<String>,
}

/// What is still to be applied, in order.
///
/// Into a database without any recorded migration nothing can break: no generation has ever used it.
pub(crate) async fn pending<'a, DB: Driver>(
    connection: &mut DB::Connection,
    migrations: &'a Migrator,
) -> Result<Vec<Pending<'a>>, MigrateError> {
    let applied: BTreeSet<i64> = match connection.list_applied_migrations(&migrations.table_name).await {
        Ok(applied) => applied.iter().map(|applied| applied.version).collect(),
        Err(MigrateError::Execute(sqlx::Error::Database(error))) if DB::is_missing_table(&*error) => BTreeSet::new(),
        Err(error) => return Err(error),
    };
    Ok(unapplied::<DB>(&applied, migrations))
}

/// The same, for a database of which it is known what was applied.
pub(crate) fn unapplied<'a, DB: Driver>(applied: &BTreeSet<i64>, migrations: &'a Migrator) -> Vec<Pending<'a>> {
    let mut reader = Reader::new(DB::DIALECT);
    let is_pending =
        |migration: &&Migration| !migration.migration_type.is_down_migration() && !applied.contains(&migration.version);
    let pending = migrations.iter().filter(is_pending);
    pending
        .map(|migration| {
            let found = reader.read(migration.sql.as_str());
            Pending { migration, takes_away: if applied.is_empty() { Vec::new() } else { found } }
        })
        .collect()
}

impl Pending<'_> {
    /// Whether a generation before may still use what it takes away.
    pub(crate) fn is_breaking(&self) -> bool {
        !self.takes_away.is_empty()
    }

    /// What it takes away, in words.
    pub(crate) fn takes_away(&self) -> String {
        self.takes_away.join(", ")
    }

    /// The migration, in words.
    pub(crate) fn name(&self) -> String {
        name(self.migration.version, Some(self.migration))
    }

    /// For a plan.
    pub(crate) fn planned(&self, module: &ModuleName) -> Planned {
        let planned = Planned::new("migration", format!("migration {} of `{module}`", self.name()));
        if self.is_breaking() { planned.breaking(self.takes_away()) } else { planned }
    }
}

/// A migration in words: its version, and its description where it has one.
pub(crate) fn name(version: i64, migration: Option<&Migration>) -> String {
    match migration.map(|migration| &*migration.description) {
        Some(description) if !description.is_empty() => format!("{version} `{description}`"),
        _ => version.to_string(),
    }
}
