//! As many requests as a base answers: what an open loop takes a part of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::open_loop::request;
use super::{Connection, Load, Outcome};

/// How many requests a second the base answers at most, with this generator beside it.
///
/// # Errors
///
/// Where it cannot be connected to, or requests fail without any swap.
pub async fn capacity(load: &Load, time: Duration) -> Result<f64> {
    let load = Arc::new(load.clone());
    let mut workers = Vec::new();
    let begin = Instant::now();
    for worker in 0..load.connections {
        let connection = Connection::open(load.address).await?;
        let load = load.clone();
        workers.push(tokio::spawn(async move {
            let (mut connection, mut outcome) = (Some(connection), Outcome::empty());
            for path in load.paths.iter().cycle().skip(worker) {
                if begin.elapsed() >= time {
                    break;
                }
                request(&load, &mut connection, path, &mut outcome).await;
            }
            outcome
        }));
    }
    let mut all = Outcome::empty();
    for worker in workers {
        all.add(&worker.await.context("a worker does not panic")?);
    }
    let elapsed = begin.elapsed();
    ensure!(all.failures.count() == 0, "requests fail without any swap: {:?}", all.failures);
    Ok(all.requests as f64 / elapsed.as_secs_f64())
}
