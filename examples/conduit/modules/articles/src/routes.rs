//! The routes of articles: lists, the feed, one article, the tags.

use std::collections::HashMap;
use std::sync::Arc;

use articles_contract::Article;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use conduit_web::{Caller, ConduitError, Named, Payload, Viewer};
use identity_contract::{Identity, UserId};
use profiles_contract::Profiles;
use serde::Serialize;

use crate::ArticlesModule;
use crate::listing::{self, Filter};
use crate::page::Page;
use crate::store::{self, NewArticle, Row, Update};

type Module = State<Arc<ArticlesModule>>;
type AnyQuery = Result<Query<HashMap<String, String>>, QueryRejection>;

pub(crate) fn router() -> Router<Arc<ArticlesModule>> {
    Router::new()
        .route("/articles", get(list).post(create))
        .route("/articles/feed", get(feed))
        .route("/articles/{slug}", get(article).put(change).delete(delete))
        .route("/tags", get(tags))
}

async fn list(
    State(articles): Module,
    Viewer(viewer): Viewer,
    query: AnyQuery,
) -> Result<Json<ArticlesBody>, ConduitError> {
    let query = read_query(query)?;
    let page = Page::read(&query, articles.settings.longest_page)?;
    let mut filter = Filter { tag: query.get("tag").cloned(), ..Filter::default() };
    if let Some(username) = query.get("author") {
        let author = articles.identity.user_named(username.clone()).await?;
        filter.authors = Some(author.iter().map(|author| author.id).collect());
    }
    if let Some(username) = query.get("favorited") {
        filter.among = Some(match articles.identity.user_named(username.clone()).await? {
            Some(user) => articles.favorites_of(user.id).await?,
            None => Vec::new(),
        });
    }
    page_of(&articles, &filter, page, viewer).await
}

async fn feed(
    State(articles): Module,
    Caller(caller): Caller,
    query: AnyQuery,
) -> Result<Json<ArticlesBody>, ConduitError> {
    let page = Page::read(&read_query(query)?, articles.settings.longest_page)?;
    let authors = articles.profiles.followed_by(caller).await?;
    let filter = Filter { authors: Some(authors), ..Filter::default() };
    page_of(&articles, &filter, page, Some(caller)).await
}

async fn article(
    State(articles): Module,
    viewer: Result<Viewer, ConduitError>,
    Named(slug): Named<String>,
) -> Result<Json<ArticleBody>, ConduitError> {
    // Anybody may read an article, with any token.
    let Viewer(viewer) = Viewer::or_nobody(viewer)?;
    let row = find(&articles, &slug).await?;
    body(&articles, row, viewer).await
}

async fn create(
    State(articles): Module,
    Caller(caller): Caller,
    payload: Payload,
) -> Result<(StatusCode, Json<ArticleBody>), ConduitError> {
    let mut form = payload.form("article")?;
    let new = NewArticle {
        title: form.required("title"),
        description: form.required("description"),
        body: form.required("body"),
        tags: form.texts("tagList").unwrap_or_default(),
    };
    form.finish()?;
    let row = store::insert(&articles.db, caller, &new).await?;
    Ok((StatusCode::CREATED, body(&articles, row, Some(caller)).await?))
}

async fn change(
    State(articles): Module,
    Caller(caller): Caller,
    Named(slug): Named<String>,
    payload: Payload,
) -> Result<Json<ArticleBody>, ConduitError> {
    let row = find_own(&articles, &slug, caller).await?;
    let mut form = payload.form("article")?;
    let update = Update {
        title: form.optional("title"),
        description: form.optional("description"),
        body: form.optional("body"),
        tags: form.texts("tagList"),
    };
    form.finish()?;
    let row = store::update(&articles.db, row.id(), &update).await?.ok_or_else(not_found)?;
    body(&articles, row, Some(caller)).await
}

async fn delete(
    State(articles): Module,
    Caller(caller): Caller,
    Named(slug): Named<String>,
) -> Result<StatusCode, ConduitError> {
    let row = find_own(&articles, &slug, caller).await?;
    if !store::delete(&articles.db, row.id()).await? {
        return Err(not_found());
    }
    articles.announce_deletions().await;
    Ok(StatusCode::NO_CONTENT)
}

async fn tags(State(articles): Module) -> Result<Json<TagsBody>, ConduitError> {
    Ok(Json(TagsBody { tags: listing::tags(&articles.db).await? }))
}

fn read_query(query: AnyQuery) -> Result<HashMap<String, String>, ConduitError> {
    query.map(|Query(query)| query).map_err(|_| ConduitError::invalid("query", "is invalid"))
}

fn not_found() -> ConduitError {
    ConduitError::not_found("article")
}

async fn find(articles: &ArticlesModule, slug: &str) -> Result<Row, ConduitError> {
    store::by_slug(&articles.db, slug).await?.ok_or_else(not_found)
}

/// The article of this slug, if it is the caller's.
async fn find_own(articles: &ArticlesModule, slug: &str, caller: UserId) -> Result<Row, ConduitError> {
    let row = find(articles, slug).await?;
    match row.author() == caller {
        true => Ok(row),
        false => Err(ConduitError::forbidden("article")),
    }
}

async fn page_of(
    articles: &ArticlesModule,
    filter: &Filter,
    page: Page,
    viewer: Option<UserId>,
) -> Result<Json<ArticlesBody>, ConduitError> {
    let (rows, articles_count) = listing::list(&articles.db, filter, page).await?;
    Ok(Json(ArticlesBody { articles: articles.show(rows, viewer).await?, articles_count }))
}

async fn body(articles: &ArticlesModule, row: Row, viewer: Option<UserId>) -> Result<Json<ArticleBody>, ConduitError> {
    let article = articles.show_one(row, viewer).await?.ok_or_else(not_found)?;
    Ok(Json(ArticleBody { article }))
}

/// `{"article": {…}}`.
#[derive(Serialize)]
struct ArticleBody {
    article: Article,
}

/// `{"articles": […], "articlesCount": …}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArticlesBody {
    articles: Vec<Article>,
    articles_count: u64,
}

/// `{"tags": […]}`.
#[derive(Serialize)]
struct TagsBody {
    tags: Vec<String>,
}
