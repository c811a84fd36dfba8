//! Lists of articles and of tags, out of the database.

use articles_contract::ArticleId;
use bedplate::Result;
use identity_contract::UserId;
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

use crate::page::Page;
use crate::store::{COLUMNS, Row};

/// Which articles a list has. What is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// With this tag.
    pub(crate) tag: Option<String>,
    /// By one of these authors.
    pub(crate) authors: Option<Vec<UserId>>,
    /// Of these.
    pub(crate) among: Option<Vec<ArticleId>>,
}

/// A page of the articles that match, the newest first and without their bodies, and how many match.
pub(crate) async fn list(db: &SqlitePool, filter: &Filter, page: Page) -> Result<(Vec<Row>, u64)> {
    let mut count = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) FROM article");
    matching(&mut count, filter)?;
    let mut select = QueryBuilder::<Sqlite>::new("SELECT NULL AS body, ");
    select.push(COLUMNS).push(" FROM article");
    matching(&mut select, filter)?;
    select.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(page.limit);
    select.push(" OFFSET ").push_bind(page.offset);

    // One snapshot for both.
    let mut tx = db.begin().await?;
    let count: i64 = count.build_query_scalar().fetch_one(&mut *tx).await?;
    let rows = select.build_query_as().fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok((rows, u64::try_from(count)?))
}

fn matching(query: &mut QueryBuilder<Sqlite>, filter: &Filter) -> Result<()> {
    let Filter { tag, authors, among } = filter;
    query.push(" WHERE TRUE");
    if let Some(tag) = tag {
        query.push(" AND id IN (SELECT article FROM tag WHERE name = ").push_bind(tag.clone()).push(")");
    }
    if let Some(authors) = authors {
        let authors = serde_json::to_string(authors)?;
        query.push(" AND author IN (SELECT value FROM json_each(").push_bind(authors).push("))");
    }
    if let Some(among) = among {
        let among = serde_json::to_string(among)?;
        query.push(" AND id IN (SELECT value FROM json_each(").push_bind(among).push("))");
    }
    Ok(())
}

/// The tags in use, the most used first.
pub(crate) async fn tags(db: &SqlitePool) -> Result<Vec<String>> {
    let select = sqlx::query_scalar("SELECT name FROM tag GROUP BY name ORDER BY COUNT(*) DESC, name");
    Ok(select.fetch_all(db).await?)
}
