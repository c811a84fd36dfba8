//! The routes of favorites: make an article one, and no longer.

use std::sync::Arc;

use articles_contract::{Article, ArticleId, Articles};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use bedplate::ServiceRef;
use conduit_web::{Caller, ConduitError, Named};
use identity_contract::UserId;
use serde::Serialize;

use crate::{FavoritesModule, store};

type Module = State<Arc<FavoritesModule>>;

pub(crate) fn router() -> Router<Arc<FavoritesModule>> {
    Router::new().route("/articles/{slug}/favorite", post(add).delete(remove))
}

async fn add(
    State(favorites): Module,
    Caller(caller): Caller,
    Named(slug): Named<String>,
) -> Result<Json<ArticleBody>, ConduitError> {
    let id = find(&favorites, slug).await?;
    store::add(&favorites.db, id, caller).await?;
    let shown = show(&favorites, id, caller).await;
    if matches!(&shown, Err(error) if error.status() == StatusCode::NOT_FOUND) {
        // Deleted in between, after its observers had heard of it.
        store::forget(&favorites.db, id).await?;
    }
    shown
}

async fn remove(
    State(favorites): Module,
    Caller(caller): Caller,
    Named(slug): Named<String>,
) -> Result<Json<ArticleBody>, ConduitError> {
    let id = find(&favorites, slug).await?;
    store::remove(&favorites.db, id, caller).await?;
    show(&favorites, id, caller).await
}

async fn find(favorites: &FavoritesModule, slug: String) -> Result<ArticleId, ConduitError> {
    articles(favorites)?.find(slug).await?.ok_or_else(|| ConduitError::not_found("article"))
}

async fn show(favorites: &FavoritesModule, id: ArticleId, viewer: UserId) -> Result<Json<ArticleBody>, ConduitError> {
    let article = articles(favorites)?.article(id, Some(viewer)).await?;
    Ok(Json(ArticleBody { article: article.ok_or_else(|| ConduitError::not_found("article"))? }))
}

/// Without a module that publishes articles there are none to be favorites.
fn articles(favorites: &FavoritesModule) -> Result<&ServiceRef<dyn Articles>, ConduitError> {
    favorites.articles.as_ref().ok_or_else(|| ConduitError::not_found("article"))
}

/// `{"article": {…}}`.
#[derive(Serialize)]
struct ArticleBody {
    article: Article,
}
