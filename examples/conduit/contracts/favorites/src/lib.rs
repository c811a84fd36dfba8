//! The contract of favorites: which articles are whose.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use articles_contract::ArticleId;
use conduit_types::Failure;
use identity_contract::UserId;
use serde::{Deserialize, Serialize};

/// What favorites know of one article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// How many users it is a favorite of.
    pub count: u64,
    /// Whether the viewer is one of them.
    pub favorited: bool,
}

/// Which articles are whose favorites.
#[bedplate::service]
pub trait Favorites {
    /// The marks of these articles as `viewer` sees them: a whole page in one call. An article that
    /// is nobody's favorite is left out.
    async fn marks(
        &self,
        articles: Vec<ArticleId>,
        viewer: Option<UserId>,
    ) -> Result<BTreeMap<ArticleId, Mark>, Failure>;

    /// The articles that are favorites of this user, in no order.
    async fn favorites_of(&self, user: UserId) -> Result<Vec<ArticleId>, Failure>;
}
