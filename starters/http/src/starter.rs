//! The starter: listens, prepares the routes of each composition, and ends in order.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bedplate::base::Phase;
use bedplate::compose::{CompositionError, Problem};
use bedplate::{
    Base, Composition, Content, Inspection, Instance, InstanceId, Provided, Result, Starter, StarterContext,
};
use rustc_hash::FxHashMap;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Connections;
use crate::labels::Labels;
use crate::listener;
use crate::mount::Mounted;
use crate::routes::Routes;
use crate::service::HttpService;
use crate::settings::{HttpSettings, MountSettings};
use crate::table::RouteTable;

/// Serves the routes that modules export.
#[bedplate::starter(
    name = "http",
    settings = HttpSettings,
    module_settings = MountSettings,
    reads(Routes),
    test_settings = "address = \"127.0.0.1:0\""
)]
pub struct Http {
    settings: HttpSettings,
    address: SocketAddr,
    labels: Arc<Labels>,
    mounts: Mutex<FxHashMap<InstanceId, MountState>>,
    server: Mutex<Option<Server>>,
    connections: TaskTracker,
    accepting: TaskTracker,
    /// Ends the accepting.
    stop: CancellationToken,
}

/// What is kept for an instance as long as it lives: nothing of it is prepared twice.
enum MountState {
    Settings(MountSettings),
    Prepared(Option<Arc<Mounted>>),
}

/// What holds the base. Taken when the starter stops, since the base holds the starter.
struct Server {
    connections: Arc<Connections>,
    /// Taken when accepting begins.
    listener: Option<TcpListener>,
    base: Base,
    runtime: runtime::Handle,
}

impl Http {
    /// The address that the base listens on, with the port that it got.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// The service that every connection uses, to be called in the process: in tests, and by starters
    /// that bring requests another way. `None` after the starter has stopped.
    #[must_use]
    pub fn service(&self) -> Option<HttpService> {
        lock(&self.server).as_ref().map(|server| server.connections.service.clone())
    }

    /// The routes of an instance, from before where it is not new.
    fn mounted(&self, instance: &Arc<Instance>) -> Result<Option<Arc<Mounted>>, Problem> {
        let settings = match lock(&self.mounts).get(instance.id()) {
            Some(MountState::Prepared(mounted)) => return Ok(mounted.clone()),
            Some(MountState::Settings(settings)) => settings.clone(),
            None => MountSettings::default(),
        };
        let mounted = Mounted::build(instance, &self.settings, &settings, &self.labels)?.map(Arc::new);
        lock(&self.mounts).insert(instance.id().clone(), MountState::Prepared(mounted.clone()));
        Ok(mounted)
    }

    /// Begins to accept, once.
    fn begin(&self) {
        let mut server = lock(&self.server);
        let Some(server) = server.as_mut() else { return };
        let Some(listener) = server.listener.take() else { return };
        let accepting =
            listener::accept(listener, server.connections.clone(), self.connections.clone(), self.stop.clone());
        self.accepting.spawn_on(accepting, &server.runtime);
        let connections = server.connections.clone();
        let mut phases = server.base.phases();
        let stop = self.stop.clone();
        self.accepting.spawn_on(
            async move {
                tokio::select! {
                    draining = phases.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Stopped)) => drop(draining),
                    () = stop.cancelled() => {}
                }
                connections.ask_to_close();
            },
            &server.runtime,
        );
        tracing::info!(target: "bedplate::http", address = %self.address, "serving on http://{}", self.address);
    }
}

impl Starter for Http {
    type Prepared = RouteTable;

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let settings: HttpSettings = ctx.settings()?;
        let bound = TcpListener::bind(settings.address).await;
        let listener = bound.map_err(|error| ctx.cannot_listen::<HttpSettings>("address", settings.address, &error))?;
        let address = listener.local_addr()?;
        let base = ctx.base().clone();
        let service = HttpService::new(base.clone(), &settings).map_err(anyhow::Error::msg)?;
        let connections = Arc::new(Connections::new(service, settings.idle_timeout, settings.peer_address));
        let server = Server { connections, listener: Some(listener), base, runtime: runtime::Handle::current() };
        Ok(Self {
            settings,
            address,
            labels: Arc::default(),
            mounts: Mutex::default(),
            server: Mutex::new(Some(server)),
            connections: TaskTracker::new(),
            accepting: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        let staged = to.staged();
        let settings = staged.module_settings::<MountSettings>("http")?;
        lock(&self.mounts).insert(staged.id().clone(), MountState::Settings(settings));
        Ok(())
    }

    async fn prepare(&self, next: &Composition) -> Result<RouteTable> {
        let mut problems = Vec::new();
        let mut mounted = Vec::new();
        for instance in next.instances() {
            match self.mounted(instance) {
                Ok(found) => mounted.extend(found),
                Err(problem) => problems.push(problem),
            }
        }
        match RouteTable::merge(mounted) {
            Ok(table) if problems.is_empty() => Ok(table),
            Ok(_) => Err(CompositionError { step: "prepare", problems }.into()),
            Err(mut error) => {
                error.problems.extend(problems);
                Err(error.into())
            }
        }
    }

    fn committed(&self, _: &Composition) {
        self.begin();
    }

    async fn release(&self, instance: &InstanceId) {
        let left = lock(&self.mounts).remove(instance);
        // Dropped after the lock is free: routers run module code when they are dropped.
        drop(left);
    }

    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        let table = now.prepared::<Self>();
        table.map(|table| Inspection { name: "routes", content: Content::Json(table.list(now)) }).into_iter().collect()
    }

    async fn drain(&self) -> Result<()> {
        let Some(connections) = lock(&self.server).as_ref().map(|server| server.connections.clone()) else {
            return Ok(());
        };
        connections.ask_to_close();
        self.stop.cancel();
        self.accepting.close();
        self.accepting.wait().await;
        self.connections.close();
        // A client on a kept connection may have sent its next request already. It is answered, and
        // told to close; what is idle after that is closed.
        let _ = tokio::time::timeout(self.settings.linger, self.connections.wait()).await;
        connections.close.cancel();
        self.connections.wait().await;
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.stop.cancel();
        let server = lock(&self.server).take();
        if let Some(server) = server {
            server.connections.abort.cancel();
            server.connections.upgraded.close();
            // Clients of WebSockets have been told to come again, and have a moment to close.
            let _ = tokio::time::timeout(self.settings.linger, server.connections.upgraded.wait()).await;
        }
        self.accepting.close();
        self.connections.close();
        // Connections that were given up end at their next turn; the base's deadline bounds the wait.
        self.accepting.wait().await;
        self.connections.wait().await;
        lock(&self.mounts).clear();
        Ok(())
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("address", &self.address).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
