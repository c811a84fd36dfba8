//! Profiles: users as others see them, and who follows whom.

#![forbid(unsafe_code)]

mod routes;
mod service;
mod store;

use std::sync::Arc;

use bedplate::{Exports, Module, ServiceRef};
use bedplate_starter_http::RoutesExt;
use bedplate_starter_sql::Sql;
use identity_contract::Identity;

/// Users as others see them, and who follows whom.
#[bedplate::module]
pub struct ProfilesModule {
    #[with(sqlx::migrate!())]
    db: Sql,
    identity: ServiceRef<dyn Identity>,
}

impl Module for ProfilesModule {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(routes::router().with_state(self.clone()));
    }
}
