//! One request, one composition: across deployments, on one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use bedplate::testing::run;
use bedplate::{Change, ModuleName, ModuleSpec, Result};
use bedplate_starter_http::HttpTest;
use tokio::sync::{Notify, Semaphore};

use crate::support::{Connection, exporting, http, module, whole};

/// A module that says its generation's name: at once, and when it is let go.
fn generation(name: &'static str, entered: &Arc<Notify>, go: &Arc<Semaphore>) -> ModuleSpec {
    let (entered, go) = (entered.clone(), go.clone());
    module("app", move || {
        let (entered, go) = (entered.clone(), go.clone());
        let slow = move || async move {
            entered.notify_one();
            let _let_go = go.acquire().await;
            name
        };
        Router::new().route("/now", get(move || async move { name })).route("/slow", get(slow))
    })
}

#[test]
fn a_request_ends_where_it_began_and_its_connection_goes_on() -> Result<()> {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let old = generation("old", &entered, &go);
    run(http().with(old), |base| async move {
        let mut kept = Connection::open(&base).await?;
        assert_eq!(kept.get("/now").await?.1, "old");
        let slow = kept.send(Request::get("/slow").header("host", "x").body(Body::empty())?).await?;
        let slow = tokio::spawn(slow);
        entered.notified().await;

        base.swap_to(generation("new", &entered, &go)).await?;
        let mut other = Connection::open(&base).await?;
        assert_eq!(other.get("/now").await?.1, "new");
        assert!(!slow.is_finished());
        go.add_permits(1);
        assert_eq!(whole(slow.await??).await?.1, "old");
        assert_eq!(kept.get("/now").await?.1, "new", "the same connection, the next request");
        base.settled().await
    })
}

#[test]
fn unchanged_modules_are_not_prepared_anew() -> Result<()> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = asked.clone();
    let layered = exporting("steady", move || {
        let counting = counting.clone();
        // axum applies a layer to a route once: when it is added, or when the route is built.
        let count = tower_layer::layer_fn(move |route: axum::routing::Route| {
            counting.fetch_add(1, Ordering::Relaxed);
            route
        });
        vec![Router::new().route("/steady", get(|| async { "steady" })).layer(count).into()]
    });
    run(http().with(layered).with(module("app", Router::new)), |base| async move {
        base.http().get("/steady").await?.expect(200)?;
        let before = asked.load(Ordering::Relaxed);
        assert!(before > 0);
        for _ in 0..3 {
            base.swap_to(module("app", || Router::new().route("/app", get(|| async { "app" })))).await?;
        }
        base.http().get("/steady").await?.expect(200)?;
        assert_eq!(asked.load(Ordering::Relaxed), before);
        Ok(())
    })
}

#[test]
fn no_request_fails_while_modules_are_swapped() -> Result<()> {
    let app = |name: &'static str| module("app", move || Router::new().route("/", get(move || async move { name })));
    run(http().with(app("0")), |base| async move {
        let mut clients = Vec::new();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        for _ in 0..4 {
            let mut connection = Connection::open(&base).await?;
            let stopped = stopped.clone();
            clients.push(tokio::spawn(async move {
                let mut answered = 0_usize;
                while !*stopped.borrow() {
                    let (head, body) = connection.get("/").await?;
                    assert_eq!((head.status().as_u16(), body.len()), (200, 1));
                    answered += 1;
                }
                Ok::<_, anyhow::Error>(answered)
            }));
        }
        for name in ["1", "2", "3", "4", "5", "6", "7", "8"].repeat(5) {
            base.swap_to(app(name)).await?;
        }
        stop.send(true)?;
        for client in clients {
            assert!(client.await?? > 0);
        }
        base.settled().await
    })
}

#[test]
fn a_module_that_leaves_takes_its_routes_along() -> Result<()> {
    run(http().with(module("app", || Router::new().route("/", get(|| async { "here" })))), |base| async move {
        base.http().get("/").await?.expect(200)?;
        let change = Change::new().remove(ModuleName::new("app")?);
        base.running().await?.deploy(change).await?;
        base.http().get("/").await?.expect(404)?;
        Ok(())
    })
}

#[test]
fn a_request_is_in_the_list_of_what_is_inside() -> Result<()> {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    run(http().with(generation("one", &entered, &go)), |base| async move {
        let request = tokio::spawn(base.http().get("/slow").into_future());
        entered.notified().await;
        let inside = base.running().await?.in_flight();
        assert_eq!(inside.len(), 1);
        assert_eq!(inside[0].label, "GET /slow");
        go.add_permits(1);
        request.await??.expect(200)?;
        assert!(base.running().await?.in_flight().is_empty());
        Ok(())
    })
}
