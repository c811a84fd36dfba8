//! Bodies that come in pieces, and connections that become something else.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request as AxumRequest;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use bedplate::testing::{TestBase, run};
use bedplate::{Exports, Module, ModuleContext, ModuleName, ModuleSpec, Result, SceneName};
use bedplate_starter_http::{Http, HttpTest, Routes, RoutesExt};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, watch};

use crate::support::{Connection, http, module};

async fn open_streams(base: &TestBase, name: &str) -> Result<u64> {
    let now = base.running().await?.pin();
    let instance = now.instance(&ModuleName::new(name)?, &SceneName::main()).unwrap();
    Ok(instance.stats().snapshot().streams)
}

fn ticker(ticks: broadcast::Sender<&'static str>) -> Router {
    let handler = move || {
        let ticks = ticks.subscribe();
        async move {
            let pieces = stream::unfold(ticks, |mut ticks| async move {
                let piece = ticks.recv().await.ok()?;
                Some((Ok::<_, std::convert::Infallible>(Bytes::from(piece)), ticks))
            });
            Body::from_stream(pieces)
        }
    };
    Router::new().route("/ticks", get(handler))
}

#[test]
fn a_stream_outlives_the_swap_and_holds_its_instance() -> Result<()> {
    let (ticks, _) = broadcast::channel(8);
    let sender = ticks.clone();
    run(http().with(module("ticker", move || ticker(ticks.clone()))), |base| async move {
        let mut connection = Connection::open(&base).await?;
        let request = Request::get("/ticks").header("host", "x").body(Body::empty())?;
        let mut body = connection.send(request).await?.await?.into_body();
        sender.send("one")?;
        assert_eq!(body.frame().await.unwrap()?.into_data().unwrap(), "one");
        assert_eq!(open_streams(&base, "ticker").await?, 1);

        let other = broadcast::channel(8).0;
        base.swap_to(module("ticker", move || ticker(other.clone()))).await?;
        sender.send("two")?;
        assert_eq!(body.frame().await.unwrap()?.into_data().unwrap(), "two");

        // With its last sender the stream ends, and with the stream the old generation.
        drop(body);
        drop(connection);
        base.settled().await?;
        assert_eq!(open_streams(&base, "ticker").await?, 0);
        Ok(())
    })
}

#[test]
fn a_stream_is_ended_at_the_drains_deadline() -> Result<()> {
    let (ticks, _) = broadcast::channel(8);
    let sender = ticks.clone();
    let builder = http().with(module("ticker", move || ticker(ticks.clone()))).settings("[drain]\ndeadline = '20ms'");
    run(builder, |base| async move {
        let mut connection = Connection::open(&base).await?;
        let request = Request::get("/ticks").header("host", "x").body(Body::empty())?;
        let mut body = connection.send(request).await?.await?.into_body();
        sender.send("one")?;
        assert_eq!(body.frame().await.unwrap()?.into_data().unwrap(), "one");
        base.swap_to(module("ticker", Router::new)).await?;
        base.settled().await?;
        assert!(body.frame().await.unwrap().is_err(), "a cancelled stream breaks off, and does not end as if complete");
        Ok(())
    })
}

#[test]
fn a_panic_in_a_stream_ends_the_stream_alone() -> Result<()> {
    let router = || {
        let breaks = || async {
            let pieces = stream::iter(["one", "two"]).map(|piece| match piece {
                "two" => panic!("in the stream"),
                piece => Ok::<_, std::convert::Infallible>(piece),
            });
            Body::from_stream(pieces)
        };
        Router::new().route("/breaks", get(breaks)).route("/well", get(|| async { "well" }))
    };
    run(http().with(module("breaks", router)), |base| async move {
        let error = base.http().get("/breaks").await.unwrap_err();
        assert!(format!("{error:#}").contains("panicked"), "{error:#}");
        assert_eq!(base.http().get("/well").await?.expect(200)?.text(), "well");
        assert_eq!(open_streams(&base, "breaks").await?, 0);
        Ok(())
    })
}

#[test]
fn a_complete_body_is_no_stream() -> Result<()> {
    run(http().with(module("whole", || Router::new().route("/", get(|| async { "whole" })))), |base| async move {
        let http = base.starter::<Http>().await?;
        let Ok(response) = http.service().unwrap().handle(Request::get("/").body(Body::empty())?).await;
        assert_eq!(open_streams(&base, "whole").await?, 0, "the body is at hand: nothing of the module is needed");
        assert_eq!(response.into_body().collect().await?.to_bytes(), "whole");
        Ok(())
    })
}

/// Takes the connection over, and says `echo: ` and what it reads, until it is told to end.
fn echo(ended: watch::Sender<bool>) -> Router {
    let handler = move |mut request: AxumRequest| {
        let mut ended = ended.subscribe();
        async move {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.unwrap());
                let mut line = [0; 4];
                while io.read_exact(&mut line).await.is_ok() {
                    io.write_all(b"echo: ").await.unwrap();
                    io.write_all(&line).await.unwrap();
                    io.flush().await.unwrap();
                }
                let _ = ended.wait_for(|ended| *ended).await;
            });
            let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            response.header(header::UPGRADE, "echo").header(header::CONNECTION, "upgrade").body(Body::empty()).unwrap()
        }
    };
    Router::new().route("/echo", get(handler))
}

/// A connection that `echo` has taken over.
async fn upgraded(base: &TestBase) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(base.starter::<Http>().await?.local_address()).await?;
    socket.write_all(b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    Ok(socket)
}

async fn ping(socket: &mut TcpStream) -> std::io::Result<[u8; 10]> {
    socket.write_all(b"ping").await?;
    let mut answer = [0; 10];
    socket.read_exact(&mut answer).await?;
    Ok(answer)
}

#[test]
fn an_upgraded_connection_goes_on_and_holds_its_instance() -> Result<()> {
    let ended = watch::Sender::new(false);
    let end = ended.clone();
    run(http().with(module("echo", move || echo(ended.clone()))), |base| async move {
        let mut socket = upgraded(&base).await?;
        base.swap_to(module("echo", Router::new)).await?;
        assert_eq!(&ping(&mut socket).await?, b"echo: ping");
        let settled = tokio::time::timeout(Duration::from_millis(20), base.settled()).await;
        assert!(settled.is_err(), "the drain waits for the connection");

        drop(socket);
        end.send_replace(true);
        base.settled().await?;
        assert_eq!(open_streams(&base, "echo").await?, 0);
        Ok(())
    })
}

#[test]
fn an_upgraded_connection_is_ended_at_the_drains_deadline() -> Result<()> {
    let ended = watch::Sender::new(true);
    let builder = http().with(module("echo", move || echo(ended.clone()))).settings("[drain]\ndeadline = '20ms'");
    run(builder, |base| async move {
        let (mut idle, mut busy) = (upgraded(&base).await?, upgraded(&base).await?);
        assert_eq!(&ping(&mut busy).await?, b"echo: ping");
        base.swap_to(module("echo", Router::new)).await?;
        base.settled().await?;
        assert_eq!(open_streams(&base, "echo").await?, 0);
        assert!(ping(&mut busy).await.is_err(), "nothing of a stopped module answers");
        assert!(ping(&mut idle).await.is_err(), "nothing of a stopped module answers");
        Ok(())
    })
}

/// Its stream says one thing, and ends when the module is asked to.
struct Feed {
    context: ModuleContext,
}

impl Module for Feed {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let feed = self.clone();
        let events = move || async move {
            let last = stream::once(async move {
                feed.context.draining().await;
                "data: bye\n\n"
            });
            let pieces = stream::iter(["data: hello\n\n"]).chain(last).map(Ok::<_, std::convert::Infallible>);
            ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pieces))
        };
        to.routes(Routes::new(Router::new().route("/events", get(events))));
    }
}

#[test]
fn a_stream_that_ends_when_it_is_asked_to_lets_the_base_end_in_order() -> Result<()> {
    let feed = ModuleSpec::plain("feed", |fields| Ok(Feed { context: fields.context().clone() }))?;
    // Were it not asked before the starters drain, the drain would fail at its deadline.
    let builder = http().with(feed).settings("[drain]\ndeadline = '20s'");
    run(builder, |base| async move {
        let mut connection = Connection::open(&base).await?;
        let request = Request::get("/events").header("host", "x").body(Body::empty())?;
        let mut body = connection.send(request).await?.await?.into_body();
        assert_eq!(body.frame().await.unwrap()?.into_data().unwrap(), "data: hello\n\n");
        let running = base.running().await?;
        let (ended, rest) = tokio::join!(running.shutdown(), body.collect());
        ended?;
        assert_eq!(rest?.to_bytes(), "data: bye\n\n", "the stream came to its own end");
        Ok(())
    })
}
