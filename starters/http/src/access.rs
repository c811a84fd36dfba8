//! The access log: a line for each request, with module and scene.

use std::time::Instant;

use axum::http::{HeaderValue, Method, StatusCode, Uri};

use crate::mount::Mount;
use crate::request_id;

/// A request that will be logged, when it is answered or given up by its client.
pub(crate) struct AccessLog {
    method: Method,
    uri: Uri,
    id: HeaderValue,
    since: Instant,
    written: bool,
}

impl AccessLog {
    /// Whether somebody reads the log.
    pub(crate) fn is_read() -> bool {
        tracing::enabled!(target: "bedplate::access", tracing::Level::INFO)
    }

    pub(crate) fn begin(method: &Method, uri: &Uri, id: &HeaderValue) -> Self {
        Self { method: method.clone(), uri: uri.clone(), id: id.clone(), since: Instant::now(), written: false }
    }

    /// The response begins.
    pub(crate) fn answered(mut self, status: StatusCode, mount: Option<&Mount>) {
        self.written = true;
        let id = mount.map(Mount::id);
        tracing::info!(
            target: "bedplate::access",
            method = %self.method,
            path = self.uri.path(),
            status = status.as_u16(),
            took_us = self.took_us(),
            module = id.map(|id| tracing::field::display(&id.module)),
            scene = id.map(|id| tracing::field::display(&id.scene)),
            request_id = request_id::text(&self.id),
            "{} {} {}", self.method, self.uri.path(), status.as_u16()
        );
    }

    fn took_us(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if !self.written {
            tracing::info!(
                target: "bedplate::access",
                method = %self.method,
                path = self.uri.path(),
                took_us = self.took_us(),
                request_id = request_id::text(&self.id),
                "{} {}: the client went away", self.method, self.uri.path()
            );
        }
    }
}
