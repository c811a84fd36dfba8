//! A to-do list over HTTP: an axum application as one finds them, with state and errors of its own.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Todo {
    /// Its number, counted from 1.
    pub id: u64,
    /// What is to do.
    pub title: String,
    /// Whether it is done.
    pub done: bool,
}

#[derive(Debug, Deserialize)]
struct NewTodo {
    title: String,
}

#[derive(Debug, Deserialize)]
struct ChangedTodo {
    title: Option<String>,
    done: Option<bool>,
}

/// The application.
pub fn app() -> Router {
    Router::new()
        .route("/todos", get(list).post(add))
        .route("/todos/{id}", patch(change).delete(remove))
        .with_state(Todos::default())
}

/// The list, in memory.
#[derive(Debug, Clone, Default)]
struct Todos(Arc<Mutex<BTreeMap<u64, Todo>>>);

impl Todos {
    fn list(&self) -> MutexGuard<'_, BTreeMap<u64, Todo>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
enum Refusal {
    NoSuchTodo(u64),
    BadTitle,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NoSuchTodo(id) => (StatusCode::NOT_FOUND, format!("there is no to-do {id}")).into_response(),
            Self::BadTitle => {
                let reason = format!("a title has 1 to {LONGEST_TITLE} characters");
                (StatusCode::UNPROCESSABLE_ENTITY, reason).into_response()
            }
        }
    }
}

async fn list(State(todos): State<Todos>) -> Json<Vec<Todo>> {
    Json(todos.list().values().cloned().collect())
}

async fn add(State(todos): State<Todos>, Json(new): Json<NewTodo>) -> Result<(StatusCode, Json<Todo>), Refusal> {
    check_title(&new.title)?;
    let mut list = todos.list();
    let id = list.last_key_value().map_or(1, |(last, _)| last + 1);
    let todo = Todo { id, title: new.title, done: false };
    list.insert(id, todo.clone());
    Ok((StatusCode::CREATED, Json(todo)))
}

async fn change(
    State(todos): State<Todos>,
    Path(id): Path<u64>,
    Json(changed): Json<ChangedTodo>,
) -> Result<Json<Todo>, Refusal> {
    changed.title.as_deref().map_or(Ok(()), check_title)?;
    let mut list = todos.list();
    let todo = list.get_mut(&id).ok_or(Refusal::NoSuchTodo(id))?;
    if let Some(title) = changed.title {
        todo.title = title;
    }
    if let Some(done) = changed.done {
        todo.done = done;
    }
    Ok(Json(todo.clone()))
}

async fn remove(State(todos): State<Todos>, Path(id): Path<u64>) -> Result<StatusCode, Refusal> {
    todos.list().remove(&id).map(|_| StatusCode::NO_CONTENT).ok_or(Refusal::NoSuchTodo(id))
}

fn check_title(title: &str) -> Result<(), Refusal> {
    match title.chars().count() {
        1..=LONGEST_TITLE => Ok(()),
        _ => Err(Refusal::BadTitle),
    }
}
