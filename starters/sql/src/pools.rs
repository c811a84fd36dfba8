//! The pools of all modules: one per module and scene, kept over generations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bedplate::isolation::thread_name;
use bedplate::{Composition, InstanceId, ModuleName, Planned, Provided, SceneName, Staged};
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::pool::{Pool, PoolOptions};
use tokio::time::timeout;

use crate::backend::Driver;
use crate::handle::{Backend, Sql};
use crate::migrate::{Applied, Breaking, migrate, plan};
use crate::problem::Subject;
use crate::schema::{Kept, Schema};
use crate::settings::{SqlModuleSettings, SqlSettings};
use crate::wanted::Wanted;

/// How long connections that are in use may take to come back when a pool is closed.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// The name of the starter, below which a module's settings for it stand.
pub(crate) const STARTER: &str = "sql";

/// What all pools of one base have in common.
pub(crate) struct Surroundings<'a> {
    pub(crate) settings: &'a SqlSettings,
    /// Where relative paths start from.
    pub(crate) folder: &'a Path,
    /// Where databases that end with the base are kept.
    pub(crate) scratch: &'a (dyn Fn() -> std::io::Result<PathBuf> + Send + Sync),
}

/// The pools of one kind of database.
pub(crate) struct Pools<DB: Driver> {
    entries: Mutex<Vec<Entry<DB>>>,
}

struct Entry<DB: Driver> {
    module: ModuleName,
    scene: SceneName,
    location: DB::Location,
    connections: u32,
    pool: Pool<DB>,
    schema: Arc<Schema>,
    /// The setting that decided where it is.
    key: String,
    /// The generations that have the pool.
    users: BTreeMap<u64, Use>,
    applied: Option<Applied>,
}

/// How far a generation has come.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    /// It was given the pool. Where it cannot be made, nobody will say that it is gone.
    Provided,
    /// It has been made, and will be released.
    Made,
}

impl<DB: Backend> Pools<DB> {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::default() }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry<DB>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a module its pool, where a field of it asks for one.
    pub(crate) fn provide(&self, to: &mut Provided<'_>, within: &Surroundings<'_>) -> bedplate::Result<()> {
        let staged = to.staged();
        if !staged.needs::<Sql<DB>>() {
            return Ok(());
        }
        let own: SqlModuleSettings = staged.module_settings(STARTER)?;
        let wanted = Wanted {
            module: staged.module(),
            scene: staged.scene(),
            shared: within.settings,
            own: &own,
            folder: within.folder,
            scratch: within.scratch,
        };
        let location = DB::locate(&wanted)?;
        let connections = own.connections.unwrap_or(within.settings.connections);
        let mut entries = self.entries();
        let found = entries
            .iter_mut()
            .find(|entry| entry.is_of(staged.id()) && entry.location == location && entry.connections == connections);
        let pool = match found {
            Some(entry) => {
                entry.users.insert(staged.id().generation, Use::Provided);
                entry.pool.clone()
            }
            None => {
                let name = thread_name(staged.module(), staged.scene());
                let options = DB::options(&location, within.settings, &name);
                let schema = Arc::default();
                let pool = open_lazily::<DB>(options, connections, within.settings, &schema);
                entries.push(Entry {
                    module: staged.module().clone(),
                    scene: staged.scene().clone(),
                    key: wanted.key(),
                    location,
                    connections,
                    pool: pool.clone(),
                    schema,
                    users: BTreeMap::from([(staged.id().generation, Use::Provided)]),
                    applied: None,
                });
                pool
            }
        };
        drop(entries);
        to.insert(Sql::new(pool));
        Ok(())
    }

    /// Opens the database of an instance, and runs its migrations.
    pub(crate) async fn migrate(&self, staged: &Staged<'_>, settings: &SqlSettings) -> bedplate::Result<()> {
        let Some((location, subject)) = self.made(staged.id()) else { return Ok(()) };
        let migrations = staged.options::<Sql<DB>>();
        let breaking = if staged.allows_breaking() { Breaking::Allowed } else { Breaking::Refused };
        let schemas = self.schemas_at(&location);
        let applied = migrate::<DB>(&location, settings, &subject, migrations, breaking, schemas).await?;
        let mut entries = self.entries();
        if let Some(entry) = entries.iter_mut().find(|entry| entry.is_used_by(staged.id())) {
            entry.applied = applied;
        }
        Ok(())
    }

    /// The migrations that an instance would run.
    pub(crate) async fn plan(&self, staged: &Staged<'_>, settings: &SqlSettings) -> bedplate::Result<Vec<Planned>> {
        let Some((location, subject)) = self.made(staged.id()) else { return Ok(Vec::new()) };
        match staged.options::<Sql<DB>>() {
            Some(migrations) => Ok(plan::<DB>(&location, settings, &subject, &migrations).await?),
            None => Ok(Vec::new()),
        }
    }

    /// What every pool on this database sees: scenes of a module may share it.
    fn schemas_at(&self, location: &DB::Location) -> Vec<Arc<Schema>> {
        let entries = self.entries();
        entries.iter().filter(|entry| entry.location == *location).map(|entry| entry.schema.clone()).collect()
    }

    /// Notes that an instance has been made, and says what it uses.
    fn made(&self, id: &InstanceId) -> Option<(DB::Location, Subject)> {
        let mut entries = self.entries();
        let entry = entries.iter_mut().find(|entry| entry.is_used_by(id))?;
        entry.users.insert(id.generation, Use::Made);
        let subject = Subject {
            module: entry.module.clone(),
            connections: thread_name(&entry.module, &entry.scene),
            database: entry.location.to_string(),
            key: entry.key.clone(),
        };
        Some((entry.location.clone(), subject))
    }

    /// Forgets generations that were given a pool, and could not be made.
    ///
    /// Deployments take turns: whoever was given one in this deployment, and serves, has been made.
    pub(crate) fn committed(&self) {
        for entry in self.entries().iter_mut() {
            entry.users.retain(|_, how| *how == Use::Made);
        }
    }

    /// Closes what an instance was the last one to use.
    pub(crate) async fn release(&self, id: &InstanceId) {
        let unused: Vec<_> = {
            let mut entries = self.entries();
            for entry in entries.iter_mut().filter(|entry| entry.is_of(id)) {
                entry.users.remove(&id.generation);
            }
            entries.extract_if(.., |entry| entry.is_of(id) && entry.users.is_empty()).collect()
        };
        for entry in unused {
            entry.close().await;
        }
    }

    /// Closes all.
    pub(crate) async fn stop(&self) {
        let all = std::mem::take(&mut *self.entries());
        for entry in all {
            entry.close().await;
        }
    }

    /// Each database that an instance of the composition uses, for people and tools.
    pub(crate) fn inspect(&self, now: &Composition) -> Vec<Value> {
        let entries = self.entries();
        let used = |entry: &&Entry<DB>| now.instances().any(|instance| entry.is_used_by(instance.id()));
        entries.iter().filter(used).map(Entry::inspect).collect()
    }
}

impl<DB: Backend> Entry<DB> {
    fn is_of(&self, id: &InstanceId) -> bool {
        self.module == id.module && self.scene == id.scene
    }

    fn is_used_by(&self, id: &InstanceId) -> bool {
        self.is_of(id) && self.users.contains_key(&id.generation)
    }

    async fn close(self) {
        if timeout(CLOSE_WITHIN, self.pool.close()).await.is_err() {
            tracing::warn!(
                module = %self.module, scene = %self.scene,
                "connections of `{}` to {} are still in use; each is closed when it comes back",
                self.module, self.location
            );
        }
    }

    fn inspect(&self) -> Value {
        json!({
            "module": self.module,
            "scene": self.scene,
            "database": DB::NAME,
            "location": self.location.to_string(),
            "setting": self.key,
            "connections": { "open": self.pool.size(), "idle": self.pool.num_idle(), "most": self.connections },
            "migrations": self.applied.map(|applied| json!({
                "applied": applied.migrations,
                "latest": applied.latest,
            })),
        })
    }
}

fn open_lazily<DB: Driver>(
    options: <DB::Connection as Connection>::Options,
    connections: u32,
    settings: &SqlSettings,
    schema: &Arc<Schema>,
) -> Pool<DB> {
    let schema = schema.clone();
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(settings.acquire_timeout)
        .before_acquire(move |connection: &mut DB::Connection, known| {
            let kept = schema.kept(known.age);
            Box::pin(async move {
                if kept == Kept::Doubtful {
                    connection.clear_cached_statements().await?;
                }
                Ok(kept != Kept::Stale)
            })
        })
        .connect_lazy_with(options)
}
