//! Migrations: applied once, recorded, tolerant of newer schemas, refused when they fail.

use std::sync::mpsc::channel;
use std::time::Duration;

use bedplate::Change;
use bedplate::testing::run;
use tempfile::tempdir;

use crate::notes::{NOTES, builder, count, name, notes, notes_that, shown, write};

const TAGS: (i64, &str, &str) = (2, "tags", "CREATE TABLE tags (note INTEGER REFERENCES notes, tag TEXT)");

#[test]
fn migrations_run_before_the_start_and_once() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let base = builder(&folder).with(notes("notes", &[NOTES], &out));
    run(base, |base| async move {
        let running = base.running().await.unwrap();
        let db = databases.recv().unwrap();
        write(&db).await;
        base.swap_to(notes("notes", &[NOTES, TAGS], &out)).await.unwrap();
        assert_eq!(count(&db).await, 1, "the first migration did not run again");
        let applied: Vec<(i64, String)> =
            sqlx::query_as("SELECT version, description FROM _sqlx_migrations ORDER BY version")
                .fetch_all(&*db)
                .await
                .unwrap();
        assert_eq!(applied, [(1, "notes".to_owned()), (2, "tags".to_owned())]);
        assert_eq!(shown(&running, "notes").unwrap()["migrations"]["applied"], 2);
    });
}

#[test]
fn an_older_module_starts_on_a_newer_schema() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let base = builder(&folder).with(notes("notes", &[NOTES, TAGS], &out));
    run(base, |base| async move {
        base.running().await.unwrap();
        write(&databases.recv().unwrap()).await;
        base.swap_to(notes("notes", &[NOTES], &out)).await.unwrap();
        assert_eq!(count(&databases.recv().unwrap()).await, 1);
    });
}

#[test]
fn a_rollback_over_a_migration_and_a_restart_of_either_generation() {
    let folder = tempdir().unwrap();
    let author = (2, "author", "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody'");
    let (out, databases) = channel();
    let older = || notes_that("notes", &[NOTES], "INSERT INTO notes (text) VALUES ('older')", &out);
    let newer = || {
        let start = "INSERT INTO notes (text, author) VALUES ('newer', 'me')";
        notes_that("notes", &[NOTES, author], start, &out)
    };
    let counted = async || count(&databases.try_recv().unwrap()).await;
    run(builder(&folder).with(older()), async |base| {
        base.running().await.unwrap();
        assert_eq!(counted().await, 1);
        base.swap_to(newer()).await.unwrap();
        assert_eq!(counted().await, 2);
        base.swap_to(older()).await.unwrap();
        assert_eq!(counted().await, 3);
    });
    run(builder(&folder).with(older()), async |base| {
        base.running().await.unwrap();
        assert_eq!(counted().await, 4);
    });
    run(builder(&folder).with(newer()), async |base| {
        base.running().await.unwrap();
        let db = databases.try_recv().unwrap();
        let authors: Vec<String> =
            sqlx::query_scalar("SELECT author FROM notes ORDER BY id").fetch_all(&*db).await.unwrap();
        assert_eq!(authors, ["nobody", "me", "nobody", "nobody", "me"]);
    });
}

#[test]
fn a_plan_says_what_would_be_migrated_and_touches_nothing() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let renamed = (3, "body", "ALTER TABLE notes RENAME COLUMN text TO body");
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), async |base| {
        let running = base.running().await.unwrap();
        let db = databases.recv().unwrap();
        let change = || Change::new().put(notes("notes", &[NOTES, TAGS, renamed], &out));
        let plan = running.plan(change()).await.unwrap();
        let work: Vec<_> =
            plan.work.iter().map(|work| (work.starter, &*work.planned.what, work.planned.breaking)).collect();
        let expected = [("migration 2 `tags` of `notes`", false), ("migration 3 `body` of `notes`", true)];
        assert_eq!(work, expected.map(|(what, breaking)| ("sql", what, breaking)));
        assert_eq!(plan.refused.len(), 1, "{:?}", plan.refused);
        assert_eq!(running.plan(change().breaking()).await.unwrap().refused.len(), 0);
        assert_eq!(shown(&running, "notes").unwrap()["migrations"]["applied"], 1);
        assert!(databases.try_recv().is_err(), "nothing was started");
        write(&db).await;

        // A module that is not there yet: its database is not made either.
        let plan = running.plan(Change::new().put(notes("other", &[NOTES], &out))).await.unwrap();
        assert_eq!(plan.work[0].planned.what, "migration 1 `notes` of `other`");
        assert!(!folder.path().join("state/sql/other.db").exists());
        assert!(shown(&running, "other").is_none(), "what was made for the plan is gone");
    });
}

#[test]
fn a_warm_generation_serves_again_on_the_schema_that_came_after_it() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), async |base| {
        let running = base.running().await.unwrap();
        let old = databases.recv().unwrap();
        write(&old).await;
        let author = (2, "author", "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody'");
        let change = Change::new().put(notes("notes", &[NOTES, author], &out)).bake(Duration::from_secs(3600));
        running.deploy(change).await.unwrap();
        write(&databases.recv().unwrap()).await;
        assert_eq!(count(&old).await, 2, "it is warm, and so is its pool");
        running.deploy(Change::new().revive(name("notes"))).await.unwrap();
        base.settled().await.unwrap();
        write(&old).await;
        assert_eq!(count(&old).await, 3);
        assert_eq!(shown(&running, "notes").unwrap()["migrations"]["applied"], 2);
        running.deploy(Change::new().remove(name("notes"))).await.unwrap();
        base.settled().await.unwrap();
        assert!(old.is_closed(), "with the last generation");
    });
}

#[test]
fn what_may_break_the_generation_before_has_to_be_said() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let renamed = (3, "body", "ALTER TABLE notes RENAME COLUMN text TO body");
    let newer = || notes("notes", &[NOTES, TAGS, renamed], &out);
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), async |base| {
        let running = base.running().await.unwrap();
        let db = databases.recv().unwrap();
        let error = base.swap_to(newer()).await.unwrap_err();
        assert!(error.has("migration-breaking"), "{error}");
        assert!(error.to_string().contains("renames the column `text` of the table `notes`"), "{error}");
        write(&db).await;
        assert_eq!(shown(&running, "notes").unwrap()["migrations"]["applied"], 1);
        running.deploy(Change::new().put(newer()).breaking()).await.unwrap();
        assert_eq!(shown(&running, "notes").unwrap()["migrations"]["applied"], 3);
        assert_eq!(count(&db).await, 1);
    });
}

#[test]
fn a_base_that_starts_breaks_nobody() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let dropped = (2, "no notes", "DROP TABLE notes; CREATE TABLE notes (id INTEGER PRIMARY KEY)");
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), async |base| {
        base.running().await.unwrap();
        write(&databases.recv().unwrap()).await;
    });
    run(builder(&folder).with(notes("notes", &[NOTES, dropped], &out)), async |base| {
        base.running().await.unwrap();
        assert_eq!(count(&databases.recv().unwrap()).await, 0);
    });
}

#[test]
fn a_failing_migration_refuses_the_deployment_and_what_serves_serves_on() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let base = builder(&folder).with(notes("notes", &[NOTES], &out));
    run(base, |base| async move {
        let running = base.running().await.unwrap();
        let db = databases.recv().unwrap();
        let broken = (2, "likes", "CREATE TABLE likes (id INTEGER); ALTER TABLE nowhere ADD COLUMN likes INTEGER");
        let error = base.swap_to(notes("notes", &[NOTES, broken], &out)).await.unwrap_err();
        assert!(error.has("migration-failed"), "{error}");
        let text = error.to_string();
        assert!(text.contains("migration 2 `likes` of `notes` failed: no such table: nowhere"), "{text}");
        assert!(text.contains("notes.db"), "the file is named: {text}");
        base.settled().await.unwrap();
        let serving = running.pin().instances().find(|instance| *instance.module() == name("notes")).cloned().unwrap();
        assert_eq!(serving.id().generation, 1);
        write(&db).await;
        assert_eq!(count(&db).await, 1, "the pool of what serves is open");
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'likes'")
            .fetch_one(&*db)
            .await
            .unwrap();
        assert_eq!(tables, 0, "a failed migration leaves nothing behind");
        let mended = (2, "likes", "CREATE TABLE likes (id INTEGER)");
        base.swap_to(notes("notes", &[NOTES, mended], &out)).await.unwrap();
    });
}

#[test]
fn a_failing_migration_fails_the_first_start() {
    let folder = tempdir().unwrap();
    let (out, _databases) = channel();
    let base = builder(&folder).with(notes("notes", &[(1, "notes", "CREATE TABEL notes (id)")], &out));
    run(base, |base| async move {
        let error = base.running().await.unwrap_err();
        assert!(error.has("migration-failed"), "{error}");
        assert!(error.to_string().contains("migration 1 `notes` of `notes` failed: near \"TABEL\""), "{error}");
    });
}

#[test]
fn a_migration_that_was_changed_after_it_was_applied_is_named() {
    let folder = tempdir().unwrap();
    let (out, _databases) = channel();
    let base = builder(&folder).with(notes("notes", &[NOTES], &out));
    run(base, |base| async move {
        base.running().await.unwrap();
        let changed = (1, "notes", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, author TEXT)");
        let error = base.swap_to(notes("notes", &[changed], &out)).await.unwrap_err().to_string();
        assert!(error.contains("migration 1 `notes` of `notes` was changed after it had been applied"), "{error}");
        assert!(error.contains("put the change into a new migration"), "{error}");
    });
}

#[test]
fn two_bases_that_start_at_once_migrate_one_database_once() {
    let folder = tempdir().unwrap();
    // Each insert would be there twice if both ran it.
    let slow = (
        2,
        "many",
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000) \
         INSERT INTO notes (text) SELECT n FROM number",
    );
    let started: Vec<_> = (0..2)
        .map(|_| {
            let (out, databases) = channel();
            let base = builder(&folder).with(notes("notes", &[NOTES, slow], &out));
            std::thread::spawn(move || {
                run(base, |base| async move {
                    base.running().await.unwrap();
                    count(&databases.recv().unwrap()).await
                })
            })
        })
        .collect();
    for base in started {
        assert_eq!(base.join().unwrap(), 20_000);
    }
}

#[test]
fn a_migrator_that_waits_too_long_for_another_says_so() {
    let folder = tempdir().unwrap();
    let files = folder.path().join("state/sql");
    std::fs::create_dir_all(&files).unwrap();
    let other = std::fs::File::create(files.join("notes.db.lock")).unwrap();
    other.lock().unwrap();
    let (out, _databases) = channel();
    let base = builder(&folder).set("starters.sql.migration_wait=50ms").with(notes("notes", &[NOTES], &out));
    run(base, |base| async move {
        let error = base.running().await.unwrap_err().to_string();
        assert!(error.contains("another process has been migrating it"), "{error}");
        assert!(error.contains("starters.sql.migration_wait"), "{error}");
    });
}
