//! The starter: listens from its start to its stop, so that it answers while the base begins and ends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bedplate::base::state_folder;
use bedplate::{Composition, Result, Starter, StarterContext};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{self, Api};
use crate::deployments::Deployments;
use crate::head::Hosts;
use crate::serve::{Connections, ENDING};
use crate::settings::AdminSettings;
use crate::socket::{AdminSocket, no_folder};
use crate::{commands, probe, upload};

/// Serves health, readiness and what runs on a port of its own; and operations, on a socket.
#[bedplate::starter(
    name = "admin",
    settings = AdminSettings,
    // Tests run side by side, and would share one folder.
    test_settings = "address = \"127.0.0.1:0\"\nsocket = false",
    commands(
        commands::STATUS,
        commands::READY,
        commands::ROUTES,
        commands::INFLIGHT,
        commands::HISTORY,
        commands::LOGS,
        commands::INSTALL,
        commands::REDEPLOY,
        commands::ROLLBACK,
        commands::UNINSTALL,
        commands::APPLY,
        commands::SNAPSHOT
    )
)]
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    socket: Option<Arc<AdminSocket>>,
    remote: Option<SocketAddr>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Admin {
    /// The address of health, readiness and what runs, with the port that it got.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// The socket that the base is operated through.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref().map(AdminSocket::path)
    }

    /// The address that the base is operated through from other machines, with the port that it got.
    #[must_use]
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.remote
    }
}

impl Starter for Admin {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let settings: AdminSettings = ctx.settings()?;
        let address = settings.address;
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|error| ctx.cannot_listen::<AdminSettings>("address", address, &error))?;
        let address = listener.local_addr()?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let api = Arc::new(Api {
            base: ctx.base().clone(),
            deployments: Deployments::new(stop.clone()),
            upload_limit: settings.upload_limit.bytes(),
            patience: settings.patience,
            news: settings.news,
            stop: stop.clone(),
        });
        let mut admin = Self { address, socket: None, remote: None, tasks, stop };
        if settings.socket {
            admin.socket = Some(admin.serve_locally(ctx, &settings, api.clone())?);
        }
        if let Some(remote) = &settings.remote {
            admin.remote = Some(admin.serve_remotely(ctx, remote, &settings, api).await?);
        }
        // The servers hold the base, and the base this starter: the stop ends the circle.
        admin.tasks.spawn(serve_probes(listener, probe::router(ctx.base().clone(), address), admin.stop.clone()));
        tracing::info!(target: "bedplate::admin", %address, "health and what runs on http://{address}");
        Ok(admin)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Some(socket) = &self.socket {
            socket.close();
        }
        Ok(())
    }
}

/// A start that fails half way leaves nothing that listens.
impl Drop for Admin {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Admin {
    fn serve_locally(&self, ctx: &StarterContext, settings: &AdminSettings, api: Arc<Api>) -> Result<Arc<AdminSocket>> {
        let base = ctx.base();
        let folder =
            base.state_folder().map_err(|error| no_folder(&state_folder(&base.settings(), base.folder()), &error))?;
        let (socket, listener) = AdminSocket::bind(&folder)?;
        let socket = Arc::new(socket);
        upload::clear(&folder);
        let connections =
            Connections::new(api::router(api, Hosts::Local), settings.patience, self.tasks.clone(), self.stop.clone());
        tracing::info!(target: "bedplate::admin", socket = %socket.path().display(), "operated through {}", socket.path().display());
        self.tasks.spawn(connections.accept_local(socket.clone(), listener));
        Ok(socket)
    }

    #[cfg(feature = "remote")]
    async fn serve_remotely(
        &self,
        ctx: &StarterContext,
        remote: &crate::settings::RemoteSettings,
        settings: &AdminSettings,
        api: Arc<Api>,
    ) -> Result<SocketAddr> {
        let listener = crate::remote::RemoteListener::bind(ctx, remote).await?;
        let address = listener.address();
        let router = crate::remote::router(api::router(api, Hosts::Named(remote.hosts.clone())), remote)?;
        let connections = Connections::new(router, settings.patience, self.tasks.clone(), self.stop.clone());
        tracing::info!(target: "bedplate::admin", %address, "operated from other machines on https://{address}");
        self.tasks.spawn(listener.accept(connections, settings.patience));
        Ok(address)
    }

    #[cfg(not(feature = "remote"))]
    async fn serve_remotely(
        &self,
        _: &StarterContext,
        _: &crate::settings::RemoteSettings,
        _: &AdminSettings,
        _: Arc<Api>,
    ) -> Result<SocketAddr> {
        anyhow::bail!(
            "`[starters.admin.remote]` is set, and this base was built without that: give `bedplate-starter-admin` \
             the feature `remote` in the base's `Cargo.toml`, or take the section out"
        )
    }
}

async fn serve_probes(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        served = serving.into_future() => {
            if let Err(error) = served {
                tracing::error!(target: "bedplate::admin", "health is served no longer: {error}");
            }
        }
        // A client that keeps its request open does not keep the base.
        () = async { stop.cancelled().await; tokio::time::sleep(ENDING).await } => {}
    }
}
