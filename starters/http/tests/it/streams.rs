//! Bodies that come in pieces, and connections that become something else.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request as AxumRequest;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use bedplate::testing::{TestBase, run};
use bedplate::{ModuleName, Result, SceneName};
use bedplate_starter_http::HttpTest;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
        let http = base.starter::<bedplate_starter_http::Http>().await?;
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

#[test]
fn an_upgraded_connection_goes_on_and_holds_its_instance() -> Result<()> {
    let ended = watch::Sender::new(false);
    let end = ended.clone();
    run(http().with(module("echo", move || echo(ended.clone()))), |base| async move {
        let address = base.starter::<bedplate_starter_http::Http>().await?.local_address();
        let mut socket = tokio::net::TcpStream::connect(address).await?;
        socket.write_all(b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await?);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));

        base.swap_to(module("echo", Router::new)).await?;
        socket.write_all(b"ping").await?;
        let mut answer = [0; 10];
        socket.read_exact(&mut answer).await?;
        assert_eq!(&answer, b"echo: ping");
        let settled = tokio::time::timeout(Duration::from_millis(20), base.settled()).await;
        assert!(settled.is_err(), "the drain waits for the connection");

        drop(socket);
        end.send_replace(true);
        base.settled().await?;
        assert_eq!(open_streams(&base, "echo").await?, 0);
        Ok(())
    })
}
