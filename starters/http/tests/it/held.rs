//! Requests that come while their module is being replaced by one that cannot start beside it: they wait at its
//! gate, and are answered whatever becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, Path};
use axum::http::{Request, StatusCode, header};
use axum::routing::{get, post};
use bedplate::compose::CompositionError;
use bedplate::testing::{TestBase, run};
use bedplate::{Base, Change, Deployed, Exports, Module, ModuleContext, ModuleSpec, Result};
use bedplate_starter_http::{HttpTest, Routes, RoutesExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{Connection, http, module, whole};

/// What becomes of the starts of an exclusive module's generations.
#[derive(Clone, Default)]
struct Starts {
    begun: Arc<Notify>,
    go: Arc<Notify>,
    fails: Arc<AtomicBool>,
}

/// A module that takes its time to start, from its second generation on.
struct Slow {
    context: ModuleContext,
    starts: Starts,
    is_next: bool,
}

impl Module for Slow {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        if self.is_next {
            self.starts.begun.notify_one();
            self.starts.go.notified().await;
            anyhow::ensure!(!self.starts.fails.load(Ordering::SeqCst), "it does not start");
        }
        Ok(())
    }

    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let generation = self.context.id().generation;
        let echo = move |Path((shelf, book)): Path<(String, String)>, OriginalUri(uri): OriginalUri, body: Bytes| async move {
            format!("{generation} {shelf} {book} {uri} {}", String::from_utf8_lossy(&body))
        };
        let inner = Router::new().route("/books/{book}", post(echo));
        let routes = Router::new()
            .nest("/shelves/{shelf}", inner)
            .route("/", get(move || async move { generation.to_string() }));
        to.routes(Routes::new(routes).prefix("/slow"));
    }
}

impl Starts {
    fn spec(&self, is_next: bool) -> ModuleSpec {
        let starts = self.clone();
        let make = move |fields: &bedplate::Fields<'_>| {
            Ok(Slow { context: fields.context().clone(), starts: starts.clone(), is_next })
        };
        ModuleSpec::plain("slow", make).unwrap().exclusive()
    }

    /// Replaces the module, and returns when what comes waits.
    async fn deploy(&self, base: &Base) -> JoinHandle<Result<Deployed, CompositionError>> {
        let (base, change) = (base.clone(), Change::new().put(self.spec(true)));
        let deploying = tokio::spawn(async move { base.deploy(change).await });
        self.begun.notified().await;
        deploying
    }
}

fn ask(path: &str, body: &str) -> Request<Body> {
    Request::post(path).header("host", "localhost").body(Body::from(body.to_owned())).unwrap()
}

/// Sends a request on a connection of its own, and returns when it waits at the gate.
async fn sent(
    base: &TestBase,
    running: &Base,
    request: Request<Body>,
    waiting: usize,
) -> Result<JoinHandle<Result<String>>> {
    let mut connection = Connection::open(base).await?;
    let answer = connection.send(request).await?;
    let answer = tokio::spawn(async move {
        let (head, body) = whole(answer.await?).await?;
        drop(connection);
        Ok(format!("{} {}", head.status().as_u16(), String::from_utf8_lossy(&body)))
    });
    while running.in_flight().iter().filter(|entry| entry.waiting).count() < waiting {
        tokio::task::yield_now().await;
    }
    Ok(answer)
}

#[test]
fn a_request_waits_and_is_answered_by_the_new_code() -> Result<()> {
    let starts = Starts::default();
    run(http().with(starts.spec(false)), |base| async move {
        let running = base.running().await?;
        assert_eq!(base.http().get("/slow").await?.expect(200)?.text(), "1");
        let deploying = starts.deploy(&running).await;
        let waits = sent(&base, &running, ask("/slow/shelves/a/books/b?c=d", "whole"), 1).await?;
        let entry = running.in_flight().into_iter().find(|entry| entry.waiting).unwrap();
        assert_eq!(entry.label, "POST /slow/shelves/{shelf}/books/{book}");
        starts.go.notify_one();
        deploying.await??;
        assert_eq!(waits.await??, "200 2 a b /slow/shelves/a/books/b?c=d whole");
        Ok(())
    })
}

#[test]
fn a_request_that_waited_in_vain_is_routed_anew() -> Result<()> {
    for layered in [false, true] {
        let starts = Starts::default();
        let http = http().set(format!("starters.http.compression={layered}"));
        run(http.with(starts.spec(false)), |base| async move {
            let running = base.running().await?;
            starts.fails.store(true, Ordering::SeqCst);
            let deploying = starts.deploy(&running).await;
            let waits = sent(&base, &running, ask("/slow/shelves/a/books/b?c=d", "whole"), 1).await?;
            let other =
                sent(&base, &running, Request::get("/slow").header("host", "x").body(Body::empty())?, 2).await?;
            starts.go.notify_one();
            assert!(deploying.await?.is_err());
            // Parameters, address and body are those of the request, once.
            assert_eq!(waits.await??, "200 3 a b /slow/shelves/a/books/b?c=d whole");
            assert_eq!(other.await??, "200 3");
            assert_eq!(base.http().get("/slow").await?.expect(200)?.text(), "3");
            Ok::<_, bedplate::Error>(())
        })?;
    }
    Ok(())
}

#[test]
fn a_request_waits_no_longer_than_it_may() -> Result<()> {
    let starts = Starts::default();
    run(http().paused_time().set("deploy.hold=5s").with(starts.spec(false)), |base| async move {
        let running = base.running().await?;
        let deploying = starts.deploy(&running).await;
        let service = running.starter::<bedplate_starter_http::Http>().unwrap().service().unwrap();
        let answer = tokio::spawn(service.handle(Request::get("/slow").body(Body::empty())?));
        while running.in_flight().iter().all(|entry| !entry.waiting) {
            tokio::task::yield_now().await;
        }
        base.advance(Duration::from_millis(5100)).await;
        let answer = answer.await??;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
        starts.go.notify_one();
        deploying.await??;
        Ok(())
    })
}

#[test]
fn other_modules_are_not_held() -> Result<()> {
    let starts = Starts::default();
    let other = module("other", || Router::new().route("/other", get(|| async { "at once" })));
    run(http().with(starts.spec(false)).with(other), |base| async move {
        let running = base.running().await?;
        let deploying = starts.deploy(&running).await;
        assert_eq!(base.http().get("/other").await?.expect(200)?.text(), "at once");
        starts.go.notify_one();
        deploying.await??;
        Ok(())
    })
}
