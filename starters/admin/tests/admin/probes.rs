//! Health, readiness and what runs, over TCP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::testing::{TestBase, TestBaseBuilder, run};
use bedplate::{Composition, Module, ModuleSpec, Result, Starter, StarterContext};
use bedplate_starter_admin::Admin;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::support::{Shows, quiet};

/// Asks the admin interface while the base starts.
#[bedplate::starter(name = "observer", after(Admin))]
struct Observer {
    seen: [(u16, String); 2],
}

impl Starter for Observer {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let address = ctx.starter::<Admin>().unwrap().local_address();
        Ok(Self { seen: [get(address, "/healthz").await?, get(address, "/readyz").await?] })
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}

fn admin() -> TestBaseBuilder {
    TestBase::builder().starter::<Admin>().starter::<Shows>()
}

/// Status and body of one request, on a connection of its own.
async fn ask(address: SocketAddr, head: &str) -> Result<(u16, String)> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Ok((head.split(' ').nth(1).unwrap().parse()?, body.to_owned()))
}

async fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}")).await
}

async fn get_json(address: SocketAddr, path: &str) -> Result<(u16, Value)> {
    let (status, body) = get(address, path).await?;
    Ok((status, serde_json::from_str(&body)?))
}

async fn address(base: &TestBase) -> Result<SocketAddr> {
    Ok(base.starter::<Admin>().await?.local_address())
}

#[test]
fn health_and_readiness_of_base_and_modules() -> Result<()> {
    run(admin().with(quiet()), |base| async move {
        let admin = address(&base).await?;
        let (status, health) = get_json(admin, "/healthz").await?;
        assert_eq!((status, &health["version"], &health["status"]), (200, &json!(1), &json!("ok")));
        let (status, ready) = get_json(admin, "/readyz").await?;
        assert_eq!((status, &ready["ready"], &ready["phase"]), (200, &json!(true), &json!("serving")));
        for path in ["/healthz/quiet", "/readyz/quiet"] {
            assert_eq!(get_json(admin, path).await?.0, 200, "{path}");
        }
        let (status, missing) = get_json(admin, "/readyz/loud").await?;
        assert_eq!(status, 404);
        assert!(missing["error"]["modules"].as_array().unwrap().contains(&json!("quiet")), "{missing}");
        Ok(())
    })
}

#[test]
fn a_module_that_is_not_ready_says_why() -> Result<()> {
    struct Waits(Arc<AtomicBool>);
    impl Module for Waits {
        async fn ready(&self) -> Result<()> {
            anyhow::ensure!(self.0.load(Ordering::Relaxed), "the cache is cold");
            Ok(())
        }
    }
    let warm = Arc::new(AtomicBool::new(true));
    let state = warm.clone();
    let waits = ModuleSpec::plain("waits", move |_| Ok(Waits(state.clone()))).unwrap();
    run(admin().with(waits), |base| async move {
        let admin = address(&base).await?;
        assert_eq!(get(admin, "/readyz").await?.0, 200);
        warm.store(false, Ordering::Relaxed);
        for path in ["/readyz", "/readyz/waits"] {
            let (status, body) = get(admin, path).await?;
            assert_eq!(status, 503, "{path}");
            assert!(body.contains("the cache is cold"), "{body}");
        }
        assert_eq!(get(admin, "/healthz/waits").await?.0, 200);
        Ok(())
    })
}

#[test]
fn what_runs_and_what_was() -> Result<()> {
    run(admin().with(quiet()), |base| async move {
        let admin = address(&base).await?;
        let (_, modules) = get_json(admin, "/modules").await?;
        let quiet = modules["modules"].as_array().unwrap().iter().find(|info| info["instance"]["module"] == "quiet");
        assert_eq!(quiet.unwrap()["state"], "active");
        let (_, history) = get_json(admin, "/history").await?;
        let events = history["events"].as_array().unwrap();
        assert!(
            events.iter().any(|event| event["instance"]["module"] == "quiet" && event["to"] == "active"),
            "{history}"
        );
        assert_eq!(get_json(admin, "/inflight").await?.1["entries"], json!([]));
        assert_eq!(get_json(admin, "/restarts").await?.1["restarts"], json!([]));
        Ok(())
    })
}

#[test]
fn what_starters_show_is_served_by_its_name() -> Result<()> {
    run(admin(), |base| async move {
        let admin = address(&base).await?;
        let (status, routes) = get_json(admin, "/routes").await?;
        assert_eq!((status, &routes["version"], &routes["routes"][0]["path"]), (200, &json!(1), &json!("/a")));
        assert_eq!(get(admin, "/metrics").await?, (200, "up 1\n".to_owned()));
        let (status, unknown) = get_json(admin, "/nothing").await?;
        assert_eq!(status, 404);
        let paths = unknown["error"]["paths"].as_array().unwrap();
        for path in ["/healthz", "/metrics", "/routes"] {
            assert!(paths.contains(&json!(path)), "{path} is not in {unknown}");
        }
        assert_eq!(get(admin, "/a/b/c").await?.0, 404);
        assert_eq!(ask(admin, "POST /modules HTTP/1.1\r\nhost: localhost").await?.0, 405);
        Ok(())
    })
}

#[test]
fn a_page_under_a_name_of_its_own_reads_nothing() -> Result<()> {
    run(admin(), |base| async move {
        let admin = address(&base).await?;
        let (status, body) = ask(admin, "GET /modules HTTP/1.1\r\nhost: evil.example").await?;
        assert_eq!(status, 403);
        assert!(body.contains("foreign_host"), "{body}");
        assert_eq!(ask(admin, "GET /modules HTTP/1.1\r\nhost: localhost:1").await?.0, 200);
        Ok(())
    })
}

#[test]
fn it_answers_while_the_base_starts() -> Result<()> {
    run(admin().starter::<Observer>(), |base| async move {
        let observer = base.starter::<Observer>().await?;
        let [health, ready] = &observer.seen;
        assert_eq!(health.0, 200);
        assert_eq!(ready.0, 503);
        assert!(ready.1.contains("starting"), "{}", ready.1);
        Ok(())
    })
}

#[test]
fn it_answers_while_the_base_drains_and_ends_with_it() -> Result<()> {
    struct Lingers(Arc<Semaphore>);
    impl Module for Lingers {
        async fn stop(&self) -> Result<()> {
            let _ = self.0.acquire().await;
            Ok(())
        }
    }
    let go = Arc::new(Semaphore::new(0));
    let waiting = go.clone();
    let lingers = ModuleSpec::plain("lingers", move |_| Ok(Lingers(waiting.clone()))).unwrap();
    run(admin().with(lingers), |base| async move {
        let admin = address(&base).await?;
        let running = base.running().await?;
        let mut phases = running.phases();
        let ending = tokio::spawn(async move { running.shutdown().await });
        phases.wait_for(|phase| *phase == bedplate::base::Phase::Draining).await?;
        let (status, ready) = get_json(admin, "/readyz").await?;
        assert_eq!((status, &ready["phase"]), (503, &json!("draining")));
        assert_eq!(get(admin, "/healthz").await?.0, 200);
        go.add_permits(1);
        ending.await??;
        assert!(TcpStream::connect(admin).await.is_err(), "nobody listens any more");
        Ok(())
    })
}

#[tokio::test]
async fn a_busy_port_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let toml = format!("[starters.admin]\naddress = '{}'\n", taken.local_addr().unwrap());
    let settings = Sources::new().text("bedplate.toml", toml).load().unwrap();
    let error = Assembly::new(settings, ".").starter::<Admin>().start().await.unwrap_err();
    assert!(error.has("address-in-use"), "{error}");
    assert!(error.to_string().contains("starters.admin.address"), "{error}");
}
