//! The socket: busy ports, kept connections, the orderly end, HTTP/2, two bases at once.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Version};
use axum::routing::get;
use bedplate::Result;
use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::testing::run;
use bedplate_starter_http::{Http, HttpTest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

use crate::support::{Connection, http, module, whole};

fn says(text: &'static str) -> impl Fn() -> Router + Send + Sync + 'static {
    move || Router::new().route("/", get(move || async move { text }))
}

#[tokio::test]
async fn a_busy_port_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let toml = format!("[starters.http]\naddress = '{address}'\n");
    let settings = Sources::new().text("bedplate.toml", toml).load().unwrap();
    let error = Assembly::new(settings, ".").starter::<Http>().start().await.unwrap_err();
    assert!(error.has("address-in-use"), "{error}");
    let text = error.to_string();
    for part in [&*address.to_string(), "starters.http.address", "bedplate.toml:2", "port 0"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn two_bases_serve_in_one_process() -> Result<()> {
    run(http().with(module("app", says("one"))), |one| async move {
        let other = tokio::task::spawn_blocking(|| {
            run(http().with(module("app", says("two"))), |two| async move {
                let mut connection = Connection::open(&two).await?;
                Ok::<_, anyhow::Error>(connection.get("/").await?.1)
            })
        });
        let mut connection = Connection::open(&one).await?;
        assert_eq!(connection.get("/").await?.1, "one");
        assert_eq!(other.await??, "two");
        assert_eq!(connection.get("/").await?.1, "one");
        Ok(())
    })
}

#[test]
fn the_end_of_a_base_lets_requests_end_and_closes_connections() -> Result<()> {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let router = {
        let (entered, go) = (entered.clone(), go.clone());
        move || {
            let (entered, go) = (entered.clone(), go.clone());
            let slow = move || async move {
                entered.notify_one();
                let _let_go = go.acquire().await;
                "finished"
            };
            Router::new().route("/slow", get(slow)).route("/", get(|| async { "quick" }))
        }
    };
    run(http().with(module("app", router)), |base| async move {
        let running = base.running().await?;
        let address = base.starter::<Http>().await?.local_address();
        let mut idle = Connection::open(&base).await?;
        assert_eq!(idle.get("/").await?.1, "quick");
        let mut busy = Connection::open(&base).await?;
        let slow = tokio::spawn(busy.send(Request::get("/slow").header("host", "x").body(Body::empty())?).await?);
        entered.notified().await;

        let ending = tokio::spawn({
            let running = running.clone();
            async move { running.shutdown().await }
        });
        // The idle connection is closed by the base; the one at work is not.
        idle.driver.await??;
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
        assert!(!ending.is_finished());
        assert!(!slow.is_finished());

        go.add_permits(1);
        let (head, body) = whole(slow.await??).await?;
        assert_eq!((head.status().as_u16(), &body[..]), (200, &b"finished"[..]));
        assert_eq!(head.headers()["connection"], "close");
        ending.await??;
        Ok(())
    })
}

#[test]
fn a_request_on_a_kept_connection_is_answered_while_the_base_ends() -> Result<()> {
    let builder = http().with(module("app", says("quick"))).settings("[starters.http]\nlinger = '20s'");
    run(builder, |base| async move {
        let running = base.running().await?;
        let mut kept = Connection::open(&base).await?;
        kept.get("/").await?;
        let ending = tokio::spawn(async move { running.shutdown().await });
        let answer = loop {
            // Until the end has begun, responses do not ask to close.
            let answer = kept.get("/").await?;
            if answer.0.headers().contains_key("connection") {
                break answer;
            }
        };
        assert_eq!(answer.0.headers()["connection"], "close");
        assert_eq!(answer.1, "quick");
        kept.driver.await??;
        ending.await??;
        Ok(())
    })
}

#[test]
fn a_client_that_never_sends_its_head_is_dropped() -> Result<()> {
    let builder = http().with(module("app", says("quick"))).settings("[starters.http]\nidle_timeout = '20ms'");
    run(builder, |base| async move {
        let address = base.starter::<Http>().await?.local_address();
        let mut slow = TcpStream::connect(address).await?;
        slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await?;
        let mut rest = Vec::new();
        slow.read_to_end(&mut rest).await?;
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&rest));
        Ok(())
    })
}

#[test]
fn http2_is_spoken_on_the_same_port() -> Result<()> {
    run(http().with(module("app", says("two"))), |base| async move {
        let stream = TcpStream::connect(base.starter::<Http>().await?.local_address()).await?;
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        for _ in 0..3 {
            let request = Request::get("http://localhost/").body(Body::empty())?;
            let response = sender.send_request(request).await?;
            assert_eq!(response.version(), Version::HTTP_2);
            assert_eq!(whole(response).await?.1, "two");
        }
        base.running().await?.shutdown().await?;
        driver.await??;
        Ok(())
    })
}

#[test]
fn handlers_see_the_clients_address_where_that_is_on() -> Result<()> {
    let router = || {
        let peer = |ConnectInfo(peer): ConnectInfo<std::net::SocketAddr>| async move { peer.ip().to_string() };
        Router::new().route("/peer", get(peer))
    };
    let builder = http().with(module("peers", router)).settings("[starters.http]\npeer_address = true");
    run(builder, |base| async move {
        let mut connection = Connection::open(&base).await?;
        assert_eq!(connection.get("/peer").await?.1, "127.0.0.1");
        Ok(())
    })
}

#[test]
fn a_request_body_that_is_refused_does_not_disturb_the_next() -> Result<()> {
    let router = || Router::new().route("/", get(|| async { "well" }).post(|body: String| async move { body }));
    run(http().with(module("app", router)).settings("[starters.http]\nbody_limit = 4"), |base| async move {
        let mut connection = Connection::open(&base).await?;
        let large = Request::post("/").header("host", "x").body(Body::from("too large"))?;
        assert_eq!(connection.send(large).await?.await?.status(), 413);
        assert_eq!(base.http().get("/").await?.expect(200)?.text(), "well");
        Ok(())
    })
}

#[test]
fn under_load_the_end_of_a_base_fails_no_request() -> Result<()> {
    let builder = http().with(module("app", says("quick"))).settings("[starters.http]\nlinger = '20s'");
    run(builder, |base| async move {
        let mut clients = Vec::new();
        for _ in 0..8 {
            let mut connection = Connection::open(&base).await?;
            connection.get("/").await?;
            clients.push(tokio::spawn(async move {
                // Each client goes on until it is told to close; every answer before that is whole.
                loop {
                    let (head, body) = connection.get("/").await?;
                    assert_eq!((head.status().as_u16(), &body[..]), (200, &b"quick"[..]));
                    if head.headers().contains_key("connection") {
                        return Ok::<_, anyhow::Error>(());
                    }
                }
            }));
        }
        base.running().await?.shutdown().await?;
        for client in clients {
            client.await??;
        }
        Ok(())
    })
}
