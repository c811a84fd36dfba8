//! One step of a starter, with its panic and its silence turned into an error.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::Result;
use crate::isolation::text_of;

/// Runs a step. A panic becomes its error.
pub(crate) async fn bounded<T>(step: impl Future<Output = Result<T>>) -> Result<T> {
    match AssertUnwindSafe(step).catch_unwind().await {
        Ok(result) => result,
        Err(payload) => Err(anyhow::anyhow!("it panicked: {}", text_of(&*payload))),
    }
}

/// Runs a step. A panic, or no answer within `limit`, becomes its error.
pub(crate) async fn not_longer_than<T>(limit: Duration, step: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(limit, bounded(step))
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("it did not answer within {}", humantime::format_duration(limit))))
}
