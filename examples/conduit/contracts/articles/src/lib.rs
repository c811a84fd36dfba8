//! The contract of articles: to find one, and to show it.

#![forbid(unsafe_code)]

use conduit_types::{Failure, Timestamp};
use identity_contract::UserId;
use profiles_contract::Profile;
use serde::{Deserialize, Serialize};

/// An article's number. It stays when the slug changes, and is never given again: what other
/// modules keep about an article, they keep under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArticleId(pub i64);

/// An article as one viewer sees it. Serializes to the article of the public interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Article {
    /// Its name in addresses.
    pub slug: String,
    /// The title.
    pub title: String,
    /// What it is about, in a line.
    pub description: String,
    /// The text; lists go without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The tags, in the author's order.
    pub tag_list: Vec<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Whether it is one of the viewer's favorites.
    pub favorited: bool,
    /// How many users it is a favorite of.
    pub favorites_count: u64,
    /// Who wrote it.
    pub author: Profile,
}

/// Articles, found and shown.
#[bedplate::service]
pub trait Articles {
    /// The article of this slug.
    async fn find(&self, slug: String) -> Result<Option<ArticleId>, Failure>;

    /// The article with its body, as `viewer` sees it.
    async fn article(&self, id: ArticleId, viewer: Option<UserId>) -> Result<Option<Article>, Failure>;
}
