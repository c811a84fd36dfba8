//! A stream that outlives the entry which opened it: a response body, an upgraded connection.

use std::sync::Arc;

use crate::module::InstanceState;

/// Counts a stream of a module until it is dropped, and runs the module's code that feeds it.
///
/// A stream holds its generation against the drain, and pins a composition per call, not for life.
pub struct StreamGuard {
    instance: Arc<InstanceState>,
}

impl StreamGuard {
    pub(crate) fn new(instance: Arc<InstanceState>) -> Self {
        instance.streams.hold();
        instance.stats.stream_opened();
        Self { instance }
    }

    /// Runs module code of the stream: the module is current, and a panic is caught and counted.
    /// `None` where it panicked: the stream is to be closed.
    pub fn run<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        self.instance.run("stream", f)
    }

    /// Waits until the drain of the generation has reached its deadline, and the stream must end.
    pub async fn cancelled(&self) {
        self.instance.cancelled.cancelled().await;
    }

    /// Whether the stream must end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.instance.cancelled.is_cancelled()
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.instance.streams.release();
        self.instance.stats.stream_closed();
    }
}

impl std::fmt::Debug for StreamGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamGuard").field("instance", &self.instance.id).finish()
    }
}
