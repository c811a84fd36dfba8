//! The base as a process of its own, which runs from the bundle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bedplate_tests::http;
use bedplate_tests::process::Process;

use crate::api::{Answer, Api};
use crate::executable::folder;
use crate::process::{Place, Running};

/// Runs a test on a base of its own, with all modules and empty databases.
pub(crate) fn conduit(test: impl AsyncFnOnce(Api)) {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    // A short name: the path of a socket may not be long.
    let place = Place::new(&format!("r{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    let settings = ["modules.identity.password.memory=64KiB", "modules.identity.password.rounds=1"];
    let mut running: Running = place.start(&["run", "--set", settings[0], "--set", settings[1]]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(Api { transport: Transport { place: Arc::new(place) } }));
    let process: &mut Process = &mut running;
    process.signal("TERM");
    assert!(process.ended().success(), "{}", process.log());
}

/// The way to the base.
#[derive(Clone)]
pub(crate) struct Transport {
    place: Arc<Place>,
}

impl Transport {
    /// Sends a request, and waits for its answer.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let address = self.place.http;
        let (method, path) = (method.to_owned(), path.to_owned());
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut headers: Vec<(String, String)> = headers.iter().map(owned).collect();
        if body.is_some() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let body = body.unwrap_or_default().to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            http::request(address, &method, &path, &headers, &body)
        });
        let answer = asked.await.unwrap();
        Answer { status: answer.status, headers: headers_of(&answer.head), text: answer.body }
    }

    /// Replaces a module by a new generation: its object, loaded once more.
    pub(crate) async fn swap(&self, module: &str) {
        let object = folder().join(format!("modules/{module}.so"));
        let place = self.place.clone();
        let installed =
            tokio::task::spawn_blocking(move || place.run(&["install", object.to_str().unwrap(), "--force"]));
        let installed = installed.await.unwrap();
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    }
}

fn headers_of(head: &str) -> HeaderMap {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())).collect()
}
