//! Bases with modules that keep their data in PostgreSQL. They need a server, whose URL is in
//! `BEDPLATE_TEST_POSTGRES_URL`; its user must be allowed to make schemas.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::io::Write;
use std::sync::mpsc::{Sender, channel};

use bedplate::testing::{TestBase, TestBaseBuilder, run};
use bedplate::{Change, Content, Field, Module, ModuleContext, ModuleName, ModuleSpec, Result};
use bedplate_starter_sql::{Sql, SqlStarter};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Postgres, Row, SqlSafeStr};

const NOTES: (i64, &str, &str) = (1, "notes", "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL)");
const TAGS: (i64, &str, &str) = (2, "tags", "CREATE TABLE tags (note BIGINT REFERENCES notes, tag TEXT)");

struct Notes {
    db: Sql<Postgres>,
    out: Sender<Sql<Postgres>>,
}

impl Module for Notes {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        // The test may have seen enough.
        let _ = self.out.send(self.db.clone());
        Ok(())
    }
}

fn notes(name: &str, migrations: &[(i64, &'static str, &'static str)], out: &Sender<Sql<Postgres>>) -> ModuleSpec {
    let out = out.clone();
    let migrations = migrations.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let migrations = Migrator::with_migrations(migrations.collect());
    ModuleSpec::plain(name, move |fields| Ok(Notes { db: fields.take(Field::new("db"))?, out: out.clone() }))
        .unwrap()
        .requiring(|to| {
            to.field_with::<Sql<Postgres>>(Field::new("db"), migrations);
        })
}

/// A base on the server, and schemas without what an earlier run left in them; `None` without a server.
fn server(schemas: &[&str]) -> Option<TestBaseBuilder> {
    let Ok(url) = std::env::var("BEDPLATE_TEST_POSTGRES_URL") else {
        // Past the capture of the test's output: who runs the tests has to see it.
        std::io::stderr().write_all(b"skipped: BEDPLATE_TEST_POSTGRES_URL names no PostgreSQL server\n").unwrap();
        return None;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        for schema in schemas {
            let drop = format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE");
            connection.execute(AssertSqlSafe(drop)).await.unwrap();
        }
        connection.close().await.unwrap();
    });
    Some(TestBase::builder().starter::<SqlStarter>().set(format!("starters.sql.url={url}")))
}

async fn count(db: &Sql<Postgres>) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(&**db).await.unwrap()
}

async fn write(db: &Sql<Postgres>) {
    sqlx::query("INSERT INTO notes (text) VALUES ('a')").execute(&**db).await.unwrap();
}

#[test]
fn two_modules_have_schemas_of_their_own() {
    let Some(base) = server(&["apart-one", "apart-other"]) else { return };
    let (out, databases) = channel();
    run(base.with(notes("apart-one", &[NOTES], &out)).with(notes("apart-other", &[NOTES], &out)), |base| async move {
        let running = base.running().await.unwrap();
        let (one, other) = (databases.recv().unwrap(), databases.recv().unwrap());
        write(&one).await;
        assert_eq!((count(&one).await, count(&other).await), (1, 0));
        let schema: String = sqlx::query_scalar("SELECT current_schema()").fetch_one(&*one).await.unwrap();
        let name: String = sqlx::query_scalar("SHOW application_name").fetch_one(&*one).await.unwrap();
        assert!(schema.starts_with("apart-") && name == format!("{schema}@main"), "{schema}, {name}");
        let shown = running.inspect().into_iter().find(|inspection| inspection.name == "databases").unwrap();
        let Content::Json(shown) = shown.content else { panic!("JSON is shown") };
        assert!(shown[0]["location"].as_str().unwrap().ends_with("schema \"apart-one\""), "{shown}");
        assert_eq!(shown[0]["migrations"]["latest"], 1);
    });
}

#[test]
fn migrations_run_once_and_an_older_module_starts_on_a_newer_schema() {
    let Some(base) = server(&["migrating"]) else { return };
    let (out, databases) = channel();
    run(base.with(notes("migrating", &[NOTES], &out)), |base| async move {
        base.running().await.unwrap();
        let db = databases.recv().unwrap();
        write(&db).await;
        base.swap_to(notes("migrating", &[NOTES, TAGS], &out)).await.unwrap();
        base.swap_to(notes("migrating", &[NOTES], &out)).await.unwrap();
        assert_eq!(count(&db).await, 1);
        let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&*db).await.unwrap();
        assert_eq!(applied, 2);
    });
}

#[test]
fn a_warm_pool_sees_what_a_migration_added() {
    let Some(base) = server(&["warm"]) else { return };
    let (out, databases) = channel();
    run(base.with(notes("warm", &[NOTES], &out)), |base| async move {
        base.running().await.unwrap();
        let db = databases.recv().unwrap();
        write(&db).await;
        let all = async || sqlx::query("SELECT * FROM notes").fetch_one(&*db).await.unwrap();
        assert_eq!(all().await.columns().len(), 2);
        let author = (2, "author", "ALTER TABLE notes ADD COLUMN author TEXT DEFAULT 'nobody'");
        base.swap_to(notes("warm", &[NOTES, author], &out)).await.unwrap();
        let row = all().await;
        assert_eq!(row.columns().len(), 3, "the statement was prepared again");
        assert_eq!(row.get::<String, _>("author"), "nobody");
    });
}

#[test]
fn a_failing_migration_leaves_what_serves_and_no_lock() {
    let Some(base) = server(&["failing"]) else { return };
    let (out, databases) = channel();
    run(base.with(notes("failing", &[NOTES], &out)), |base| async move {
        let running = base.running().await.unwrap();
        let db = databases.recv().unwrap();
        let broken = (2, "likes", "ALTER TABLE nowhere ADD COLUMN likes INTEGER");
        let error = base.swap_to(notes("failing", &[NOTES, broken], &out)).await.unwrap_err().to_string();
        assert!(
            error.contains("migration 2 `likes` of `failing` failed: relation \"nowhere\" does not exist"),
            "{error}"
        );
        write(&db).await;
        base.swap_to(notes("failing", &[NOTES, TAGS], &out)).await.unwrap();
        running.deploy(Change::new().remove(ModuleName::new("failing").unwrap())).await.unwrap();
        base.settled().await.unwrap();
        assert!(db.is_closed());
    });
}

#[test]
fn two_bases_that_start_at_once_migrate_one_schema_once() {
    let Some(_) = server(&["at-once"]) else { return };
    let started: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                let (out, databases) = channel();
                let base = server(&[]).unwrap().with(notes("at-once", &[NOTES, TAGS], &out));
                run(base, |base| async move {
                    base.running().await.unwrap();
                    count(&databases.recv().unwrap()).await
                })
            })
        })
        .collect();
    for base in started {
        assert_eq!(base.join().unwrap(), 0);
    }
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let (out, _databases) = channel();
    // Bound and closed again: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let base = TestBase::builder()
        .starter::<SqlStarter>()
        .set(format!("starters.sql.url=postgres://somebody:hunter2@127.0.0.1:{port}/data"))
        .with(notes("absent", &[NOTES], &out));
    run(base, |base| async move {
        let error = base.running().await.unwrap_err();
        assert!(error.has("database-unavailable"), "{error}");
        let text = error.to_string();
        assert!(text.contains("`absent`") && text.contains("starters.sql.url"), "{text}");
        assert!(text.contains(&format!("postgres://somebody@127.0.0.1:{port}/data")), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    });
}

#[test]
fn a_field_of_postgres_without_a_server_is_refused() {
    let (out, _databases) = channel();
    let base = TestBase::builder().starter::<SqlStarter>().with(notes("fileless", &[NOTES], &out));
    run(base, |base| async move {
        let error = base.running().await.unwrap_err().to_string();
        assert!(error.contains("`starters.sql.url` names no PostgreSQL server"), "{error}");
    });
}
