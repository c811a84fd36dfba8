//! Each module has a file of its own, made on the first run, written ahead.

use std::sync::mpsc::channel;

use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::testing::{TestBase, run};
use bedplate_starter_sql::SqlStarter;
use tempfile::tempdir;

use crate::notes::{NOTES, builder, count, notes, shown, write};

#[test]
fn two_modules_have_files_of_their_own_that_are_written_ahead() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let base = builder(&folder).with(notes("first", &[NOTES], &out)).with(notes("second", &[NOTES], &out));
    let files = folder.path().join("state/sql");
    run(base, |base| async move {
        let running = base.running().await.unwrap();
        assert!(files.join("first.db").is_file() && files.join("second.db").is_file());
        let (one, other) = (databases.recv().unwrap(), databases.recv().unwrap());
        write(&one).await;
        assert_eq!((count(&one).await, count(&other).await), (1, 0));
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&*one).await.unwrap();
        let keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&*one).await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&*one).await.unwrap();
        let busy: i64 = sqlx::query_scalar("PRAGMA busy_timeout").fetch_one(&*one).await.unwrap();
        assert_eq!((mode.as_str(), keys, synchronous, busy), ("wal", 1, 1, 5_000));
        let database = shown(&running, "first").unwrap();
        assert_eq!(database["location"], files.join("first.db").display().to_string());
        assert_eq!(database["migrations"]["latest"], 1);
    });
}

#[cfg(unix)]
#[test]
fn a_database_is_readable_for_the_base_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let base = builder(&folder).with(notes("notes", &[NOTES], &out));
    let files = folder.path().join("state/sql");
    run(base, |base| async move {
        base.running().await.unwrap();
        write(&databases.recv().unwrap()).await;
        for name in ["notes.db", "notes.db-wal"] {
            let mode = std::fs::metadata(files.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
        }
    });
}

#[test]
fn what_was_written_is_there_on_the_next_run() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    for round in 1..=2 {
        let (base, databases) = (builder(&folder).with(notes("notes", &[NOTES], &out)), &databases);
        run(base, |base| async move {
            base.running().await.unwrap();
            let db = databases.recv().unwrap();
            write(&db).await;
            assert_eq!(count(&db).await, round);
        });
    }
}

#[test]
fn without_a_url_files_are_in_the_folder_of_the_settings() {
    let folder = tempdir().unwrap();
    let (out, databases) = channel();
    let settings = Sources::new().text("bedplate.toml", "[starters.sql]\nfolder = \"data\"").load().unwrap();
    let base = Assembly::new(settings, folder.path()).starter::<SqlStarter>().module(notes("notes", &[NOTES], &out));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let running = base.start().await.unwrap();
        assert!(folder.path().join("data/notes.db").is_file());
        assert_eq!(shown(&running, "notes").unwrap()["setting"], "starters.sql.folder");
        write(&databases.recv().unwrap()).await;
        running.shutdown().await.unwrap();
    });
}

#[test]
fn a_module_has_a_url_and_connections_of_its_own() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let (out, _databases) = channel();
    let base = TestBase::builder()
        .starter::<SqlStarter>()
        .folder(folder.path())
        .settings("[starters.sql]\nurl = \"sqlite:{module}.db\"")
        .settings("[modules.own.sql]\nurl = \"sqlite:data/by-itself.db\"\nconnections = 1")
        .with(notes("own", &[NOTES], &out))
        .with(notes("other", &[NOTES], &out));
    run(base, |base| async move {
        let running = base.running().await.unwrap();
        assert!(data.join("by-itself.db").is_file());
        let own = shown(&running, "own").unwrap();
        assert_eq!(own["setting"], "modules.own.sql.url");
        assert_eq!(own["connections"]["most"], 1);
        let other = shown(&running, "other").unwrap();
        assert_eq!((&other["setting"], &other["connections"]["most"]), (&"starters.sql.url".into(), &8.into()));
    });
}

#[test]
fn a_url_that_puts_all_modules_into_one_file_is_refused() {
    let folder = tempdir().unwrap();
    let (out, _databases) = channel();
    let base = builder(&folder).set("starters.sql.url=sqlite:all.db").with(notes("notes", &[NOTES], &out));
    run(base, |base| async move {
        let error = base.running().await.unwrap_err().to_string();
        assert!(error.contains("gives every module the same file: write `{module}`"), "{error}");
    });
}

#[test]
fn a_url_of_another_database_is_refused_without_its_password() {
    let folder = tempdir().unwrap();
    let (out, _databases) = channel();
    let base =
        builder(&folder).set("modules.notes.sql.url=postgres://u:hunter2@h/d").with(notes("notes", &[NOTES], &out));
    run(base, |base| async move {
        let error = base.running().await.unwrap_err().to_string();
        assert!(error.contains("`modules.notes.sql.url` is a URL of PostgreSQL"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    });
}
