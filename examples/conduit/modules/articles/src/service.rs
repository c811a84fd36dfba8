//! What articles answer to other modules.

use articles_contract::{Article, ArticleId, Articles};
use conduit_types::Failure;
use conduit_web::Authenticates;
use identity_contract::{Identity, UserId};

use crate::{ArticlesModule, store};

#[bedplate::scene_service]
impl Articles for ArticlesModule {
    async fn find(&self, slug: String) -> Result<Option<ArticleId>, Failure> {
        Ok(store::by_slug(&self.db, &slug).await?.map(|row| row.id()))
    }

    async fn article(&self, id: ArticleId, viewer: Option<UserId>) -> Result<Option<Article>, Failure> {
        match store::by_id(&*self.db, id).await? {
            Some(row) => self.show_one(row, viewer).await,
            None => Ok(None),
        }
    }
}

impl Authenticates for ArticlesModule {
    fn identity(&self) -> &dyn Identity {
        &self.identity
    }
}
