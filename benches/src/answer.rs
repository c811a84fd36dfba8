//! Waiting until new code answers over HTTP, as a user would see it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::runtime::Runtime;

use crate::edit::Edit;
use crate::load::Connection;

/// How often it is asked. The answer may be this much older than it is measured to be.
pub const ASKED_EVERY: Duration = Duration::from_millis(5);
/// How long new code may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks a base until new code answers, for programs that do everything else one after another.
#[derive(Debug)]
pub struct Asker {
    runtime: Runtime,
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Asker {
    /// Asks the base at this address.
    ///
    /// # Errors
    ///
    /// Where there can be no runtime.
    pub fn new(address: SocketAddr) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("a runtime")?;
        Ok(Self { runtime, address, connection: None })
    }

    /// Returns as soon as the code with this number answers. A base that does not listen yet is asked again.
    ///
    /// # Errors
    ///
    /// Where it does not answer in time.
    pub fn wait_for(&mut self, edit: &Edit, number: u64) -> Result<()> {
        let Self { runtime, address, connection } = self;
        runtime.block_on(async {
            let begin = Instant::now();
            let mut last = "nothing".to_owned();
            while begin.elapsed() < PATIENCE {
                match ask(*address, connection, &edit.route).await {
                    Ok(text) if edit.is_answer(&text, number) => return Ok(()),
                    Ok(text) => last = text,
                    Err(error) => {
                        *connection = None;
                        last = format!("{error:#}");
                    }
                }
                tokio::time::sleep(ASKED_EVERY).await;
            }
            bail!(
                "revision {number} of `{}` does not answer within {} s; last came: {last}",
                edit.module,
                PATIENCE.as_secs()
            )
        })
    }
}

async fn ask(address: SocketAddr, connection: &mut Option<Connection>, route: &str) -> Result<String> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(address).await?),
    };
    Ok(open.get(route).await?.text)
}
