//! The comments in the database.

use articles_contract::ArticleId;
use bedplate::Result;
use conduit_types::Timestamp;
use identity_contract::UserId;
use sqlx::SqlitePool;

/// A comment, as it is kept.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) author: i64,
    pub(crate) body: String,
    pub(crate) created_at: i64,
}

/// Adds a comment.
pub(crate) async fn insert(db: &SqlitePool, article: ArticleId, author: UserId, body: &str) -> Result<Row> {
    let insert = sqlx::query_as(
        "INSERT INTO comment (article, author, body, created_at) VALUES (?, ?, ?, ?)
         RETURNING id, author, body, created_at",
    );
    let insert = insert.bind(article.0).bind(author.0).bind(body).bind(Timestamp::now().as_milliseconds());
    Ok(insert.fetch_one(db).await?)
}

/// The comments on an article, the newest first.
pub(crate) async fn of_article(db: &SqlitePool, article: ArticleId) -> Result<Vec<Row>> {
    let select = sqlx::query_as("SELECT id, author, body, created_at FROM comment WHERE article = ? ORDER BY id DESC");
    Ok(select.bind(article.0).fetch_all(db).await?)
}

/// Who wrote this comment on this article.
pub(crate) async fn author(db: &SqlitePool, article: ArticleId, id: i64) -> Result<Option<UserId>> {
    let select = sqlx::query_scalar("SELECT author FROM comment WHERE article = ? AND id = ?");
    Ok(select.bind(article.0).bind(id).fetch_optional(db).await?.map(UserId))
}

/// Deletes a comment. Whether it was there: of many who delete it at once, one has.
pub(crate) async fn delete(db: &SqlitePool, id: i64) -> Result<bool> {
    let deleted = sqlx::query("DELETE FROM comment WHERE id = ?").bind(id).execute(db).await?;
    Ok(deleted.rows_affected() > 0)
}

/// Deletes all comments on an article.
pub(crate) async fn delete_of_article(db: &SqlitePool, article: ArticleId) -> Result<()> {
    sqlx::query("DELETE FROM comment WHERE article = ?").bind(article.0).execute(db).await?;
    Ok(())
}
