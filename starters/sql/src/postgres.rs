//! PostgreSQL: one schema per module, made where it is missing.

use std::fmt;
use std::str::FromStr;

use bedplate::compose::CompositionError;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Postgres};
use tokio::time::timeout;

use crate::backend::{Driver, Location};
use crate::breaking::Dialect;
use crate::given_up::GivenUp;
use crate::problem::{Subject, words};
use crate::settings::SqlSettings;
use crate::wanted::{Address, Wanted};

/// PostgreSQL cuts longer names off, and two could then be the same.
const LONGEST_NAME: usize = 63;

/// Names the advisory lock under which schemas are made: two processes that start at once would
/// both find it missing.
const SCHEMA_LOCK: i64 = 0x6265_6470_6c61_7465;

/// Where a PostgreSQL schema is.
#[derive(Clone)]
pub struct PostgresSchema {
    server: PgConnectOptions,
    schema: String,
    /// The server's URL with neither password nor parameters.
    shown: String,
    /// The URL as it was set, to be compared.
    url: String,
}

impl Location for PostgresSchema {}

impl PartialEq for PostgresSchema {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && self.schema == other.schema
    }
}

impl fmt::Display for PostgresSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, schema \"{}\"", self.shown, self.schema)
    }
}

impl Driver for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;

    type Location = PostgresSchema;

    /// sqlx locks the database itself.
    type Lock = ();

    fn locate(wanted: &Wanted<'_>) -> bedplate::Result<PostgresSchema> {
        let Address::Postgres(url) = wanted.address()? else {
            anyhow::bail!(
                "the module's field is a `Sql<Postgres>`, and the setting `{}` names no PostgreSQL server; write \
                 `postgres://…` there, or as `modules.{}.sql.url`",
                wanted.key(),
                wanted.module
            );
        };
        // Not sqlx's error as it stands: it may quote the URL.
        let server = PgConnectOptions::from_str(url)
            .map_err(|_| anyhow::anyhow!("the setting `{}` cannot be read as a URL of PostgreSQL", wanted.key()))?;
        let schema = match (&wanted.own.schema, wanted.scene_suffix()) {
            (None, _) => wanted.database(),
            (Some(schema), None) => schema.clone(),
            (Some(schema), Some(scene)) => format!("{schema}@{scene}"),
        };
        anyhow::ensure!(
            !schema.is_empty() && schema.len() <= LONGEST_NAME && !schema.contains('\0'),
            "`{schema}` is no name of a schema: PostgreSQL takes 1 to {LONGEST_NAME} bytes; set \
             `modules.{}.sql.schema` to a shorter one",
            wanted.module
        );
        let shown = shown(&server);
        Ok(PostgresSchema { server, schema, shown, url: url.to_owned() })
    }

    fn options(location: &PostgresSchema, settings: &SqlSettings, name: &str) -> PgConnectOptions {
        let server = location.server.clone();
        let server = match server.get_application_name() {
            Some(_) => server,
            None => server.application_name(name),
        };
        server
            .options([("search_path", quoted(&location.schema))])
            .log_statements(log::LevelFilter::Debug)
            .log_slow_statements(log::LevelFilter::Warn, settings.slow_query)
    }

    async fn open(
        location: &PostgresSchema,
        settings: &SqlSettings,
        subject: &Subject,
        _: &GivenUp,
    ) -> Result<(PgConnection, ()), CompositionError> {
        let mut connection = connect(location, settings, subject).await?;
        // A migration that is given up loses its connection: the server is to look whether it is there, and not
        // to work on to the end. Servers before 14 do not know how, and say so.
        let _ = connection.execute("SET client_connection_check_interval = '200ms'").await;
        match make_schema(&mut connection, &location.schema).await {
            Ok(()) => Ok((connection, ())),
            Err(error) => {
                let help = format!(
                    "make it by hand (`CREATE SCHEMA {schema} AUTHORIZATION …`), or grant the user CREATE on the database",
                    schema = quoted(&location.schema)
                );
                Err(subject.unavailable(format!("its schema cannot be made: {}", words(&error)), help))
            }
        }
    }

    async fn look(
        location: &PostgresSchema,
        settings: &SqlSettings,
        subject: &Subject,
    ) -> Result<Option<PgConnection>, CompositionError> {
        connect(location, settings, subject).await.map(Some)
    }

    fn is_missing_table(error: &dyn DatabaseError) -> bool {
        const UNDEFINED_TABLE: &str = "42P01";
        const INVALID_SCHEMA_NAME: &str = "3F000";
        error.code().is_some_and(|code| code == UNDEFINED_TABLE || code == INVALID_SCHEMA_NAME)
    }
}

async fn connect(
    location: &PostgresSchema,
    settings: &SqlSettings,
    subject: &Subject,
) -> Result<PgConnection, CompositionError> {
    let key = &subject.key;
    // Bounds every wait for a lock of this connection, advisory ones too.
    let wait = settings.migration_wait.as_millis().max(1);
    let options = Postgres::options(location, settings, &subject.connections).options([("lock_timeout", wait)]);
    match timeout(settings.acquire_timeout, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => {
            let help = format!("see that the server runs and takes this user, and that `{key}` is right");
            Err(subject.unavailable(words(&error), help))
        }
        Err(_) => {
            let why = format!("it did not answer within {} s", settings.acquire_timeout.as_secs_f32());
            Err(subject.unavailable(why, format!("see that the server runs, and that `{key}` is right")))
        }
    }
}

/// Makes the schema where it is missing. Whoever may not make it can use one that is there.
async fn make_schema(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(SCHEMA_LOCK).execute(&mut *transaction).await?;
    let found = sqlx::query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1")
        .bind(schema)
        .fetch_optional(&mut *transaction)
        .await?;
    if found.is_none() {
        transaction.execute(AssertSqlSafe(format!("CREATE SCHEMA {}", quoted(schema)))).await?;
    }
    transaction.commit().await
}

/// A name as SQL wants it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A server's URL with neither password nor parameters.
fn shown(server: &PgConnectOptions) -> String {
    let host = match server.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => server.get_host().to_owned(),
    };
    let database = server.get_database().unwrap_or(server.get_username());
    format!("postgres://{}@{host}:{}/{database}", server.get_username(), server.get_port())
}
