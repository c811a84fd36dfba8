//! What lasts longer than a deployment: streams, and the tasks behind them.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use report::Report as _;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

use crate::Caller;
use crate::mark::MARK;

const EVERY: Duration = Duration::from_millis(5);

type Line = Result<String, Infallible>;

/// A line again and again, until the client goes or the module is asked to: then the line `draining`.
pub(super) async fn lines(State(caller): State<Arc<Caller>>) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    let context = caller.context.clone();
    caller.context.spawn("lines", async move {
        loop {
            let line = if context.is_draining() { "draining\n".to_owned() } else { format!("{MARK}\n") };
            if sender.send(Ok(line)).await.is_err() || context.is_draining() {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    });
    body(ReceiverStream::new(receiver))
}

/// What a task is told that asks the reporter again and again, until the client goes: it holds its
/// generation, and does not care for being asked to end.
pub(super) async fn watch(State(caller): State<Arc<Caller>>) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    let asked = caller.clone();
    caller.context.spawn("watch", async move {
        loop {
            let line = match asked.report.build().await {
                Ok(answer) => format!("{MARK} {answer}\n"),
                Err(error) => format!("{MARK} refused: {error}\n"),
            };
            if sender.send(Ok(line)).await.is_err() {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    });
    body(ReceiverStream::new(receiver))
}

#[derive(Deserialize)]
pub(super) struct To {
    /// The file for what the task is told; it ends when that is gone.
    to: PathBuf,
}

/// What a task is told that the base knows nothing of: it outlives its generation.
pub(super) async fn stray(State(caller): State<Arc<Caller>>, Query(To { to }): Query<To>) {
    tokio::spawn(async move {
        while let Ok(mut file) = File::options().append(true).open(&to) {
            let told = match caller.report.build().await {
                Ok(answer) => format!("{MARK} {answer}\n"),
                Err(error) => format!("{MARK} refused: {error}\n"),
            };
            if file.write_all(told.as_bytes()).is_err() {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}

fn body(lines: impl Stream<Item = Line> + Send + 'static) -> Body {
    Body::from_stream(lines)
}
