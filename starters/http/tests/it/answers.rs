//! What a client gets: ids, errors, limits.

use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use bedplate::testing::run;
use bedplate::{CallError, Result};
use bedplate_starter_http::{HttpError, HttpTest, RequestHead, RequestId};
use futures_util::stream;
use serde_json::Value;

use crate::support::{http, module};

fn error_of(text: &str) -> (u64, String) {
    let body: Value = serde_json::from_str(text).unwrap();
    (body["error"]["status"].as_u64().unwrap(), body["error"]["code"].as_str().unwrap().to_owned())
}

#[test]
fn a_plain_router_is_served() -> Result<()> {
    let greeter = || module("greeter", || Router::new().route("/hello/{name}", get(hello)));
    async fn hello(axum::extract::Path(name): axum::extract::Path<String>) -> String {
        format!("hello, {name}")
    }
    run(http().with(greeter()), |base| async move {
        let answer = base.http().get("/hello/ada").await?.expect(200)?;
        assert_eq!(answer.text(), "hello, ada");
        assert_eq!(answer.header("content-length"), Some("10"));
        Ok(())
    })
}

#[test]
fn every_response_has_the_requests_id() -> Result<()> {
    let router = || {
        Router::new()
            .route("/id", get(|id: RequestId| async move { id.to_string() }))
            .route("/fails", get(|| async { HttpError::internal(anyhow::anyhow!("secret")) }))
    };
    run(http().with(module("ids", router)), |base| async move {
        let made = base.http().get("/id").await?;
        assert_eq!(made.header("x-request-id"), Some(made.text().as_str()));
        let given = base.http().get("/id").header("x-request-id", "from-the-client").await?;
        assert_eq!(given.text(), "from-the-client");
        let failed = base.http().get("/fails").header("x-request-id", "42").await?.expect(500)?;
        assert_eq!(failed.json::<Value>()?["error"]["request_id"], "42");
        assert!(!failed.text().contains("secret"));
        Ok(())
    })
}

#[test]
fn what_is_not_there_is_said_in_json() -> Result<()> {
    let router = || Router::new().route("/a", get(|| async { "a" }).put(|| async { "a" }));
    run(http().with(module("a", router)), |base| async move {
        let missing = base.http().get("/b").await?.expect(404)?;
        assert_eq!(error_of(&missing.text()), (404, "not_found".to_owned()));
        assert_eq!(missing.header("content-type"), Some("application/json"));
        let wrong = base.http().post("/a").await?.expect(405)?;
        assert_eq!(error_of(&wrong.text()), (405, "method_not_allowed".to_owned()));
        assert_eq!(wrong.header("allow"), Some("GET,HEAD,PUT"));
        assert_eq!(wrong.header("content-length"), Some(wrong.bytes().len().to_string().as_str()));
        Ok(())
    })
}

#[test]
fn a_modules_own_error_body_stays() -> Result<()> {
    let router = || {
        Router::new()
            .route("/own", get(|| async { (StatusCode::NOT_FOUND, "not here, dear") }))
            .route("/bare", get(|| async { StatusCode::NOT_FOUND }))
    };
    run(http().with(module("own", router)), |base| async move {
        assert_eq!(base.http().get("/own").await?.expect(404)?.text(), "not here, dear");
        assert_eq!(error_of(&base.http().get("/bare").await?.expect(404)?.text()).0, 404);
        Ok(())
    })
}

#[test]
fn a_panic_is_500_without_its_text() -> Result<()> {
    async fn panics() -> &'static str {
        panic!("the key is hunter2")
    }
    let router = || Router::new().route("/panics", get(panics)).route("/well", get(|| async { "well" }));
    run(http().with(module("panics", router)), |base| async move {
        let answer = base.http().get("/panics").await?.expect(500)?;
        assert_eq!(error_of(&answer.text()), (500, "internal".to_owned()));
        assert!(!answer.text().contains("hunter2"));
        assert_eq!(answer.json::<Value>()?["error"]["request_id"], answer.header("x-request-id").unwrap());
        base.http().get("/well").await?.expect(200)?;
        let stats =
            base.running().await?.modules().into_iter().find(|module| module.instance.module.as_str() == "panics");
        assert_eq!(stats.unwrap().stats.panics, 1);
        Ok(())
    })
}

#[test]
fn a_request_is_given_up_at_its_timeout() -> Result<()> {
    let router = || Router::new().route("/slow", get(std::future::pending::<()>));
    let builder = http().with(module("slow", router)).settings("[modules.slow.http]\ntimeout = '5s'").paused_time();
    run(builder, |base| async move {
        let running = base.running().await?;
        let request = tokio::spawn(base.http().get("/slow").into_future());
        while running.in_flight().is_empty() {
            tokio::task::yield_now().await;
        }
        base.advance(Duration::from_secs(4)).await;
        assert!(!request.is_finished());
        base.advance(Duration::from_secs(2)).await;
        let answer = request.await??.expect(504)?;
        assert_eq!(error_of(&answer.text()), (504, "timeout".to_owned()));
        Ok(())
    })
}

#[test]
fn a_body_that_is_too_large_is_refused() -> Result<()> {
    async fn length(request: Request) -> Result<String, StatusCode> {
        let bytes = axum::body::to_bytes(request.into_body(), usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(bytes.len().to_string())
    }
    let router = || Router::new().route("/length", post(length));
    let settings = "[starters.http]\nbody_limit = 10";
    run(http().with(module("limits", router)).settings(settings), |base| async move {
        let pieces = |count: usize| {
            Body::from_stream(stream::iter((0..count).map(|_| Ok::<_, std::convert::Infallible>("12345"))))
        };
        assert_eq!(base.http().post("/length").body("1234567890").await?.expect(200)?.text(), "10");
        assert_eq!(base.http().post("/length").body(pieces(2)).await?.expect(200)?.text(), "10");
        for body in [Body::from("12345678901"), pieces(3)] {
            let answer = base.http().post("/length").body(body).await?.expect(413)?;
            assert_eq!(error_of(&answer.text()), (413, "payload_too_large".to_owned()));
        }
        Ok(())
    })
}

#[test]
fn a_module_may_take_more_than_axum_does_by_default() -> Result<()> {
    let router =
        || Router::new().route("/length", post(|body: axum::body::Bytes| async move { body.len().to_string() }));
    let settings = "[modules.uploads.http]\nbody_limit = '4MB'";
    run(http().with(module("uploads", router)).settings(settings), |base| async move {
        let answer = base.http().post("/length").body(vec![0; 3_000_000]).await?.expect(200)?;
        assert_eq!(answer.text(), "3000000");
        base.http().post("/length").body(vec![0; 5_000_000]).await?.expect(413)?;
        Ok(())
    })
}

#[test]
fn a_refused_call_says_when_to_try_again() -> Result<()> {
    async fn calls() -> Result<Json<u64>, HttpError> {
        Err(CallError::Overloaded { target: "billing::charge".to_owned() })?
    }
    run(http().with(module("calls", || Router::new().route("/calls", get(calls)))), |base| async move {
        let answer = base.http().get("/calls").await?.expect(503)?;
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.text().contains("billing"));
        Ok(())
    })
}

#[test]
fn a_head_request_has_no_body() -> Result<()> {
    let router = || Router::new().route("/a", get(|| async { "four" }));
    run(http().with(module("a", router)), |base| async move {
        let answer = base.http().request(Method::HEAD, "/a").await?.expect(200)?;
        assert_eq!(answer.header("content-length"), Some("4"));
        assert!(answer.bytes().is_empty());
        assert!(base.http().request(Method::HEAD, "/b").await?.expect(404)?.bytes().is_empty());
        Ok(())
    })
}

#[test]
fn pages_of_named_origins_may_call() -> Result<()> {
    let settings = "[starters.http.cors]\norigins = ['https://example.com']";
    let router = || Router::new().route("/a", get(|| async { "a" }));
    run(http().with(module("a", router)).settings(settings), |base| async move {
        let preflight = |origin: &str| {
            let request = base.http().request(Method::OPTIONS, "/a").header("origin", origin);
            request.header("access-control-request-method", "GET")
        };
        let allowed = preflight("https://example.com").await?.expect(200)?;
        assert_eq!(allowed.header("access-control-allow-origin"), Some("https://example.com"));
        assert!(allowed.header("x-request-id").is_some());
        let other = preflight("https://example.org").await?;
        assert_eq!(other.header("access-control-allow-origin"), None);
        let answer = base.http().get("/a").header("origin", "https://example.com").await?.expect(200)?;
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://example.com"));
        Ok(())
    })
}

#[test]
fn responses_are_compressed_where_that_is_on() -> Result<()> {
    let router = || Router::new().route("/long", get(|| async { "long ".repeat(1000) }));
    run(http().with(module("long", router)).settings("[starters.http]\ncompression = true"), |base| async move {
        let plain = base.http().get("/long").await?.expect(200)?;
        assert_eq!(plain.bytes().len(), 5000);
        let small = base.http().get("/long").header("accept-encoding", "gzip").await?.expect(200)?;
        assert_eq!(small.header("content-encoding"), Some("gzip"));
        assert!(small.bytes().len() < 500);
        Ok(())
    })
}

#[test]
fn wrong_settings_are_named() {
    for (settings, said) in [
        ("[starters.http]\nprefix = 'api'", "begins with `/`"),
        ("[starters.http.cors]\norigins = ['*']\ncredentials = true", "do not go together"),
        ("[starters.http.cors]\norigins = [\"a\\u0007\"]", "no origin"),
        ("[starters.http]\nadress = '127.0.0.1:1'", "address"),
    ] {
        let error = run(http().settings(settings), |base| async move { base.check().await.unwrap_err() });
        assert!(error.to_string().contains(said), "{error}");
    }
}

mod around {
    use std::sync::{Arc, Mutex};

    use bedplate::{Around, CallError, Composition, Entry, Next, Outcome, Result, Starter, StarterContext};
    use futures_util::future::BoxFuture;

    use super::*;

    /// Refuses whoever sends no `authorization`.
    #[bedplate::starter(name = "doorman")]
    struct Doorman {
        seen: Arc<Seen>,
    }

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);

    impl Around for Seen {
        fn around<'a>(&'a self, entry: &'a Entry, next: Next<'a>) -> BoxFuture<'a, Outcome> {
            Box::pin(async move {
                self.0.lock().unwrap().push(entry.label().to_owned());
                let head = entry.carried::<RequestHead>();
                if head.is_some_and(|head| head.headers.contains_key("authorization")) {
                    next.run().await
                } else {
                    Outcome::Refused(CallError::Refused { reason: "say who you are".to_owned() })
                }
            })
        }
    }

    impl Starter for Doorman {
        type Prepared = ();

        async fn start(_: &StarterContext) -> Result<Self> {
            Ok(Self { seen: Arc::default() })
        }

        async fn prepare(&self, _: &Composition) -> Result<()> {
            Ok(())
        }

        fn around(&self) -> Option<Arc<dyn Around>> {
            Some(self.seen.clone())
        }
    }

    #[test]
    fn a_starter_that_wraps_entries_sees_the_requests_head() -> Result<()> {
        let router = || Router::new().route("/house/{room}", get(|| async { "come in" }));
        run(http().starter::<Doorman>().with(module("house", router)), |base| async move {
            let refused = base.http().get("/house/1").await?.expect(403)?;
            assert!(refused.text().contains("say who you are"));
            base.http().get("/house/2").bearer("me").await?.expect(200)?;
            let doorman = base.starter::<Doorman>().await?;
            assert_eq!(*doorman.seen.0.lock().unwrap(), ["GET /house/{room}", "GET /house/{room}"]);
            Ok(())
        })
    }

    /// Looks at what entries carry, and says that it does not.
    #[bedplate::starter(name = "passer")]
    struct Passer {
        carried: Arc<Carried>,
    }

    #[derive(Default)]
    struct Carried(Mutex<Vec<bool>>);

    impl Around for Carried {
        fn around<'a>(&'a self, entry: &'a Entry, next: Next<'a>) -> BoxFuture<'a, Outcome> {
            self.0.lock().unwrap().push(entry.carried::<RequestHead>().is_some());
            Box::pin(next.run())
        }

        fn wants_carried(&self) -> bool {
            false
        }
    }

    impl Starter for Passer {
        type Prepared = ();

        async fn start(_: &StarterContext) -> Result<Self> {
            Ok(Self { carried: Arc::default() })
        }

        async fn prepare(&self, _: &Composition) -> Result<()> {
            Ok(())
        }

        fn around(&self) -> Option<Arc<dyn Around>> {
            Some(self.carried.clone())
        }
    }

    #[test]
    fn a_head_that_no_starter_wants_is_not_copied() -> Result<()> {
        let router = || Router::new().route("/", get(|| async { "come in" }));
        run(http().starter::<Passer>().with(module("house", router)), |base| async move {
            base.http().get("/").await?.expect(200)?;
            assert_eq!(*base.starter::<Passer>().await?.carried.0.lock().unwrap(), [false]);
            Ok::<_, bedplate::Error>(())
        })?;
        // One that wants it is enough.
        run(http().starter::<Passer>().starter::<Doorman>().with(module("house", router)), |base| async move {
            base.http().get("/").bearer("me").await?.expect(200)?;
            assert_eq!(*base.starter::<Passer>().await?.carried.0.lock().unwrap(), [true]);
            Ok(())
        })
    }
}
