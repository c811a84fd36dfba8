//! Who follows whom, in the database.

use std::collections::BTreeSet;

use bedplate::Result;
use identity_contract::UserId;
use sqlx::SqlitePool;

/// Notes that one user follows another. Doing so already is no error.
pub(crate) async fn follow(db: &SqlitePool, follower: UserId, followed: UserId) -> Result<()> {
    let insert = sqlx::query("INSERT INTO follow (follower, followed) VALUES (?, ?) ON CONFLICT DO NOTHING");
    insert.bind(follower.0).bind(followed.0).execute(db).await?;
    Ok(())
}

/// Notes that one user does not follow another. Not doing so is no error.
pub(crate) async fn unfollow(db: &SqlitePool, follower: UserId, followed: UserId) -> Result<()> {
    let delete = sqlx::query("DELETE FROM follow WHERE follower = ? AND followed = ?");
    delete.bind(follower.0).bind(followed.0).execute(db).await?;
    Ok(())
}

/// Of these users, the ones whom `follower` follows.
pub(crate) async fn followed_among(db: &SqlitePool, follower: UserId, users: &[UserId]) -> Result<BTreeSet<UserId>> {
    let select = sqlx::query_scalar(
        "SELECT followed FROM follow WHERE follower = ? AND followed IN (SELECT value FROM json_each(?))",
    );
    let followed: Vec<i64> = select.bind(follower.0).bind(serde_json::to_string(users)?).fetch_all(db).await?;
    Ok(followed.into_iter().map(UserId).collect())
}

/// All whom `follower` follows.
pub(crate) async fn followed_by(db: &SqlitePool, follower: UserId) -> Result<Vec<UserId>> {
    let select = sqlx::query_scalar("SELECT followed FROM follow WHERE follower = ?");
    let followed: Vec<i64> = select.bind(follower.0).fetch_all(db).await?;
    Ok(followed.into_iter().map(UserId).collect())
}
