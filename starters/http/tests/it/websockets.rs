//! WebSockets of modules, through axum's own extractor: they go on over a swap, and end with 1012.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use bedplate::testing::{TestBase, run};
use bedplate::{Exports, Module, ModuleContext, ModuleSpec, Result};
use bedplate_starter_http::{Http, HttpTest, RoutesExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{http, module};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const SERVICE_RESTART: [u8; 2] = 1012_u16.to_be_bytes();

/// Says what it hears, and the name of its generation.
fn echo(name: &'static str) -> ModuleSpec {
    let talk = move |mut socket: WebSocket| async move {
        // Until the end: axum answers a client that closes while its answer is read.
        while let Some(Ok(message)) = socket.recv().await {
            if let Message::Text(text) = message
                && socket.send(Message::text(format!("{name}: {text}"))).await.is_err()
            {
                return;
            }
        }
    };
    let handler = move |upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(talk) };
    module("echo", move || Router::new().route("/echo", get(handler)).route("/name", get(move || async move { name })))
}

/// A client, which hides what it sends as every client must.
struct Client(TcpStream);

impl Client {
    async fn open(base: &TestBase) -> Result<Self> {
        let mut socket = TcpStream::connect(base.starter::<Http>().await?.local_address()).await?;
        let request = "GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: WebSocket\r\n\
                       sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        socket.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Ok(Self(socket))
    }

    async fn send(&mut self, first: u8, payload: &[u8]) -> Result<()> {
        const MASK: [u8; 4] = [1, 2, 3, 4];
        let hidden = payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let frame: Vec<u8> =
            [first, 0x80 | u8::try_from(payload.len())?].into_iter().chain(MASK).chain(hidden).collect();
        Ok(self.0.write_all(&frame).await?)
    }

    async fn receive(&mut self) -> Result<(u8, Vec<u8>)> {
        let (first, length) = (self.0.read_u8().await?, self.0.read_u8().await?);
        assert!(length < 126, "the tests say little, and servers do not mask");
        let mut payload = vec![0; length.into()];
        self.0.read_exact(&mut payload).await?;
        Ok((first, payload))
    }

    async fn echoed(&mut self, text: &str) -> Result<String> {
        self.send(TEXT, text.as_bytes()).await?;
        let (first, payload) = self.receive().await?;
        assert_eq!(first, TEXT);
        Ok(String::from_utf8(payload)?)
    }

    /// Expects the goodbye of a base, answers it, and expects the end.
    async fn is_told_to_come_again(&mut self) -> Result<()> {
        let told = timeout(Duration::from_secs(20), self.receive()).await??;
        assert_eq!(told, (CLOSE, SERVICE_RESTART.to_vec()));
        self.send(CLOSE, &SERVICE_RESTART).await?;
        assert_eq!(self.0.read(&mut [0]).await?, 0, "the base closes too, in order");
        Ok(())
    }
}

#[test]
fn a_websocket_goes_on_with_the_generation_that_has_it() -> Result<()> {
    run(http().with(echo("old")), |base| async move {
        let mut client = Client::open(&base).await?;
        assert_eq!(client.echoed("one").await?, "old: one");
        base.swap_to(echo("new")).await?;
        assert_eq!(client.echoed("two").await?, "old: two", "the drain waits for it");
        assert_eq!(base.http().get("/name").await?.expect(200)?.text(), "new");
        assert_eq!(Client::open(&base).await?.echoed("three").await?, "new: three");
        client.send(CLOSE, &1000_u16.to_be_bytes()).await?;
        assert_eq!(client.receive().await?.0, CLOSE, "the module's own answer");
        base.settled().await
    })
}

#[test]
fn a_websocket_is_told_to_come_again_at_the_drains_deadline() -> Result<()> {
    run(http().with(echo("old")).settings("[drain]\ndeadline = '20ms'"), |base| async move {
        let (mut idle, mut busy) = (Client::open(&base).await?, Client::open(&base).await?);
        assert_eq!(busy.echoed("one").await?, "old: one");
        base.swap_to(echo("new")).await?;
        busy.is_told_to_come_again().await?;
        idle.is_told_to_come_again().await?;
        base.settled().await?;
        assert_eq!(Client::open(&base).await?.echoed("again").await?, "new: again");
        Ok(())
    })
}

#[test]
fn a_websocket_is_told_to_come_again_when_the_base_ends() -> Result<()> {
    run(http().with(echo("only")).settings("[drain]\ndeadline = '20ms'"), |base| async move {
        let mut client = Client::open(&base).await?;
        assert_eq!(client.echoed("one").await?, "only: one");
        let running = base.running().await?;
        let (ended, told) = tokio::join!(running.shutdown(), client.is_told_to_come_again());
        told?;
        Ok(ended?)
    })
}

/// Keeps its socket, and neither reads nor writes: on a task of tokio's, or on one of the module's own.
struct Holds {
    context: ModuleContext,
    task: Task,
}

#[derive(Clone, Copy)]
enum Task {
    Tokios,
    Own,
}

impl Module for Holds {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let holds = self.clone();
        let handler = move |upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(move |socket| async move {
                let hold = async move {
                    let _socket = socket;
                    pending::<()>().await;
                };
                match holds.task {
                    Task::Tokios => hold.await,
                    Task::Own => drop(holds.context.spawn("holds a socket", hold)),
                }
            })
        };
        to.routes(Router::new().route("/echo", get(handler)));
    }
}

#[test]
fn a_module_that_only_holds_its_websocket_is_no_obstacle() -> Result<()> {
    for task in [Task::Tokios, Task::Own] {
        let holds = ModuleSpec::plain("echo", move |fields| Ok(Holds { context: fields.context().clone(), task }))?;
        let settings = "[drain]\ndeadline = '20ms'\n[lifecycle]\nstop_deadline = '1s'";
        run(http().with(holds).settings(settings), |base| async move {
            let mut client = Client::open(&base).await?;
            base.swap_to(echo("new")).await?;
            client.is_told_to_come_again().await
        })?;
    }
    Ok(())
}
