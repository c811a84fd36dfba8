//! What the starter must know about one kind of database.

use std::fmt::Display;
use std::future::Future;

use bedplate::compose::CompositionError;
use sqlx::database::HasStatementCache;
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrate;
use sqlx::{Connection, Database};

use crate::breaking::Dialect;
use crate::given_up::GivenUp;
use crate::problem::Subject;
use crate::settings::SqlSettings;
use crate::wanted::Wanted;

/// A kind of database. Not for others to implement: it changes with the starter.
pub trait Driver: Database<Connection: Migrate> + HasStatementCache {
    /// How its SQL is read.
    #[doc(hidden)]
    const DIALECT: Dialect;

    /// Where one module keeps its data.
    #[doc(hidden)]
    type Location: Location;

    /// What keeps a database for the one who migrates it, for as long as it lives.
    #[doc(hidden)]
    type Lock: Send;

    /// Finds out where a module's data is to be, from the settings.
    #[doc(hidden)]
    fn locate(wanted: &Wanted<'_>) -> bedplate::Result<Self::Location>;

    /// How connections of a module are opened. They go by the module's name, on the server or as a thread.
    #[doc(hidden)]
    fn options(
        location: &Self::Location,
        settings: &SqlSettings,
        name: &str,
    ) -> <Self::Connection as Connection>::Options;

    /// Creates what is missing, sees to it that it can be written, and keeps other migrators out.
    /// The connection is one of its own, outside of the pool; what it does is interrupted when it is given up.
    #[doc(hidden)]
    fn open(
        location: &Self::Location,
        settings: &SqlSettings,
        subject: &Subject,
        given_up: &GivenUp,
    ) -> impl Future<Output = Result<(Self::Connection, Self::Lock), CompositionError>> + Send;

    /// A connection that changes nothing; `None` where there is no database yet.
    #[doc(hidden)]
    fn look(
        location: &Self::Location,
        settings: &SqlSettings,
        subject: &Subject,
    ) -> impl Future<Output = Result<Option<Self::Connection>, CompositionError>> + Send;

    /// Whether a query failed because its table is not there.
    #[doc(hidden)]
    fn is_missing_table(error: &dyn DatabaseError) -> bool;
}

/// Where one module keeps its data. It displays without a password.
#[doc(hidden)]
pub trait Location: Clone + PartialEq + Display + Send + Sync + 'static {}
