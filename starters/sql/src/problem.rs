//! What is wrong with a module's database, in the form what / where / what to do.

use bedplate::ModuleName;
use bedplate::compose::{CompositionError, Place, Problem};

use crate::pending::Pending;

/// Whose database a problem is about, and which setting decides where it is.
#[derive(Debug, Clone)]
pub struct Subject {
    pub(crate) module: ModuleName,
    /// The name that its connections go by.
    pub(crate) connections: String,
    /// The database, without a password.
    pub(crate) database: String,
    /// The setting's key.
    pub(crate) key: String,
}

impl Subject {
    /// A failure to reach, create or write the database.
    pub(crate) fn unavailable(&self, why: impl std::fmt::Display, help: impl Into<String>) -> CompositionError {
        let what = format!("`{}` cannot use its database {}: {why}", self.module, self.database);
        self.problem("database-unavailable", what, help.into())
    }

    /// A failure to migrate it.
    pub(crate) fn migration(&self, what: String, help: impl Into<String>) -> CompositionError {
        self.problem("migration-failed", what, help.into())
    }

    /// Migrations that take away what the generation before may still use, in a deployment that must not.
    pub(crate) fn breaking(&self, migrations: &[&Pending<'_>]) -> CompositionError {
        let listed: Vec<_> = migrations
            .iter()
            .map(|migration| format!("migration {} {}", migration.name(), migration.takes_away()))
            .collect();
        let what = format!(
            "what serves `{module}` now, and what it could be rolled back to, may break: {}; nothing was migrated",
            listed.join("; "),
            module = self.module
        );
        let help =
            "first deploy code that does without it, and then deploy this and say that it may break (`--breaking`)";
        self.problem("migration-breaking", what, help.to_owned())
    }

    fn problem(&self, code: &'static str, what: String, help: String) -> CompositionError {
        let places = vec![
            Place { what: format!("the database of `{}`", self.module), at: self.database.clone() },
            Place { what: "the setting that says where it is".to_owned(), at: self.key.clone() },
        ];
        CompositionError { step: "migrate", problems: vec![Problem { code, what, places, help }] }
    }
}

/// The database's own words, without sqlx's around them.
pub(crate) fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
    }
}
