//! The starter behaves as bases and modules rely on, with SQLite.

use bedplate::testing::TestBaseBuilder;
use bedplate::testing::conformance::{Generations, Given, Look, Subject};
use bedplate::{Field, InstanceId, Module, ModuleSpec, Result};
use bedplate_starter_sql::{Sql, SqlStarter};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Writes down its id.
struct Writes {
    id: InstanceId,
    db: Sql,
}

impl Module for Writes {}

impl Writes {
    async fn traces(&self) -> Result<Vec<String>> {
        let write = sqlx::query("INSERT INTO traces (id) VALUES (?) ON CONFLICT DO NOTHING");
        write.bind(self.id.to_string()).execute(&*self.db).await?;
        Ok(sqlx::query_scalar("SELECT id FROM traces").fetch_all(&*self.db).await?)
    }
}

fn writes(name: &str, schema: &'static str) -> ModuleSpec {
    let schema = Migration::new(1, "traces".into(), MigrationType::Simple, schema.into_sql_str(), false);
    let migrations = Migrator::with_migrations(vec![schema]);
    let make = |fields: &bedplate::Fields<'_>| {
        Ok(Writes { id: fields.context().id().clone(), db: fields.take(Field::new("db"))? })
    };
    ModuleSpec::plain(name, make).unwrap().requiring(|to| {
        to.field_with::<Sql>(Field::new("db"), migrations);
    })
}

struct SqlIsTried;

impl Subject for SqlIsTried {
    type Starter = SqlStarter;

    const GENERATIONS: Generations = Generations::Shared;

    fn base(with: TestBaseBuilder) -> TestBaseBuilder {
        with.settings("[starters.sql]\nurl = \"sqlite:state/{module}.db\"")
    }

    fn module(name: &str) -> ModuleSpec {
        writes(name, "CREATE TABLE traces (id TEXT PRIMARY KEY)")
    }

    async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
        let mut seen: Vec<_> = at.shown("databases").iter().map(|_| at.member()).collect();
        if let Some(module) = at.object::<Writes>() {
            seen.extend(module.traces().await?);
        }
        Ok(seen)
    }

    async fn given(to: &Look<'_>) -> Given {
        let Some(module) = to.object::<Writes>() else { return Given::Freed };
        match sqlx::query("SELECT 1").execute(&*module.db).await {
            Err(sqlx::Error::PoolClosed) => Given::Freed,
            _ => Given::Works,
        }
    }

    fn refused_settings() -> Vec<String> {
        ["connections = 0", "url = \"sqlite:all.db\"", "url = \"oracle:all\""]
            .map(|line| format!("[starters.sql]\n{line}"))
            .into()
    }

    fn refused_module(name: &str) -> Option<ModuleSpec> {
        Some(writes(name, "CREATE TABEL traces (id TEXT)"))
    }
}

bedplate::conformance!(SqlIsTried);
