//! A pool belongs to the module, not to its generation: a swap finds it warm, a removal closes it.

use std::sync::Arc;
use std::sync::mpsc::channel;

use bedplate::testing::run;
use bedplate::{Change, Field, Module, ModuleSpec};
use bedplate_starter_sql::Sql;
use sqlx::Row;
use tempfile::tempdir;

use crate::notes::{NOTES, builder, count, name, notes, notes_that, shown, write};

#[test]
fn a_swap_keeps_the_pool() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), |base| async move {
        base.running().await.unwrap();
        let before = databases.recv().unwrap();
        write(&before).await;
        base.swap_to(notes("notes", &[NOTES], &out)).await.unwrap();
        base.settled().await.unwrap();
        let after = databases.recv().unwrap();
        assert!(Arc::ptr_eq(&before.connect_options(), &after.connect_options()), "the same pool");
        assert!(after.num_idle() > 0, "with the connections it had");
        assert_eq!(count(&after).await, 1);
    });
}

#[test]
fn a_warm_pool_sees_what_a_migration_added() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), |base| async move {
        base.running().await.unwrap();
        let db = databases.recv().unwrap();
        write(&db).await;
        // Prepared on every connection that the pool has.
        let all = async || sqlx::query("SELECT * FROM notes").fetch_one(&*db).await.unwrap();
        assert_eq!(all().await.columns().len(), 2);
        let author = (2, "author", "ALTER TABLE notes ADD COLUMN author TEXT DEFAULT 'nobody'");
        base.swap_to(notes("notes", &[NOTES, author], &out)).await.unwrap();
        let row = all().await;
        assert_eq!(row.columns().len(), 3, "the statement was prepared again");
        assert_eq!(row.get::<String, _>("author"), "nobody");
        assert_eq!(row.get::<String, _>("text"), "a");
    });
}

#[test]
fn the_pool_closes_with_the_module() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), |base| async move {
        let running = base.running().await.unwrap();
        let db = databases.recv().unwrap();
        running.deploy(Change::new().remove(name("notes"))).await.unwrap();
        base.settled().await.unwrap();
        assert!(db.is_closed());
        assert!(shown(&running, "notes").is_none());
        base.swap_to(notes("notes", &[NOTES], &out)).await.unwrap();
        write(&databases.recv().unwrap()).await;
    });
}

#[test]
fn a_generation_that_does_not_start_leaves_the_pool_open() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), |base| async move {
        let running = base.running().await.unwrap();
        let db = databases.recv().unwrap();
        let failing = notes_that("notes", &[NOTES], "INSERT INTO nowhere VALUES (1)", &out);
        base.swap_to(failing).await.unwrap_err();
        let unmade = ModuleSpec::plain("notes", |_| Err::<Never, _>(bedplate::Error::msg("not today"))).unwrap();
        let unmade = unmade.requiring(|to| {
            to.field::<Sql>(Field::new("db"));
        });
        base.swap_to(unmade).await.unwrap_err();
        write(&db).await;
        base.swap_to(notes("notes", &[NOTES], &out)).await.unwrap();
        running.deploy(Change::new().remove(name("notes"))).await.unwrap();
        base.settled().await.unwrap();
        assert!(db.is_closed(), "generations that never served hold no pool");
    });
}

struct Never;

impl Module for Never {}

#[test]
fn the_pool_closes_with_the_base() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let db = run(builder(&folder).with(notes("notes", &[NOTES], &out)), |base| async move {
        base.running().await.unwrap();
        databases.recv().unwrap()
    });
    assert!(db.is_closed());
    assert!(!folder.path().join("state/sql/notes.db-wal").exists(), "what was written ahead is in the file");
}
