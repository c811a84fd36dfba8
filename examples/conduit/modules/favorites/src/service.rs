//! What favorites answer to other modules, and what they want to hear from them.

use std::collections::BTreeMap;

use article_observer_contract::ArticleObserver;
use articles_contract::ArticleId;
use conduit_types::Failure;
use conduit_web::Authenticates;
use favorites_contract::{Favorites, Mark};
use identity_contract::{Identity, UserId};

use crate::{FavoritesModule, store};

#[bedplate::scene_service]
impl Favorites for FavoritesModule {
    async fn marks(
        &self,
        articles: Vec<ArticleId>,
        viewer: Option<UserId>,
    ) -> Result<BTreeMap<ArticleId, Mark>, Failure> {
        Ok(store::marks(&self.db, &articles, viewer).await?)
    }

    async fn favorites_of(&self, user: UserId) -> Result<Vec<ArticleId>, Failure> {
        Ok(store::favorites_of(&self.db, user).await?)
    }
}

#[bedplate::scene_service]
impl ArticleObserver for FavoritesModule {
    async fn article_deleted(&self, article: ArticleId) -> Result<(), Failure> {
        Ok(store::forget(&self.db, article).await?)
    }
}

impl Authenticates for FavoritesModule {
    fn identity(&self) -> &dyn Identity {
        &self.identity
    }
}
