//! SQLite: one file per module, written ahead, created where it is missing.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bedplate::compose::CompositionError;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, Sqlite};

use crate::backend::{Driver, Location};
use crate::breaking::Dialect;
use crate::given_up::GivenUp;
use crate::problem::{Subject, words};
use crate::settings::SqlSettings;
use crate::wanted::{Address, PLACEHOLDER, Wanted};

/// How long a migrator sleeps before it looks again whether another one has ended.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// After how many of SQLite's instructions a statement may be interrupted.
const INTERRUPTIBLE: i32 = 10_000;

/// Where a SQLite database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteFile {
    path: PathBuf,
    lasting: Lasting,
}

/// Whether a database outlives the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasting {
    Kept,
    Scratch,
}

impl Location for SqliteFile {}

impl fmt::Display for SqliteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lasting {
            Lasting::Kept => self.path.display().fmt(f),
            Lasting::Scratch => write!(f, "{} (sqlite::memory:)", self.path.display()),
        }
    }
}

impl Driver for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;

    type Location = SqliteFile;

    type Lock = File;

    fn locate(wanted: &Wanted<'_>) -> bedplate::Result<SqliteFile> {
        let file = || format!("{}.db", wanted.database());
        let (path, lasting) = match wanted.address()? {
            Address::Folder => (wanted.folder.join(&wanted.shared.folder).join(file()), Lasting::Kept),
            Address::File(template) => (wanted.folder.join(fill(template, wanted)), Lasting::Kept),
            Address::Memory => {
                let scratch = (wanted.scratch)().map_err(|error| {
                    anyhow::anyhow!("no temporary folder could be made for `sqlite::memory:`: {error}")
                })?;
                (scratch.join(file()), Lasting::Scratch)
            }
            Address::Postgres(_) => anyhow::bail!(
                "the module's field is a `Sql<Sqlite>`, and the setting `{}` is a URL of PostgreSQL; write \
                 `Sql<sqlx::Postgres>` in the module, or a SQLite URL as `modules.{}.sql.url`",
                wanted.key(),
                wanted.module
            ),
        };
        Ok(SqliteFile { path, lasting })
    }

    fn options(location: &SqliteFile, settings: &SqlSettings, name: &str) -> SqliteConnectOptions {
        let thread = name.to_owned();
        let synchronous = match location.lasting {
            // With the journal written ahead, a crash of the machine may lose the last commits, never the file.
            Lasting::Kept => SqliteSynchronous::Normal,
            Lasting::Scratch => SqliteSynchronous::Off,
        };
        SqliteConnectOptions::new()
            .filename(&location.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(settings.busy_timeout)
            // Each connection has a thread, which is where sqlx logs its queries.
            .thread_name(move |_| thread.clone())
            .log_statements(log::LevelFilter::Debug)
            .log_slow_statements(log::LevelFilter::Warn, settings.slow_query)
    }

    async fn open(
        location: &SqliteFile,
        settings: &SqlSettings,
        subject: &Subject,
        given_up: &GivenUp,
    ) -> Result<(SqliteConnection, File), CompositionError> {
        let (path, wait, gives_up) = (location.path.clone(), settings.migration_wait, given_up.clone());
        // On a thread for blocking work: it waits for other processes, and for disks.
        let locked = tokio::task::spawn_blocking(move || lock(&path, wait, &gives_up)).await;
        let lock = match locked {
            Ok(locked) => locked.map_err(|error| error.describe(location, subject))?,
            Err(error) => return Err(subject.unavailable(error, "the base was shutting down")),
        };
        let connection = connect(&Self::options(location, settings, &subject.connections), given_up)
            .await
            .map_err(|error| refused(&error, location, subject))?;
        Ok((connection, lock))
    }

    async fn look(
        location: &SqliteFile,
        settings: &SqlSettings,
        subject: &Subject,
    ) -> Result<Option<SqliteConnection>, CompositionError> {
        if !location.path.is_file() {
            return Ok(None);
        }
        let thread = subject.connections.clone();
        let options = SqliteConnectOptions::new()
            .filename(&location.path)
            .read_only(true)
            .busy_timeout(settings.busy_timeout)
            .thread_name(move |_| thread.clone());
        let connecting = SqliteConnection::connect_with(&options).await;
        connecting.map(Some).map_err(|error| refused(&error, location, subject))
    }

    fn is_missing_table(error: &dyn DatabaseError) -> bool {
        // SQLite has one code for all that is wrong with a statement.
        error.message().starts_with("no such table")
    }
}

/// A URL's path with the database's name in its place.
fn fill(template: &str, wanted: &Wanted<'_>) -> PathBuf {
    if template.contains(PLACEHOLDER) {
        return template.replace(PLACEHOLDER, &wanted.database()).into();
    }
    let path = PathBuf::from(template);
    let Some(scene) = wanted.scene_suffix() else { return path };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    path.with_file_name(format!("{stem}@{scene}{}", extension.unwrap_or_default()))
}

/// Why a database cannot even be tried.
enum Obstacle {
    Folder(PathBuf, io::Error),
    IsFolder,
    LockFile(PathBuf, io::Error),
    Busy(Duration),
}

/// Makes the folder, and takes the lock that keeps other migrators out.
///
/// The lock is on a file beside the database: closing a descriptor of the database itself would
/// drop the locks that SQLite holds on it in this process.
fn lock(database: &Path, wait: Duration, given_up: &GivenUp) -> Result<File, Obstacle> {
    let folder = database.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Obstacle::Folder(folder.to_owned(), error))?;
    if database.is_dir() {
        return Err(Obstacle::IsFolder);
    }
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let beside = database.with_file_name(name);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&beside)
        .map_err(|error| Obstacle::LockFile(beside.clone(), error))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => {
                make_private(database);
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) if since.elapsed() < wait && !given_up.is_so() => sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(Obstacle::Busy(wait)),
            Err(TryLockError::Error(error)) => return Err(Obstacle::LockFile(beside, error)),
        }
    }
}

/// Makes the database's file where there is none, readable for the base's user alone: SQLite would
/// make it readable for all. Its log and its index take over what the file allows.
///
/// What keeps it from being made keeps SQLite from opening it as well, and is reported then.
#[cfg(unix)]
fn make_private(database: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(database);
}

#[cfg(not(unix))]
fn make_private(_: &Path) {}

impl Obstacle {
    fn describe(self, location: &SqliteFile, subject: &Subject) -> CompositionError {
        let key = &subject.key;
        match self {
            Self::Folder(folder, error) => subject.unavailable(
                format!("the folder {} cannot be made: {error}", folder.display()),
                format!("let the base's user write there, or set `{key}` to another place"),
            ),
            Self::IsFolder => subject.unavailable(
                "there is a folder of this name",
                format!("move {} away, or set `{key}` to another place", location.path.display()),
            ),
            Self::LockFile(file, error) => subject.unavailable(
                format!("{} cannot be written: {error}", file.display()),
                format!("let the base's user write in that folder, or set `{key}` to another place"),
            ),
            Self::Busy(wait) => subject.unavailable(
                format!("another process has been migrating it for {} s", wait.as_secs_f32()),
                "wait for it to end, or raise `starters.sql.migration_wait`",
            ),
        }
    }
}

/// Opens the file, and writes to it once, to no effect: whoever cannot write it learns of it now.
///
/// SQLite opens what it may not write for reading, and lets even `BEGIN IMMEDIATE` pass on it.
async fn connect(options: &SqliteConnectOptions, given_up: &GivenUp) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(options).await?;
    // A statement runs on the connection's thread, where nothing but this can end it.
    let given_up = given_up.clone();
    connection.lock_handle().await?.set_progress_handler(INTERRUPTIBLE, move || !given_up.is_so());
    connection.execute("BEGIN IMMEDIATE").await?;
    connection.execute("PRAGMA user_version = 1").await?;
    connection.execute("ROLLBACK").await?;
    Ok(connection)
}

/// What SQLite refused, and what to do about it, by its primary result code.
fn refused(error: &sqlx::Error, location: &SqliteFile, subject: &Subject) -> CompositionError {
    const BUSY: i32 = 5;
    const READ_ONLY: i32 = 8;
    const FULL: i32 = 13;
    const CANNOT_OPEN: i32 = 14;
    const NO_DATABASE: i32 = 26;
    let path = location.path.display();
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    let help = match code.map(|code| code & 0xff) {
        Some(READ_ONLY | CANNOT_OPEN) => {
            format!("let the base's user write {path} and its folder, or set `{}` to another place", subject.key)
        }
        Some(NO_DATABASE) => format!("move {path} away, or set `{}` to another place", subject.key),
        Some(FULL) => "make room on the disk".to_owned(),
        Some(BUSY) => "end what holds a write transaction on it, or raise `starters.sql.busy_timeout`".to_owned(),
        _ => format!("see what SQLite says; `{}` decides which file it is", subject.key),
    };
    subject.unavailable(words(error), help)
}

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod tests;
