//! The starter: listens from its start to its stop, so that it answers while the base begins and ends.

use std::net::SocketAddr;
use std::time::Duration;

use bedplate::{Composition, Result, Starter, StarterContext};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::commands::{HISTORY_COMMAND, INFLIGHT_COMMAND, READY_COMMAND, ROUTES_COMMAND};
use crate::server;
use crate::settings::AdminSettings;

/// How long open requests may take when the base ends. They are answered from memory.
const ENDING: Duration = Duration::from_secs(1);

/// Serves health, readiness, and what runs, on a port of its own.
#[bedplate::starter(
    name = "admin",
    settings = AdminSettings,
    test_settings = "address = \"127.0.0.1:0\"",
    commands(ROUTES_COMMAND, READY_COMMAND, INFLIGHT_COMMAND, HISTORY_COMMAND)
)]
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    server: TaskTracker,
    stop: CancellationToken,
}

impl Admin {
    /// The address that the admin interface listens on, with the port that it got.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }
}

impl Starter for Admin {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let AdminSettings { address } = ctx.settings()?;
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|error| ctx.cannot_listen::<AdminSettings>("address", address, &error))?;
        let address = listener.local_addr()?;
        let admin = Self { address, server: TaskTracker::new(), stop: CancellationToken::new() };
        // The server holds the base, and the base this starter: the stop ends the circle.
        admin.server.spawn(serve(listener, server::router(ctx.base().clone(), address), admin.stop.clone()));
        tracing::info!(target: "bedplate::admin", %address, "health and what runs on http://{address}");
        Ok(admin)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.stop.cancel();
        self.server.close();
        self.server.wait().await;
        Ok(())
    }
}

async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        served = serving.into_future() => {
            if let Err(error) = served {
                tracing::error!(target: "bedplate::admin", "the admin interface ended: {error}");
            }
        }
        // A client that keeps its request open does not keep the base.
        () = async { stop.cancelled().await; tokio::time::sleep(ENDING).await } => {}
    }
}
