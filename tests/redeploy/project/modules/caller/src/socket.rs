//! A WebSocket that says the build's name in a frame, again and again, and never closes by itself.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use crate::Caller;
use crate::mark::MARK;

pub(super) async fn open(State(caller): State<Arc<Caller>>, mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    caller.context.spawn("socket", async move {
        let Ok(socket) = upgrade.await else { return };
        let mut socket = TokioIo::new(socket);
        let mut frame = vec![0x81, MARK.len() as u8];
        frame.extend_from_slice(MARK.as_bytes());
        while socket.write_all(&frame).await.is_ok() && socket.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("upgrade"));
    response
}
