//! Migrations of a real SQLite file: planned, refused, given up.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::time::Duration;

use bedplate::{ModuleName, SceneName};
use sqlx::migrate::{Migration, MigrationType};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{SqlSafeStr, Sqlite};
use tokio::time::timeout;

use super::*;
use crate::settings::{Scenes, SqlModuleSettings};
use crate::wanted::Wanted;

type Location = <Sqlite as Driver>::Location;

const NOTES: (i64, &str, &str) = (1, "notes", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
const TAGS: (i64, &str, &str) = (2, "tags", "CREATE TABLE tags (tag TEXT)");
const NO_TEXT: (i64, &str, &str) = (3, "no text", "ALTER TABLE notes DROP COLUMN text; DROP TABLE tags");
/// It ends when it is interrupted.
const ENDLESS: (i64, &str, &str) = (
    3,
    "endless",
    "CREATE TABLE half (id INTEGER); \
     CREATE TABLE counted AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
);

struct Database {
    folder: tempfile::TempDir,
    settings: SqlSettings,
    location: Location,
    subject: Subject,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let module = ModuleName::new("notes").unwrap();
        let settings = SqlSettings {
            url: None,
            folder: "data".into(),
            connections: 1,
            acquire_timeout: Duration::from_secs(10),
            busy_timeout: Duration::from_secs(5),
            slow_query: Duration::from_secs(1),
            // Whoever waits for it in a test hangs.
            migration_wait: Duration::from_secs(86_400),
        };
        let wanted = Wanted {
            module: &module,
            scene: &SceneName::main(),
            shared: &settings,
            own: &SqlModuleSettings { url: None, schema: None, connections: None, scenes: Scenes::Separate },
            folder: folder.path(),
            scratch: &|| unreachable!("it has a folder"),
        };
        let location = Sqlite::locate(&wanted).unwrap();
        let (database, key) = (location.to_string(), "starters.sql.folder".to_owned());
        let subject = Subject { module, connections: "notes@main".to_owned(), database, key };
        Self { folder, settings, location, subject }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("data/notes.db")
    }

    async fn migrate(
        &self,
        migrations: &[(i64, &'static str, &'static str)],
        breaking: Breaking,
    ) -> Result<Applied, CompositionError> {
        let migrations = Some(Arc::new(migrator(migrations)));
        let applied =
            migrate::<Sqlite>(&self.location, &self.settings, &self.subject, migrations, breaking, Vec::new()).await;
        applied.map(|applied| applied.expect("there are migrations"))
    }

    async fn plan(&self, migrations: &[(i64, &'static str, &'static str)]) -> Vec<Planned> {
        plan::<Sqlite>(&self.location, &self.settings, &self.subject, &migrator(migrations)).await.unwrap()
    }

    /// Waits until this table is there, and somebody writes on.
    async fn is_written_after(&self, table: &str) {
        let options = SqliteConnectOptions::new().filename(self.file()).busy_timeout(Duration::ZERO);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        while !self.tables().await.iter().any(|name| name == table) {
            tokio::task::yield_now().await;
        }
        while sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.is_ok() {
            sqlx::query("ROLLBACK").execute(&mut connection).await.unwrap();
        }
    }

    async fn tables(&self) -> Vec<String> {
        let mut connection = connect(&self.file()).await;
        let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
        sqlx::query_scalar(names).fetch_all(&mut connection).await.unwrap()
    }
}

async fn connect(file: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file).create_if_missing(false)).await.unwrap()
}

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = migrations.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

#[tokio::test]
async fn a_plan_lists_what_is_pending_and_changes_nothing() {
    let database = Database::new();
    let words = |planned: &[Planned]| planned.iter().map(|planned| planned.what.clone()).collect::<Vec<_>>();
    let first = database.plan(&[NOTES, TAGS, NO_TEXT]).await;
    assert_eq!(words(&first)[2], "migration 3 `no text` of `notes`");
    assert!(first.iter().all(|planned| !planned.breaking && planned.kind == "migration"), "{first:?}");
    assert!(!database.file().exists(), "not even the file is made");

    database.migrate(&[NOTES], Breaking::Refused).await.unwrap();
    let before = std::fs::read(database.file()).unwrap();
    let later = database.plan(&[NOTES, TAGS, NO_TEXT]).await;
    assert_eq!(words(&later), ["migration 2 `tags` of `notes`", "migration 3 `no text` of `notes`"]);
    assert!(!later[0].breaking && later[1].breaking, "{later:?}");
    // The table `tags` is made on the way: nobody uses it.
    assert_eq!(later[1].detail.as_deref(), Some("drops the column `text` of the table `notes`"));
    assert_eq!(database.plan(&[NOTES]).await, []);
    assert_eq!(database.tables().await, ["_sqlx_migrations", "notes"]);
    assert_eq!(std::fs::read(database.file()).unwrap(), before);
}

#[tokio::test]
async fn a_breaking_migration_is_refused_with_all_that_stand_before_it() {
    let database = Database::new();
    database.migrate(&[NOTES], Breaking::Refused).await.unwrap();
    let error = database.migrate(&[NOTES, TAGS, NO_TEXT], Breaking::Refused).await.unwrap_err();
    assert!(error.has("migration-breaking"), "{error}");
    let text = error.to_string();
    assert!(text.contains("migration 3 `no text` drops the column `text` of the table `notes`"), "{text}");
    assert!(text.contains("--breaking"), "{text}");
    assert_eq!(database.tables().await, ["_sqlx_migrations", "notes"], "none of them was applied");
    let applied = database.migrate(&[NOTES, TAGS, NO_TEXT], Breaking::Allowed).await.unwrap();
    assert_eq!(applied, Applied { migrations: 3, latest: Some(3) });
    // Applied, it is nobody's concern any more: not that of a deployment of the same, nor of an older one.
    database.migrate(&[NOTES, TAGS, NO_TEXT], Breaking::Refused).await.unwrap();
    assert_eq!(database.migrate(&[NOTES], Breaking::Refused).await.unwrap().migrations, 3);
}

#[tokio::test]
async fn an_empty_database_has_nothing_to_break() {
    const TIDY: (i64, &str, &str) = (4, "tidy", "DROP TABLE IF EXISTS legacy");
    let database = Database::new();
    assert!(database.plan(&[NOTES, TIDY]).await.iter().all(|planned| !planned.breaking));
    let applied = database.migrate(&[NOTES, TAGS, NO_TEXT, TIDY], Breaking::Refused).await.unwrap();
    assert_eq!(applied, Applied { migrations: 4, latest: Some(4) });
}

#[tokio::test]
async fn a_migration_that_hangs_is_interrupted_when_nobody_waits_for_it() {
    let database = Database::new();
    database.migrate(&[NOTES], Breaking::Refused).await.unwrap();
    tokio::select! {
        _ = database.migrate(&[NOTES, TAGS, ENDLESS], Breaking::Refused) => panic!("it has no end of its own"),
        () = database.is_written_after("tags") => {}
    }
    // Waits for the lock, and gets it when the endless one has ended.
    let applied = database.migrate(&[NOTES, TAGS], Breaking::Refused).await.unwrap();
    assert_eq!(applied, Applied { migrations: 2, latest: Some(2) });
    assert_eq!(database.tables().await, ["_sqlx_migrations", "notes", "tags"], "what was half done is undone");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_migration_that_hangs_on_a_server_is_interrupted_too() {
    use std::io::Write;

    use sqlx::{Executor, PgConnection, Postgres};

    let Ok(url) = std::env::var("BEDPLATE_TEST_POSTGRES_URL") else {
        // Past the capture of the test's output: who runs the tests has to see it.
        std::io::stderr().write_all(b"skipped: BEDPLATE_TEST_POSTGRES_URL names no PostgreSQL server\n").unwrap();
        return;
    };
    let mut server = PgConnection::connect(&url).await.unwrap();
    server.execute("DROP SCHEMA IF EXISTS \"given-up\" CASCADE").await.unwrap();
    let Database { mut settings, subject, .. } = Database::new();
    settings.url = Some(bedplate::settings::Secret::new(url));
    let own =
        SqlModuleSettings { url: None, schema: Some("given-up".into()), connections: None, scenes: Scenes::Shared };
    let wanted = Wanted {
        module: &subject.module,
        scene: &SceneName::main(),
        shared: &settings,
        own: &own,
        folder: Path::new("/"),
        scratch: &|| unreachable!("it has a server"),
    };
    let location = Postgres::locate(&wanted).unwrap();
    let planned = async || plan::<Postgres>(&location, &settings, &subject, &migrator(&[NOTES])).await.unwrap();
    assert_eq!(planned().await.len(), 1, "there is not even a schema");
    let migrate = |migrations: &[(i64, &'static str, &'static str)]| {
        let migrations = Some(Arc::new(migrator(migrations)));
        migrate::<Postgres>(&location, &settings, &subject, migrations, Breaking::Refused, Vec::new())
    };
    let mut sleeps = async || {
        let at_work =
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE TABLE half%' AND state = 'active'";
        while sqlx::query_scalar::<_, i64>(at_work).fetch_one(&mut server).await.unwrap() == 0 {}
    };
    tokio::select! {
        _ = migrate(&[(1, "hangs", "CREATE TABLE half (id INT); SELECT pg_sleep(86400)")]) => panic!("it sleeps"),
        () = sleeps() => {}
    }
    // Waits for the lock, and gets it when the server has noticed.
    let applied = migrate(&[NOTES]).await.unwrap().unwrap();
    assert_eq!(applied, Applied { migrations: 1, latest: Some(1) });
    assert_eq!(planned().await, []);
    let half: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'given-up' AND tablename = 'half'")
            .fetch_one(&mut server)
            .await
            .unwrap();
    assert_eq!(half, 0, "what was half done is undone");
}

#[test]
fn whoever_waits_for_the_lock_can_give_up() {
    let database = Database::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lock = runtime.block_on(async {
        database.migrate(&[NOTES], Breaking::Refused).await.unwrap();
        let lock = std::fs::File::create(database.file().with_extension("db.lock")).unwrap();
        lock.lock().unwrap();
        let waits = timeout(Duration::from_millis(50), database.migrate(&[NOTES, TAGS], Breaking::Refused)).await;
        assert!(waits.is_err());
        lock
    });
    // It waits for its threads: for that of the migrator too, had it not given up.
    drop(runtime);
    drop(lock);
}
