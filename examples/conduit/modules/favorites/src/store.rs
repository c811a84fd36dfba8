//! The favorites in the database.

use std::collections::BTreeMap;

use articles_contract::ArticleId;
use bedplate::Result;
use favorites_contract::Mark;
use identity_contract::UserId;
use sqlx::SqlitePool;

/// Makes an article a favorite. Being one already is no error.
pub(crate) async fn add(db: &SqlitePool, article: ArticleId, user: UserId) -> Result<()> {
    let insert = sqlx::query("INSERT INTO favorite (article, user) VALUES (?, ?) ON CONFLICT DO NOTHING");
    insert.bind(article.0).bind(user.0).execute(db).await?;
    Ok(())
}

/// Makes an article no favorite. Not being one is no error.
pub(crate) async fn remove(db: &SqlitePool, article: ArticleId, user: UserId) -> Result<()> {
    let delete = sqlx::query("DELETE FROM favorite WHERE article = ? AND user = ?");
    delete.bind(article.0).bind(user.0).execute(db).await?;
    Ok(())
}

/// Forgets an article.
pub(crate) async fn forget(db: &SqlitePool, article: ArticleId) -> Result<()> {
    sqlx::query("DELETE FROM favorite WHERE article = ?").bind(article.0).execute(db).await?;
    Ok(())
}

/// The marks of those of these articles that are somebody's favorite.
pub(crate) async fn marks(
    db: &SqlitePool,
    articles: &[ArticleId],
    viewer: Option<UserId>,
) -> Result<BTreeMap<ArticleId, Mark>> {
    let select = sqlx::query_as(
        "SELECT article, COUNT(*) AS count, MAX(user IS ?2) AS favorited FROM favorite
         WHERE article IN (SELECT value FROM json_each(?1)) GROUP BY article",
    );
    let select = select.bind(serde_json::to_string(articles)?).bind(viewer.map(|viewer| viewer.0));
    let rows: Vec<(i64, i64, bool)> = select.fetch_all(db).await?;
    rows.into_iter()
        .map(|(article, count, favorited)| Ok((ArticleId(article), Mark { count: u64::try_from(count)?, favorited })))
        .collect()
}

/// The favorites of a user.
pub(crate) async fn favorites_of(db: &SqlitePool, user: UserId) -> Result<Vec<ArticleId>> {
    let select = sqlx::query_scalar("SELECT article FROM favorite WHERE user = ?");
    let articles: Vec<i64> = select.bind(user.0).fetch_all(db).await?;
    Ok(articles.into_iter().map(ArticleId).collect())
}
