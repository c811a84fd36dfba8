//! What comments want to hear from other modules.

use article_observer_contract::ArticleObserver;
use articles_contract::ArticleId;
use conduit_types::Failure;
use conduit_web::Authenticates;
use identity_contract::Identity;

use crate::{CommentsModule, store};

#[bedplate::scene_service]
impl ArticleObserver for CommentsModule {
    async fn article_deleted(&self, article: ArticleId) -> Result<(), Failure> {
        Ok(store::delete_of_article(&self.db, article).await?)
    }
}

impl Authenticates for CommentsModule {
    fn identity(&self) -> &dyn Identity {
        &self.identity
    }
}
