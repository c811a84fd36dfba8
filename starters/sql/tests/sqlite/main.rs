//! Bases with modules that keep their data in SQLite.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod apart;
mod conformance;
mod declared;
mod generations;
mod log;
mod memory;
mod migrations;
mod notes;
mod unavailable;

use bedplate::{Module, ModuleContext, Result};
use bedplate_starter_sql::Sql;

/// A module as people write one. The attribute wants the crate's root.
#[bedplate::module(name = "declared")]
struct Declared {
    #[with(sqlx::migrate!("tests/migrations"))]
    db: Sql,
}

impl Module for Declared {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        sqlx::query("INSERT INTO notes (text) VALUES ('started')").execute(&*self.db).await?;
        Ok(())
    }
}
