//! The accounts in the database.

use bedplate::Result;
use conduit_web::Change;
use identity_contract::{User, UserId};
use sqlx::SqlitePool;

/// An account, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) email: String,
    /// The password's hash.
    pub(crate) password: String,
    pub(crate) bio: Option<String>,
    pub(crate) image: Option<String>,
}

/// What an account is made from.
#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    pub(crate) username: String,
    pub(crate) email: String,
    /// The password's hash.
    pub(crate) password: String,
}

/// What is to become of an account; `None` leaves a field as it is.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    /// The password's hash.
    pub(crate) password: Option<String>,
    pub(crate) bio: Change,
    pub(crate) image: Change,
}

/// What came of saving an account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    Account(Account),
    /// Somebody else has the name or the email.
    Taken(Taken),
    /// There is no such account.
    Gone,
}

/// What somebody else has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Taken {
    pub(crate) username: bool,
    pub(crate) email: bool,
}

/// Makes an account. Two at once of one name: the unique index lets one through.
pub(crate) async fn insert(db: &SqlitePool, new: &NewAccount) -> Result<Saved> {
    let inserted = sqlx::query_as(
        "INSERT INTO account (username, email, password) VALUES (?, ?, ?)
         RETURNING id, username, email, password, bio, image",
    )
    .bind(&new.username)
    .bind(&new.email)
    .bind(&new.password)
    .fetch_optional(db)
    .await;
    saved(db, inserted, None, Some(&new.username), Some(&new.email)).await
}

/// Changes an account in one step.
pub(crate) async fn update(db: &SqlitePool, id: UserId, update: &Update) -> Result<Saved> {
    let (bio, image) = (Column::from(&update.bio), Column::from(&update.image));
    let updated = sqlx::query_as(
        "UPDATE account SET
             username = COALESCE(?, username),
             email = COALESCE(?, email),
             password = COALESCE(?, password),
             bio = CASE WHEN ? THEN ? ELSE bio END,
             image = CASE WHEN ? THEN ? ELSE image END
         WHERE id = ?
         RETURNING id, username, email, password, bio, image",
    )
    .bind(&update.username)
    .bind(&update.email)
    .bind(&update.password)
    .bind(bio.changes)
    .bind(bio.value)
    .bind(image.changes)
    .bind(image.value)
    .bind(id.0)
    .fetch_optional(db)
    .await;
    saved(db, updated, Some(id), update.username.as_deref(), update.email.as_deref()).await
}

async fn saved(
    db: &SqlitePool,
    row: Result<Option<Account>, sqlx::Error>,
    own: Option<UserId>,
    username: Option<&str>,
    email: Option<&str>,
) -> Result<Saved> {
    match row {
        Ok(Some(account)) => Ok(Saved::Account(account)),
        Ok(None) => Ok(Saved::Gone),
        Err(error) if is_unique_violation(&error) => taken(db, own, username, email).await.map(Saved::Taken),
        Err(error) => Err(error.into()),
    }
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Which of the two somebody else has: both can be taken, by two accounts.
async fn taken(db: &SqlitePool, own: Option<UserId>, username: Option<&str>, email: Option<&str>) -> Result<Taken> {
    let taken: Taken = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM account WHERE username = ?1 AND id IS NOT ?3) AS username,
                EXISTS (SELECT 1 FROM account WHERE email = ?2 AND id IS NOT ?3) AS email",
    )
    .bind(username)
    .bind(email)
    .bind(own.map(|own| own.0))
    .fetch_one(db)
    .await?;
    // Whoever had it has let it go since. It was taken when it mattered, and trying again helps.
    let neither = !taken.username && !taken.email;
    Ok(Taken { username: taken.username || neither && username.is_some(), ..taken })
}

/// The account of this number.
pub(crate) async fn by_id(db: &SqlitePool, id: UserId) -> Result<Option<Account>> {
    let query = sqlx::query_as("SELECT id, username, email, password, bio, image FROM account WHERE id = ?");
    Ok(query.bind(id.0).fetch_optional(db).await?)
}

/// The account of this email.
pub(crate) async fn by_email(db: &SqlitePool, email: &str) -> Result<Option<Account>> {
    let query = sqlx::query_as("SELECT id, username, email, password, bio, image FROM account WHERE email = ?");
    Ok(query.bind(email).fetch_optional(db).await?)
}

/// Whether there is an account of this number.
pub(crate) async fn exists(db: &SqlitePool, id: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM account WHERE id = ?)").bind(id.0).fetch_one(db).await?)
}

/// The user of this name.
pub(crate) async fn user_named(db: &SqlitePool, username: &str) -> Result<Option<User>> {
    let query = sqlx::query_as("SELECT id, username, bio, image FROM account WHERE username = ?");
    Ok(query.bind(username).fetch_optional(db).await?.map(PublicRow::into_user))
}

/// The users of these numbers.
pub(crate) async fn users(db: &SqlitePool, ids: &[UserId]) -> Result<Vec<User>> {
    let query =
        sqlx::query_as("SELECT id, username, bio, image FROM account WHERE id IN (SELECT value FROM json_each(?))");
    let rows: Vec<PublicRow> = query.bind(serde_json::to_string(ids)?).fetch_all(db).await?;
    Ok(rows.into_iter().map(PublicRow::into_user).collect())
}

/// Keeps a secret, unless one is kept already; returns the one that is.
pub(crate) async fn keep_secret(db: &SqlitePool, secret: &str) -> Result<String> {
    let insert = sqlx::query("INSERT INTO signing_secret (id, secret) VALUES (1, ?) ON CONFLICT DO NOTHING");
    insert.bind(secret).execute(db).await?;
    Ok(sqlx::query_scalar("SELECT secret FROM signing_secret").fetch_one(db).await?)
}

/// What everybody may know.
#[derive(sqlx::FromRow)]
struct PublicRow {
    id: i64,
    username: String,
    bio: Option<String>,
    image: Option<String>,
}

impl PublicRow {
    fn into_user(self) -> User {
        User { id: UserId(self.id), username: self.username, bio: self.bio, image: self.image }
    }
}

/// A change, as a statement takes it.
struct Column<'a> {
    changes: bool,
    value: Option<&'a str>,
}

impl<'a> From<&'a Change> for Column<'a> {
    fn from(change: &'a Change) -> Self {
        match change {
            Change::Keep => Self { changes: false, value: None },
            Change::Clear => Self { changes: true, value: None },
            Change::Set(text) => Self { changes: true, value: Some(text) },
        }
    }
}
