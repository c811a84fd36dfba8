//! The routes of comments: list, add, delete.

use std::sync::Arc;

use articles_contract::{ArticleId, Articles};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use conduit_types::Timestamp;
use conduit_web::{Caller, ConduitError, Named, Payload, Viewer};
use identity_contract::UserId;
use profiles_contract::{Profile, Profiles};
use serde::Serialize;

use crate::store::Row;
use crate::{CommentsModule, store};

type Module = State<Arc<CommentsModule>>;

pub(crate) fn router() -> Router<Arc<CommentsModule>> {
    Router::new()
        .route("/articles/{slug}/comments", get(list).post(add))
        .route("/articles/{slug}/comments/{id}", delete(remove))
}

async fn list(
    State(comments): Module,
    Viewer(viewer): Viewer,
    Named(slug): Named<String>,
) -> Result<Json<CommentsBody>, ConduitError> {
    let article = find(&comments, slug).await?;
    let rows = store::of_article(&comments.db, article).await?;
    Ok(Json(CommentsBody { comments: show(&comments, rows, viewer).await? }))
}

async fn add(
    State(comments): Module,
    Caller(caller): Caller,
    Named(slug): Named<String>,
    payload: Payload,
) -> Result<(StatusCode, Json<CommentBody>), ConduitError> {
    let article = find(&comments, slug).await?;
    let mut form = payload.form("comment")?;
    let body = form.required("body");
    let longest = comments.settings.max_length;
    if body.chars().count() > longest {
        form.reject("body", format!("is too long (maximum is {longest} characters)"));
    }
    form.finish()?;
    let row = store::insert(&comments.db, article, caller, &body).await?;
    let comment = show(&comments, vec![row], Some(caller)).await?.pop();
    let comment = comment.ok_or_else(ConduitError::no_token)?;
    Ok((StatusCode::CREATED, Json(CommentBody { comment })))
}

async fn remove(
    State(comments): Module,
    Caller(caller): Caller,
    Named((slug, id)): Named<(String, String)>,
) -> Result<StatusCode, ConduitError> {
    let article = find(&comments, slug).await?;
    let not_found = || ConduitError::not_found("comment");
    // What is no number is the number of no comment.
    let id = id.parse().map_err(|_| not_found())?;
    let author = store::author(&comments.db, article, id).await?.ok_or_else(not_found)?;
    if author != caller {
        return Err(ConduitError::forbidden("comment"));
    }
    match store::delete(&comments.db, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(not_found()),
    }
}

async fn find(comments: &CommentsModule, slug: String) -> Result<ArticleId, ConduitError> {
    comments.articles.find(slug).await?.ok_or_else(|| ConduitError::not_found("article"))
}

/// Comments as `viewer` sees them, in their order: the authors of all in one call. A comment whose
/// author is not there any more is left out.
async fn show(comments: &CommentsModule, rows: Vec<Row>, viewer: Option<UserId>) -> Result<Vec<Comment>, ConduitError> {
    let authors = rows.iter().map(|row| UserId(row.author)).collect();
    let profiles = comments.profiles.profiles(authors, viewer).await?;
    let shown = rows.into_iter().filter_map(|row| {
        let author = profiles.get(&UserId(row.author))?.clone();
        let at = Timestamp::from_milliseconds(row.created_at);
        Some(Comment { id: row.id, created_at: at, updated_at: at, body: row.body, author })
    });
    Ok(shown.collect())
}

/// A comment, as one viewer sees it. It is never changed: it was updated when it was created.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    id: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    body: String,
    author: Profile,
}

/// `{"comment": {…}}`.
#[derive(Serialize)]
struct CommentBody {
    comment: Comment,
}

/// `{"comments": […]}`.
#[derive(Serialize)]
struct CommentsBody {
    comments: Vec<Comment>,
}
