//! The application by itself, as it was tested before anybody adopted it.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

async fn send(app: &Router, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let response = app.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()))
}

#[tokio::test]
async fn a_todo_is_added_changed_and_removed() {
    let app = todo::app();
    let (status, added) = send(&app, "POST", "/todos", Some(json!({ "title": "buy bread" }))).await;
    assert_eq!((status, &added), (StatusCode::CREATED, &json!({ "id": 1, "title": "buy bread", "done": false })));
    let (status, changed) = send(&app, "PATCH", "/todos/1", Some(json!({ "done": true }))).await;
    assert_eq!((status, &changed), (StatusCode::OK, &json!({ "id": 1, "title": "buy bread", "done": true })));
    assert_eq!(send(&app, "GET", "/todos", None).await, (StatusCode::OK, json!([changed])));
    assert_eq!(send(&app, "DELETE", "/todos/1", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(&app, "GET", "/todos", None).await, (StatusCode::OK, json!([])));
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let app = todo::app();
    assert_eq!(send(&app, "POST", "/todos", Some(json!({ "title": "" }))).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let missing = send(&app, "PATCH", "/todos/7", Some(json!({ "done": true }))).await;
    assert_eq!(missing, (StatusCode::NOT_FOUND, json!("there is no to-do 7")));
    assert_eq!(send(&app, "DELETE", "/todos/7", None).await.0, StatusCode::NOT_FOUND);
}
