//! The contract of those who want to hear what becomes of articles.

#![forbid(unsafe_code)]

use articles_contract::ArticleId;
use conduit_types::Failure;

/// Wants to hear what becomes of articles. Any number of modules may: each is called.
#[bedplate::service(many)]
pub trait ArticleObserver {
    /// An article is gone, and so should be what is kept about it.
    ///
    /// It is told again after a failure of any observer, so hearing it twice is no error.
    async fn article_deleted(&self, article: ArticleId) -> Result<(), Failure>;
}
