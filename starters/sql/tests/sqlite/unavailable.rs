//! A database that cannot be made or written: what is wrong, which file, which setting, what to do.

use std::fs;
use std::io::Write;
use std::sync::mpsc::channel;

use bedplate::compose::CompositionError;
use bedplate::testing::{TestBaseBuilder, run};
use tempfile::tempdir;

use crate::notes::{NOTES, builder, notes};

fn refused(base: TestBaseBuilder) -> String {
    let (out, _databases) = channel();
    let error: CompositionError = run(base.with(notes("notes", &[NOTES], &out)), |base| async move {
        base.running().await.expect_err("the database cannot be used")
    });
    assert!(error.has("database-unavailable"), "{error}");
    let text = error.to_string();
    assert!(text.contains("`notes`") && text.contains("notes.db"), "module and file are named: {text}");
    assert!(text.contains("starters.sql.url"), "the setting is named: {text}");
    text
}

#[test]
fn the_file_is_a_folder() {
    let folder = tempdir().unwrap();
    fs::create_dir_all(folder.path().join("state/sql/notes.db")).unwrap();
    let error = refused(builder(&folder));
    assert!(error.contains("there is a folder of this name"), "{error}");
}

#[test]
fn the_folder_is_a_file() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("state"), "not a folder").unwrap();
    let error = refused(builder(&folder));
    assert!(error.contains("the folder") && error.contains("cannot be made"), "{error}");
    assert!(error.contains("let the base's user write there"), "{error}");
}

#[test]
fn the_file_is_no_database() {
    let folder = tempdir().unwrap();
    fs::create_dir_all(folder.path().join("state/sql")).unwrap();
    fs::write(folder.path().join("state/sql/notes.db"), "this is a text, and it is not a short one").unwrap();
    let error = refused(builder(&folder));
    assert!(error.contains("file is not a database"), "{error}");
    assert!(error.contains("away, or set"), "{error}");
}

#[test]
#[cfg(unix)]
fn the_folder_may_not_be_written() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let files = folder.path().join("state/sql");
    fs::create_dir_all(&files).unwrap();
    fs::set_permissions(&files, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(files.join("probe"), "").is_ok() {
        std::io::stderr().write_all(b"skipped: this user may write everywhere, as root may\n").unwrap();
        return;
    }
    let error = refused(builder(&folder));
    assert!(error.contains("cannot be written: Permission denied"), "{error}");
    assert!(error.contains("let the base's user write in that folder"), "{error}");
}

#[test]
#[cfg(unix)]
fn the_file_may_not_be_written() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let (out, _databases) = channel();
    run(builder(&folder).with(notes("notes", &[NOTES], &out)), |base| async move {
        base.running().await.unwrap();
    });
    let file = folder.path().join("state/sql/notes.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    if fs::OpenOptions::new().append(true).open(&file).is_ok() {
        std::io::stderr().write_all(b"skipped: this user may write every file, as root may\n").unwrap();
        return;
    }
    let error = refused(builder(&folder));
    assert!(error.contains("readonly database"), "{error}");
    assert!(error.contains("let the base's user write"), "{error}");
}
