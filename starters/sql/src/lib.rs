#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("bedplate-starter-sql needs a database: enable its feature `sqlite` or `postgres`");

mod backend;
mod breaking;
mod given_up;
mod handle;
mod migrate;
mod pending;
mod pools;
#[cfg(feature = "postgres")]
mod postgres;
mod problem;
mod schema;
mod settings;
#[cfg(feature = "sqlite")]
mod sqlite;
mod starter;
mod wanted;

pub use handle::{Backend, Sql};
pub use settings::{Scenes, SqlModuleSettings, SqlSettings};
pub use starter::SqlStarter;

/// The sqlx that the handles are of, for what a base's own code does with a pool. A module that
/// uses sqlx's macros lists sqlx itself: they name it by its path.
pub use sqlx;
