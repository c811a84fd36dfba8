//! Requests at a constant rate, whatever the answers do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::pace::Pace;
use super::{Connection, Load, Outcome, Until};

/// Sends `rate` requests a second until it is over, and returns when all are answered.
///
/// # Errors
///
/// Where the base cannot be connected to at all. What fails later is counted.
pub async fn open_loop(load: &Load, rate: f64, until: Until) -> Result<Outcome> {
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection::open(load.address).await?);
    }
    let load = Arc::new(load.clone());
    let pace = Pace::new(rate);
    let began = Instant::now();
    let (clock, waiters) = (pace.clone(), connections.len());
    let clock = std::thread::spawn(move || clock.run(&until, waiters));
    let workers: Vec<_> =
        connections.into_iter().map(|connection| tokio::spawn(work(load.clone(), pace.clone(), connection))).collect();
    let mut all = Outcome::empty();
    for worker in workers {
        all.add(&worker.await.context("a worker does not panic")?);
    }
    all.elapsed = began.elapsed();
    all.lateness = clock.join().map_err(|_| anyhow::anyhow!("the clock of the load panicked"))?;
    Ok(all)
}

/// One connection's part: takes whatever request is due next.
async fn work(load: Arc<Load>, pace: Arc<Pace>, connection: Connection) -> Outcome {
    let mut outcome = Outcome::empty();
    let mut connection = Some(connection);
    while let Some((number, intended)) = pace.next().await {
        let path = &load.paths[usize::try_from(number).unwrap_or_default() % load.paths.len()];
        request(&load, &mut connection, path, &mut outcome).await;
        let took = intended.elapsed();
        outcome.latency.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
    outcome
}

/// Makes one request, and counts what came of it.
pub(super) async fn request(load: &Load, connection: &mut Option<Connection>, path: &str, outcome: &mut Outcome) {
    outcome.requests += 1;
    let open = match connection {
        Some(open) => open,
        None => match Connection::open(load.address).await {
            Ok(open) => connection.insert(open),
            Err(error) => {
                outcome.failures.connection += 1;
                outcome.failures.keep(|| format!("{path}: {error:#}"));
                // Nobody listens: no reason to ask as fast as can be.
                tokio::time::sleep(Duration::from_millis(10)).await;
                return;
            }
        },
    };
    match open.get(path).await {
        Ok(answer) if answer.status != 200 => {
            outcome.failures.status += 1;
            outcome.failures.keep(|| format!("{path}: {}: {}", answer.status, answer.text));
        }
        Ok(answer) => {
            if let Err(wrong) = (load.check)(&answer.text) {
                outcome.failures.answer += 1;
                outcome.failures.keep(|| format!("{path}: {wrong}"));
            }
        }
        Err(error) => {
            // A connection that a swap closes is a failure, also where the request could be sent again.
            outcome.failures.connection += 1;
            outcome.failures.keep(|| format!("{path}: {error:#}"));
            *connection = None;
        }
    }
}
