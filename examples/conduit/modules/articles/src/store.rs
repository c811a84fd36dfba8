//! The articles in the database: found, written, changed, deleted.

use articles_contract::ArticleId;
use bedplate::Result;
use conduit_types::Timestamp;
use identity_contract::UserId;
use sqlx::{QueryBuilder, Sqlite, SqliteExecutor, SqlitePool, Transaction};

use crate::slug;

/// A write takes the lock at once: what it reads is what it changes.
const WRITE: &str = "BEGIN IMMEDIATE";

/// An article, as it is kept.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) description: String,
    /// Not read for lists.
    pub(crate) body: Option<String>,
    pub(crate) author: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    /// In the author's order.
    #[sqlx(json)]
    pub(crate) tags: Vec<String>,
}

/// The columns of a row, but for the body. Its tags are read in the same statement: an article and
/// its tags are of one moment, whoever changes both meanwhile.
pub(crate) const COLUMNS: &str = "id, slug, title, description, author, created_at, updated_at,
    (SELECT json_group_array(name ORDER BY position) FROM tag WHERE tag.article = article.id) AS tags";

impl Row {
    pub(crate) fn id(&self) -> ArticleId {
        ArticleId(self.id)
    }

    pub(crate) fn author(&self) -> UserId {
        UserId(self.author)
    }
}

/// What an article is made from.
#[derive(Debug, Clone)]
pub(crate) struct NewArticle {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) body: String,
    pub(crate) tags: Vec<String>,
}

/// What is to become of an article; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Update {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
}

/// The article of this slug.
pub(crate) async fn by_slug(db: &SqlitePool, slug: &str) -> Result<Option<Row>> {
    let mut select = select();
    select.push(" WHERE slug = ").push_bind(slug);
    Ok(select.build_query_as().fetch_optional(db).await?)
}

/// The article of this number.
pub(crate) async fn by_id(db: impl SqliteExecutor<'_>, id: ArticleId) -> Result<Option<Row>> {
    let mut select = select();
    select.push(" WHERE id = ").push_bind(id.0);
    Ok(select.build_query_as().fetch_optional(db).await?)
}

fn select() -> QueryBuilder<Sqlite> {
    let mut select = QueryBuilder::new("SELECT body, ");
    select.push(COLUMNS).push(" FROM article");
    select
}

/// Adds an article, with a slug of its own.
pub(crate) async fn insert(db: &SqlitePool, author: UserId, new: &NewArticle) -> Result<Row> {
    let mut tx = db.begin_with(WRITE).await?;
    let slug = free_slug(&mut tx, &new.title).await?;
    let inserted = sqlx::query(
        "INSERT INTO article (slug, title, description, body, author, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    )
    .bind(slug)
    .bind(&new.title)
    .bind(&new.description)
    .bind(&new.body)
    .bind(author.0)
    .bind(Timestamp::now().as_milliseconds())
    .execute(&mut *tx)
    .await?;
    let id = ArticleId(inserted.last_insert_rowid());
    insert_tags(&mut tx, id, &new.tags).await?;
    let row = by_id(&mut *tx, id).await?.expect("a transaction sees what it has inserted");
    tx.commit().await?;
    Ok(row)
}

/// Changes an article; `None` where it is gone. It is newer afterwards, by a millisecond at least.
pub(crate) async fn update(db: &SqlitePool, id: ArticleId, update: &Update) -> Result<Option<Row>> {
    let mut tx = db.begin_with(WRITE).await?;
    let Some(old) = by_id(&mut *tx, id).await? else { return Ok(None) };
    let slug = match &update.title {
        // A title that is written in another way makes the same slug, and the article has it.
        Some(title) if slug::of_title(title) != slug::of_title(&old.title) => free_slug(&mut tx, title).await?,
        _ => old.slug,
    };
    sqlx::query(
        "UPDATE article SET
             slug = ?,
             title = COALESCE(?, title),
             description = COALESCE(?, description),
             body = COALESCE(?, body),
             updated_at = MAX(?, updated_at + 1)
         WHERE id = ?",
    )
    .bind(slug)
    .bind(&update.title)
    .bind(&update.description)
    .bind(&update.body)
    .bind(Timestamp::now().as_milliseconds())
    .bind(id.0)
    .execute(&mut *tx)
    .await?;
    if let Some(tags) = &update.tags {
        sqlx::query("DELETE FROM tag WHERE article = ?").bind(id.0).execute(&mut *tx).await?;
        insert_tags(&mut tx, id, tags).await?;
    }
    let row = by_id(&mut *tx, id).await?;
    tx.commit().await?;
    Ok(row)
}

/// Deletes an article, and notes that its observers have yet to hear of it. Whether it was there:
/// of many who delete it at once, one has.
pub(crate) async fn delete(db: &SqlitePool, id: ArticleId) -> Result<bool> {
    let mut tx = db.begin_with(WRITE).await?;
    sqlx::query("DELETE FROM tag WHERE article = ?").bind(id.0).execute(&mut *tx).await?;
    let deleted = sqlx::query("DELETE FROM article WHERE id = ?").bind(id.0).execute(&mut *tx).await?;
    let was_there = deleted.rows_affected() > 0;
    if was_there {
        sqlx::query("INSERT INTO deletion (article) VALUES (?)").bind(id.0).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(was_there)
}

/// The articles that are gone, while an observer has yet to hear of it.
pub(crate) async fn untold_deletions(db: &SqlitePool) -> Result<Vec<ArticleId>> {
    let articles: Vec<i64> = sqlx::query_scalar("SELECT article FROM deletion ORDER BY article").fetch_all(db).await?;
    Ok(articles.into_iter().map(ArticleId).collect())
}

/// Notes that every observer has heard.
pub(crate) async fn told_deletion(db: &SqlitePool, article: ArticleId) -> Result<()> {
    sqlx::query("DELETE FROM deletion WHERE article = ?").bind(article.0).execute(db).await?;
    Ok(())
}

/// A slug that no article has: the title's own, else one that is set apart.
async fn free_slug(tx: &mut Transaction<'_, Sqlite>, title: &str) -> Result<String> {
    let mut slug = slug::of_title(title);
    // Under the write lock nobody takes it in between.
    while slug::is_reserved(&slug) || is_taken(tx, &slug).await? {
        slug = slug::set_apart(title);
    }
    Ok(slug)
}

async fn is_taken(tx: &mut Transaction<'_, Sqlite>, slug: &str) -> Result<bool> {
    let exists = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM article WHERE slug = ?)");
    Ok(exists.bind(slug).fetch_one(&mut **tx).await?)
}

async fn insert_tags(tx: &mut Transaction<'_, Sqlite>, id: ArticleId, tags: &[String]) -> Result<()> {
    let insert = sqlx::query("INSERT INTO tag (article, position, name) SELECT ?, key, value FROM json_each(?)");
    insert.bind(id.0).bind(serde_json::to_string(tags)?).execute(&mut **tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titled(title: &str) -> NewArticle {
        NewArticle { title: title.to_owned(), description: "d".to_owned(), body: "b".to_owned(), tags: Vec::new() }
    }

    async fn database() -> SqlitePool {
        // More than one connection to `:memory:` would be more than one database.
        let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
        let db = options.connect("sqlite::memory:").await.unwrap();
        sqlx::migrate!().run(&db).await.unwrap();
        db
    }

    #[tokio::test]
    async fn one_title_makes_many_slugs() {
        let db = database().await;
        let first = insert(&db, UserId(1), &titled("One Title")).await.unwrap();
        let second = insert(&db, UserId(1), &titled("One Title")).await.unwrap();
        assert_eq!(first.slug, "one-title");
        assert!(second.slug.starts_with("one-title-"), "{}", second.slug);
    }

    #[tokio::test]
    async fn no_article_hides_the_feed() {
        let db = database().await;
        let article = insert(&db, UserId(1), &titled("Feed")).await.unwrap();
        assert!(article.slug.starts_with("feed-"), "{}", article.slug);
    }

    #[tokio::test]
    async fn an_update_is_newer_even_within_a_millisecond() {
        let db = database().await;
        let first = insert(&db, UserId(1), &titled("Title")).await.unwrap();
        let second = update(&db, first.id(), &Update::default()).await.unwrap().unwrap();
        let third = update(&db, first.id(), &Update::default()).await.unwrap().unwrap();
        assert!(first.updated_at < second.updated_at && second.updated_at < third.updated_at);
        assert_eq!(first.created_at, third.created_at);
        assert_eq!(first.slug, third.slug);
    }

    #[tokio::test]
    async fn a_title_that_makes_the_same_slug_keeps_it() {
        let db = database().await;
        let first = insert(&db, UserId(1), &titled("A title")).await.unwrap();
        let again = Update { title: Some("A TITLE!".to_owned()), ..Update::default() };
        assert_eq!(update(&db, first.id(), &again).await.unwrap().unwrap().slug, "a-title");
        let other = Update { title: Some("Another".to_owned()), ..Update::default() };
        assert_eq!(update(&db, first.id(), &other).await.unwrap().unwrap().slug, "another");
    }

    #[tokio::test]
    async fn an_article_comes_with_its_tags_in_their_order() {
        let db = database().await;
        let tags = ["z", "a", "m \u{0}\"'", "ü"].map(str::to_owned).to_vec();
        let new = insert(&db, UserId(1), &NewArticle { tags: tags.clone(), ..titled("Title") }).await.unwrap();
        assert_eq!(new.tags, tags);
        let turned = Update { tags: Some(vec!["b".to_owned(), "a".to_owned()]), ..Update::default() };
        assert_eq!(update(&db, new.id(), &turned).await.unwrap().unwrap().tags, ["b", "a"]);
        assert_eq!(by_slug(&db, "title").await.unwrap().unwrap().tags, ["b", "a"]);
        assert_eq!(insert(&db, UserId(1), &titled("Untagged")).await.unwrap().tags, [""; 0]);
    }

    #[tokio::test]
    async fn a_deletion_is_kept_until_it_is_told() {
        let db = database().await;
        let article = insert(&db, UserId(1), &titled("Title")).await.unwrap().id();
        assert!(delete(&db, article).await.unwrap());
        assert!(!delete(&db, article).await.unwrap(), "it is deleted once");
        assert_eq!(untold_deletions(&db).await.unwrap(), [article]);
        told_deletion(&db, article).await.unwrap();
        assert_eq!(untold_deletions(&db).await.unwrap(), []);
        assert!(insert(&db, UserId(1), &titled("Title")).await.unwrap().id() > article, "a number is given once");
    }
}
