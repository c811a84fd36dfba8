//! Tells others that an article is gone.

use article_observer_contract::ArticleObserver;
use conduit_types::Failure;

use crate::{ArticlesModule, store};

impl ArticlesModule {
    /// Tells every observer of every deletion that was not told yet. What fails is told again after
    /// the next deletion, or start: the article is gone, and what hangs on it can wait.
    pub(crate) async fn announce_deletions(&self) {
        if let Err(error) = self.try_announce_deletions().await {
            tracing::warn!("an observer has yet to hear of a deleted article: {error}");
        }
    }

    async fn try_announce_deletions(&self) -> Result<(), Failure> {
        for article in store::untold_deletions(&self.db).await? {
            for observer in self.observers.all()? {
                observer.article_deleted(article).await?;
            }
            store::told_deletion(&self.db, article).await?;
        }
        Ok(())
    }
}
