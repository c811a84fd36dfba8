//! A module that keeps notes, with the migrations that a test gives it.

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Base, Content, Field, Module, ModuleContext, ModuleName, ModuleSpec, Result};
use bedplate_starter_sql::{Sql, SqlStarter};
use serde_json::Value;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use std::sync::mpsc::Sender;

/// The schema that most tests need.
pub(crate) const NOTES: (i64, &str, &str) =
    (1, "notes", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");

/// Keeps notes. It hands its database to the test, which stands in for the module's code.
pub(crate) struct Notes {
    db: Sql,
    out: Sender<Sql>,
    start: &'static str,
}

impl Module for Notes {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        if !self.start.is_empty() {
            sqlx::query(self.start).execute(&*self.db).await?;
        }
        // The test may have seen enough.
        let _ = self.out.send(self.db.clone());
        Ok(())
    }
}

/// A module of this name with these migrations, whose start hands its database to `out`.
pub(crate) fn notes(name: &str, migrations: &[(i64, &'static str, &'static str)], out: &Sender<Sql>) -> ModuleSpec {
    notes_that(name, migrations, "", out)
}

/// The same, with a statement that its start executes.
pub(crate) fn notes_that(
    name: &str,
    migrations: &[(i64, &'static str, &'static str)],
    start: &'static str,
    out: &Sender<Sql>,
) -> ModuleSpec {
    let out = out.clone();
    let migrations = migrator(migrations);
    ModuleSpec::plain(name, move |fields| Ok(Notes { db: fields.take(Field::new("db"))?, out: out.clone(), start }))
        .unwrap()
        .requiring(|to| {
            to.field_with::<Sql>(Field::new("db"), migrations);
        })
}

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = migrations.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// A test's base with the starter, in a folder of its own.
pub(crate) fn builder(folder: &tempfile::TempDir) -> TestBaseBuilder {
    // Files, where the starter's own settings for tests say memory.
    let settings = "[starters.sql]\nurl = \"sqlite:state/sql/{module}.db\"";
    TestBase::builder().starter::<SqlStarter>().folder(folder.path()).settings(settings)
}

/// How many notes there are.
pub(crate) async fn count(db: &Sql) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(&**db).await.unwrap()
}

/// Writes one note.
pub(crate) async fn write(db: &Sql) {
    sqlx::query("INSERT INTO notes (text) VALUES ('a')").execute(&**db).await.unwrap();
}

/// What the starter shows of a module's database.
pub(crate) fn shown(base: &Base, module: &str) -> Option<Value> {
    let inspection = base.inspect().into_iter().find(|inspection| inspection.name == "databases").unwrap();
    let Content::Json(Value::Array(databases)) = inspection.content else { panic!("a list is shown") };
    databases.into_iter().find(|database| database["module"] == module)
}

/// A valid module name.
pub(crate) fn name(name: &str) -> ModuleName {
    ModuleName::new(name).unwrap()
}
