//! The handle that a module's field gets: a sqlx pool of its own.

use std::fmt;
use std::ops::Deref;

use bedplate::Handle;
use sqlx::migrate::Migrator;
use sqlx::pool::Pool;

use crate::backend::Driver;

#[cfg(feature = "sqlite")]
pub(crate) type DefaultBackend = sqlx::Sqlite;
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
pub(crate) type DefaultBackend = sqlx::Postgres;

/// A database that the starter can hand out: [`sqlx::Sqlite`] and `sqlx::Postgres`, each behind a
/// feature of this crate.
#[diagnostic::on_unimplemented(
    message = "the sql starter does not serve the database `{Self}`",
    label = "no database of this starter",
    note = "it serves `sqlx::Sqlite` (feature `sqlite`) and `sqlx::Postgres` (feature `postgres`)"
)]
pub trait Backend: Driver {}

#[cfg(feature = "sqlite")]
impl Backend for sqlx::Sqlite {}
#[cfg(feature = "postgres")]
impl Backend for sqlx::Postgres {}

/// The database of one module in one scene: a field of this type gives the module a sqlx pool.
///
/// It derefs to the [`sqlx::Pool`], which is what queries run on: `query.fetch_one(&*self.db)`.
/// All clones, and all generations of the module, share one pool. `#[with(sqlx::migrate!())]` on the
/// field hands over the module's migrations, which run before its start.
pub struct Sql<DB: Backend = DefaultBackend> {
    pool: Pool<DB>,
}

impl<DB: Backend> Sql<DB> {
    pub(crate) fn new(pool: Pool<DB>) -> Self {
        Self { pool }
    }

    /// The pool itself, for what wants one by value: it is a handle, and cheap to clone.
    #[must_use]
    pub fn pool(&self) -> &Pool<DB> {
        &self.pool
    }
}

impl<DB: Backend> Handle for Sql<DB> {
    type Options = Migrator;
}

impl<DB: Backend> Deref for Sql<DB> {
    type Target = Pool<DB>;

    fn deref(&self) -> &Pool<DB> {
        &self.pool
    }
}

// Not derived: `DB` itself is never cloned.
impl<DB: Backend> Clone for Sql<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone() }
    }
}

impl<DB: Backend> fmt::Debug for Sql<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the pool's own: it prints the connection's options.
        f.debug_struct("Sql").field("size", &self.pool.size()).field("idle", &self.pool.num_idle()).finish()
    }
}
