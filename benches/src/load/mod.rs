//! Load on a base: keep-alive connections, requests at a constant rate whatever the answers do (open loop), and
//! latencies from the time at which a request was meant to be sent. So a pause counts for every request that it
//! holds up, and not only for the one that happened to be on its way (no coordinated omission).

mod closed_loop;
mod connection;
mod open_loop;
mod outcome;
mod pace;

use std::net::SocketAddr;
use std::time::Duration;

pub use closed_loop::capacity;
pub use connection::{Answer, Connection, text};
pub use open_loop::open_loop;
pub use outcome::{Failures, Outcome, new_histogram};
pub use pace::Until;

/// What a load consists of.
#[derive(Debug, Clone)]
pub struct Load {
    /// Where the base serves.
    pub address: SocketAddr,
    /// How many connections there are, and so how many requests can be on their way at once.
    pub connections: usize,
    /// What is asked for, in turn.
    pub paths: Vec<String>,
    /// Looks at an answer of status 200, and says what is wrong with it.
    pub check: fn(&str) -> Result<(), String>,
}

/// How long an answer may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);
