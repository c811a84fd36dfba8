//! A base that is operated through a socket, and requests to it as bytes.

use std::path::{Path, PathBuf};

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Composition, Content, Inspection, Module, ModuleSpec, Result, Starter, StarterContext};
use bedplate_starter_admin::Admin;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

struct Quiet;
impl Module for Quiet {}

/// A module that does nothing.
pub(crate) fn quiet() -> ModuleSpec {
    ModuleSpec::plain("quiet", |_| Ok(Quiet)).unwrap()
}

/// Shows something as JSON, and something as text.
#[bedplate::starter(name = "shows")]
pub(crate) struct Shows;

impl Starter for Shows {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }

    fn inspect(&self, _: &Composition) -> Vec<Inspection> {
        let routes = json!({ "version": 1, "routes": [
            { "methods": ["GET"], "path": "/a", "module": "quiet", "scene": "main" }
        ]});
        let text = Content::Text { media_type: "text/plain; version=0.0.4", body: "up 1\n".to_owned() };
        vec![
            Inspection { name: "routes", content: Content::Json(routes) },
            Inspection { name: "metrics", content: text },
        ]
    }
}

/// A base in a folder of its own, with a socket.
pub(crate) fn operated(folder: &TempDir) -> TestBaseBuilder {
    TestBase::builder()
        .starter::<Admin>()
        .folder(folder.path())
        .settings("[starters.admin]\nsocket = true\nupload_limit = '64KiB'")
        .with(quiet())
}

/// Where the base listens.
pub(crate) async fn socket(base: &TestBase) -> PathBuf {
    base.starter::<Admin>().await.unwrap().socket().unwrap().to_owned()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The code of what went wrong.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Reads one answer to the end of its connection.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self> {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await?;
        let text = String::from_utf8(text)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| anyhow::anyhow!("no answer: {text:?}"))?;
        let status = head.split(' ').nth(1).unwrap_or_default().parse()?;
        Ok(Self { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() })
    }
}

/// Sends bytes, and reads what comes back.
pub(crate) async fn send(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) -> Result<Answer> {
    // A server that has made up its mind may close before all has been written.
    let _ = stream.write_all(bytes).await;
    Answer::read(stream).await
}

/// One request, on a connection of its own; `head` is its lines without the last.
pub(crate) async fn ask(socket: &Path, head: &str, body: &[u8]) -> Result<Answer> {
    let mut stream = UnixStream::connect(socket).await?;
    let mut bytes = format!("{head}\r\nconnection: close\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    send(&mut stream, &bytes).await
}

pub(crate) async fn get(socket: &Path, path: &str) -> Result<Answer> {
    ask(socket, &format!("GET {path} HTTP/1.1\r\nhost: localhost"), b"").await
}

pub(crate) async fn post(socket: &Path, path: &str, kind: &str, body: &[u8]) -> Result<Answer> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {length}");
    ask(socket, &head, body).await
}

pub(crate) async fn deploy(socket: &Path, document: &Value) -> Result<Answer> {
    post(socket, "/v1/deployments", "application/json", document.to_string().as_bytes()).await
}

/// Follows a deployment to its decision.
pub(crate) async fn decided(socket: &Path, begun: &Answer) -> Result<Value> {
    anyhow::ensure!(begun.status == 202, "{begun:?}");
    let id = begun.body["deployment"]["id"].as_str().unwrap();
    let mut after = begun.body["deployment"]["revision"].as_u64().unwrap();
    loop {
        let answer = get(socket, &format!("/v1/deployments/{id}?after={after}")).await?;
        anyhow::ensure!(answer.status == 200, "{answer:?}");
        let deployment = &answer.body["deployment"];
        match deployment["state"].as_str().unwrap() {
            "queued" | "running" => after = deployment["revision"].as_u64().unwrap(),
            _ => return Ok(deployment.clone()),
        }
    }
}

/// The number of the composition that serves.
pub(crate) async fn composition(socket: &Path) -> u64 {
    get(socket, "/v1/status").await.unwrap().body["composition"].as_u64().unwrap()
}
