//! The routes of profiles: see one, follow, unfollow.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use conduit_web::{Caller, ConduitError, Named, Viewer};
use identity_contract::{Identity, User, UserId};
use profiles_contract::Profile;
use serde::Serialize;

use crate::{ProfilesModule, store};

type Module = State<Arc<ProfilesModule>>;

pub(crate) fn router() -> Router<Arc<ProfilesModule>> {
    Router::new()
        .route("/profiles/{username}", get(profile))
        .route("/profiles/{username}/follow", post(follow).delete(unfollow))
}

async fn profile(
    State(profiles): Module,
    Viewer(viewer): Viewer,
    Named(username): Named<String>,
) -> Result<Json<ProfileBody>, ConduitError> {
    let user = named(&profiles, username).await?;
    body(&profiles, user, viewer).await
}

async fn follow(
    State(profiles): Module,
    Caller(caller): Caller,
    Named(username): Named<String>,
) -> Result<Json<ProfileBody>, ConduitError> {
    let user = named(&profiles, username).await?;
    store::follow(&profiles.db, caller, user.id).await?;
    body(&profiles, user, Some(caller)).await
}

async fn unfollow(
    State(profiles): Module,
    Caller(caller): Caller,
    Named(username): Named<String>,
) -> Result<Json<ProfileBody>, ConduitError> {
    let user = named(&profiles, username).await?;
    store::unfollow(&profiles.db, caller, user.id).await?;
    body(&profiles, user, Some(caller)).await
}

async fn named(profiles: &ProfilesModule, username: String) -> Result<User, ConduitError> {
    profiles.identity.user_named(username).await?.ok_or_else(|| ConduitError::not_found("profile"))
}

async fn body(
    profiles: &ProfilesModule,
    user: User,
    viewer: Option<UserId>,
) -> Result<Json<ProfileBody>, ConduitError> {
    Ok(Json(ProfileBody { profile: profiles.profile_of(user, viewer).await? }))
}

/// `{"profile": {…}}`.
#[derive(Serialize)]
struct ProfileBody {
    profile: Profile,
}
