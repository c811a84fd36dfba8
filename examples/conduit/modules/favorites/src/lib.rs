//! Favorites: which articles are whose.

#![forbid(unsafe_code)]

mod routes;
mod service;
mod store;

use std::sync::Arc;

use articles_contract::Articles;
use bedplate::{Exports, Module, ServiceRef};
use bedplate_starter_http::RoutesExt;
use bedplate_starter_sql::Sql;
use identity_contract::Identity;

/// Which articles are whose favorites.
#[bedplate::module]
pub struct FavoritesModule {
    #[with(sqlx::migrate!())]
    db: Sql,
    identity: ServiceRef<dyn Identity>,
    /// Optional, since it closes a circle: an article is shown with its favorites, and so requires
    /// them. Favorites can be counted with nobody there who publishes articles.
    articles: Option<ServiceRef<dyn Articles>>,
}

impl Module for FavoritesModule {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(routes::router().with_state(self.clone()));
    }
}
