//! What is in the log of a request.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use bedplate::Result;
use bedplate::testing::run;
use bedplate_starter_http::{HttpError, HttpTest};

use crate::support::{http, module};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self, target: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(target)).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged<T>(work: impl FnOnce() -> T) -> (T, Log) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    (tracing::subscriber::with_default(subscriber, work), log)
}

fn router() -> Router {
    let fails = || async { HttpError::internal(anyhow::anyhow!("the disk is full")) };
    let says = || async { tracing::info!(target: "app", "in the handler") };
    Router::new().route("/fails/{id}", get(fails)).route("/says", get(says))
}

#[test]
fn a_request_is_logged_with_module_and_id() -> Result<()> {
    let (result, log) = logged(|| {
        run(http().with(module("app", router)), |base| async move {
            base.http().get("/fails/7?secret=1").header("x-request-id", "id-7").await?.expect(500)?;
            base.http().get("/nothing").await?.expect(404)?;
            Ok::<_, anyhow::Error>(())
        })
    });
    result?;
    let access = log.lines("bedplate::access");
    assert_eq!(access.len(), 2, "{access:?}");
    for part in
        ["method=GET", "path=\"/fails/7\"", "status=500", "took_us=", "module=app", "scene=main", "request_id=\"id-7\""]
    {
        assert!(access[0].contains(part), "`{part}` is not in {}", access[0]);
    }
    assert!(!access[0].contains("secret"), "a query may carry secrets");
    assert!(access[1].contains("status=404") && !access[1].contains("module="), "{}", access[1]);
    let fault = log.lines("the disk is full");
    assert!(fault[0].contains("id-7"), "{fault:?}");
    Ok(())
}

#[test]
fn what_a_handler_logs_is_in_the_requests_span() -> Result<()> {
    let (result, log) = logged(|| {
        run(http().with(module("app", router)), |base| async move {
            base.http().get("/says").header("x-request-id", "id-8").await?.expect(200)?;
            Ok::<_, anyhow::Error>(())
        })
    });
    result?;
    let lines = log.lines("in the handler");
    assert!(lines[0].contains("request{module=app scene=main request_id=\"id-8\"}"), "{lines:?}");
    Ok(())
}

#[test]
fn the_access_log_can_be_off() -> Result<()> {
    let (result, log) = logged(|| {
        run(http().with(module("app", router)).settings("[starters.http]\naccess_log = false"), |base| async move {
            base.http().get("/says").await?.expect(200)?;
            Ok::<_, anyhow::Error>(())
        })
    });
    result?;
    assert_eq!(log.lines("bedplate::access"), Vec::<String>::new());
    Ok(())
}
