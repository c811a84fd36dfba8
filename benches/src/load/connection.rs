//! One HTTP connection that stays open, and requests on it, one after another.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A connection to a base.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    host: String,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as text.
    pub text: String,
}

impl Connection {
    /// Connects. The connection is driven by a task of the current runtime.
    ///
    /// # Errors
    ///
    /// Where nobody listens.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("nobody listens on {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // What it fails with, the request on it fails with too.
        tokio::spawn(async move { connection.await.ok() });
        Ok(Self { sender, host: address.to_string() })
    }

    /// Asks for a path, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// Where the connection was closed, or nothing came within half a minute.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        timeout(PATIENCE, self.ask(path)).await.context("no answer came in time")?
    }

    async fn ask(&mut self, path: &str) -> Result<Answer> {
        self.sender.ready().await.context("the connection was closed")?;
        let request = Request::get(path).header(header::HOST, &self.host).body(Empty::new())?;
        let response = self.sender.send_request(request).await.context("the request was not answered")?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.context("the answer was cut off")?.to_bytes();
        Ok(Answer { status, text: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// The body of one answer with status 200, on a connection of its own.
///
/// # Errors
///
/// Where there is none.
pub async fn text(address: SocketAddr, path: &str) -> Result<String> {
    let answer = Connection::open(address).await?.get(path).await?;
    anyhow::ensure!(answer.status == 200, "{path}: {}: {}", answer.status, answer.text);
    Ok(answer.text)
}
