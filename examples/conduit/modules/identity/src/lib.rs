//! Identity: users, their passwords and tokens.

#![forbid(unsafe_code)]

mod keys;
mod password;
mod routes;
mod service;
mod settings;
mod store;
mod token;

use std::sync::{Arc, OnceLock};

use bedplate::{Exports, Module, ModuleContext, Result};
use bedplate_starter_http::RoutesExt;
use bedplate_starter_sql::Sql;

use crate::keys::Keys;
use crate::settings::IdentitySettings;

/// Users, their passwords and tokens.
#[bedplate::module]
pub struct IdentityModule {
    #[with(sqlx::migrate!())]
    db: Sql,
    settings: IdentitySettings,
    #[own]
    keys: OnceLock<Keys>,
}

impl Module for IdentityModule {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        let keys = Keys::load(&self.db, &self.settings).await?;
        self.keys.get_or_init(|| keys);
        Ok(())
    }

    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(routes::router().with_state(self.clone()));
    }
}

impl IdentityModule {
    fn keys(&self) -> &Keys {
        self.keys.get().expect("nothing enters a module before its start has set them")
    }
}
