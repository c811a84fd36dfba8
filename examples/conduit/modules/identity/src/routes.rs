//! The routes of identity: register, log in, the current user.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use conduit_web::{Caller, ConduitError, Form, Payload};
use identity_contract::UserId;
use serde::Serialize;

use crate::store::{Account, NewAccount, Saved, Taken, Update};
use crate::{IdentityModule, password, store};

type Module = State<Arc<IdentityModule>>;

pub(crate) fn router() -> Router<Arc<IdentityModule>> {
    Router::new()
        .route("/users", post(register))
        .route("/users/login", post(log_in))
        .route("/user", get(current).put(change))
}

async fn register(State(identity): Module, payload: Payload) -> Result<(StatusCode, Json<UserBody>), ConduitError> {
    let mut form = payload.form("user")?;
    let username = form.required("username");
    let email = form.required("email");
    let password = form.required_password("password");
    check_length(&mut form, &password);
    form.finish()?;
    let password = identity.keys().passwords.hash(password).await?;
    let saved = store::insert(&identity.db, &NewAccount { username, email, password }).await?;
    Ok((StatusCode::CREATED, answer(&identity, saved)?))
}

async fn log_in(State(identity): Module, payload: Payload) -> Result<Json<UserBody>, ConduitError> {
    let mut form = payload.form("user")?;
    let email = form.required("email");
    let password = form.required_password("password");
    form.finish()?;
    let account = store::by_email(&identity.db, &email).await?;
    let hash = account.as_ref().map(|account| account.password.clone());
    match (identity.keys().passwords.matches(password, hash).await?, account) {
        (true, Some(account)) => body(&identity, account),
        _ => Err(ConduitError::wrong_credentials()),
    }
}

async fn current(State(identity): Module, Caller(caller): Caller) -> Result<Json<UserBody>, ConduitError> {
    let account = store::by_id(&identity.db, caller).await?;
    body(&identity, account.ok_or_else(ConduitError::no_token)?)
}

async fn change(
    State(identity): Module,
    Caller(caller): Caller,
    payload: Payload,
) -> Result<Json<UserBody>, ConduitError> {
    let mut form = payload.form("user")?;
    if !form.has_any(&["username", "email", "password", "bio", "image"]) {
        form.reject("user", "needs at least one field");
    }
    let username = form.optional("username");
    let email = form.optional("email");
    let password = form.optional_password("password");
    password.iter().for_each(|password| check_length(&mut form, password));
    let (bio, image) = (form.clearable("bio"), form.clearable("image"));
    form.finish()?;
    let password = match password {
        Some(password) => Some(identity.keys().passwords.hash(password).await?),
        None => None,
    };
    let update = Update { username, email, password, bio, image };
    answer(&identity, store::update(&identity.db, caller, &update).await?)
}

/// Notes what is wrong with a new password, beside that there is none.
fn check_length(form: &mut Form, password: &str) {
    if let Some(objection) = password::objection(password).filter(|_| !password.is_empty()) {
        form.reject("password", objection);
    }
}

fn answer(identity: &IdentityModule, saved: Saved) -> Result<Json<UserBody>, ConduitError> {
    match saved {
        Saved::Account(account) => body(identity, account),
        Saved::Taken(taken) => Err(already_taken(taken)),
        Saved::Gone => Err(ConduitError::no_token()),
    }
}

fn already_taken(taken: Taken) -> ConduitError {
    let fields = [("username", taken.username), ("email", taken.email)];
    let errors: BTreeMap<_, _> = fields
        .into_iter()
        .filter(|(_, taken)| *taken)
        .map(|(field, _)| (field.to_owned(), vec!["has already been taken".to_owned()]))
        .collect();
    ConduitError::all(StatusCode::CONFLICT, errors)
}

fn body(identity: &IdentityModule, account: Account) -> Result<Json<UserBody>, ConduitError> {
    let token = identity.keys().tokens.issue(UserId(account.id))?;
    let Account { username, email, bio, image, .. } = account;
    Ok(Json(UserBody { user: UserAnswer { email, token, username, bio, image } }))
}

/// `{"user": {…}}`.
#[derive(Serialize)]
struct UserBody {
    user: UserAnswer,
}

/// A user, to that user alone.
#[derive(Serialize)]
struct UserAnswer {
    email: String,
    token: String,
    username: String,
    bio: Option<String>,
    image: Option<String>,
}
