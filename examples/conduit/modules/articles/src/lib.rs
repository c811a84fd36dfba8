//! Articles: their lists, feeds and tags.

#![forbid(unsafe_code)]

mod deletions;
mod listing;
mod page;
mod routes;
mod service;
mod slug;
mod store;
mod view;

use std::sync::Arc;

use article_observer_contract::ArticleObserver;
use bedplate::{Exports, Module, ServiceRef, ServiceRefs, Settings};
use bedplate_starter_http::RoutesExt;
use bedplate_starter_sql::Sql;
use favorites_contract::Favorites;
use identity_contract::Identity;
use profiles_contract::Profiles;

/// Articles, their lists, feeds and tags.
#[bedplate::module]
pub struct ArticlesModule {
    #[with(sqlx::migrate!())]
    db: Sql,
    identity: ServiceRef<dyn Identity>,
    profiles: ServiceRef<dyn Profiles>,
    favorites: ServiceRef<dyn Favorites>,
    observers: ServiceRefs<dyn ArticleObserver>,
    settings: ArticleSettings,
}

/// `[modules.articles]`: how lists are cut.
#[derive(Debug, Settings)]
struct ArticleSettings {
    /// The longest page of a list: a higher `limit` is lowered to it.
    #[setting(default = 1_000, range = 20..=100_000)]
    longest_page: u32,
}

impl Module for ArticlesModule {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(routes::router().with_state(self.clone()));
        // What an earlier run, or generation, could not tell is told now.
        let articles = self.clone();
        to.task("announce deletions", move || {
            let articles = articles.clone();
            async move { articles.announce_deletions().await }
        });
    }
}
