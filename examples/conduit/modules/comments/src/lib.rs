//! Comments on articles.

#![forbid(unsafe_code)]

mod routes;
mod service;
mod store;

use std::sync::Arc;

use articles_contract::Articles;
use bedplate::{Exports, Module, ServiceRef, Settings};
use bedplate_starter_http::RoutesExt;
use bedplate_starter_sql::Sql;
use identity_contract::Identity;
use profiles_contract::Profiles;

/// Comments on articles.
#[bedplate::module]
pub struct CommentsModule {
    #[with(sqlx::migrate!())]
    db: Sql,
    identity: ServiceRef<dyn Identity>,
    profiles: ServiceRef<dyn Profiles>,
    articles: ServiceRef<dyn Articles>,
    settings: CommentSettings,
}

/// `[modules.comments]`: what a comment may be.
#[derive(Debug, Settings)]
struct CommentSettings {
    /// The longest comment, in characters.
    #[setting(default = 10_000, range = 1..=1_000_000)]
    max_length: usize,
}

impl Module for CommentsModule {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(routes::router().with_state(self.clone()));
    }
}
