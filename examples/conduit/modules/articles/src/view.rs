//! Articles as one viewer sees them: put together from what three modules know.

use std::collections::{BTreeMap, BTreeSet};

use articles_contract::{Article, ArticleId};
use bedplate::CallError;
use conduit_types::{Failure, Timestamp};
use favorites_contract::{Favorites, Mark};
use identity_contract::UserId;
use profiles_contract::{Profile, Profiles};

use crate::ArticlesModule;
use crate::store::Row;

impl ArticlesModule {
    /// Articles as `viewer` sees them, in their order: one call for all authors, one for all marks.
    /// An article whose author is not there any more is left out.
    pub(crate) async fn show(&self, rows: Vec<Row>, viewer: Option<UserId>) -> Result<Vec<Article>, Failure> {
        let ids: Vec<_> = rows.iter().map(Row::id).collect();
        let authors: BTreeSet<_> = rows.iter().map(Row::author).collect();
        let (profiles, marks) =
            tokio::try_join!(self.profiles.profiles(authors.into_iter().collect(), viewer), self.marks(ids, viewer),)?;
        let shown = rows.into_iter().filter_map(|row| {
            let author = profiles.get(&row.author())?.clone();
            let mark = marks.get(&row.id()).copied().unwrap_or_default();
            Some(put_together(row, author, mark))
        });
        Ok(shown.collect())
    }

    /// One article as `viewer` sees it.
    pub(crate) async fn show_one(&self, row: Row, viewer: Option<UserId>) -> Result<Option<Article>, Failure> {
        Ok(self.show(vec![row], viewer).await?.pop())
    }

    /// The favorites of a user.
    pub(crate) async fn favorites_of(&self, user: UserId) -> Result<Vec<ArticleId>, Failure> {
        or_none(self.favorites.favorites_of(user).await)
    }

    async fn marks(
        &self,
        articles: Vec<ArticleId>,
        viewer: Option<UserId>,
    ) -> Result<BTreeMap<ArticleId, Mark>, Failure> {
        or_none(self.favorites.marks(articles, viewer).await)
    }
}

/// To compose a base without favorites by oversight is an error, so the module requires them. Where
/// they have been taken away on purpose, articles are shown as nobody's favorites.
fn or_none<T: Default>(answer: Result<T, Failure>) -> Result<T, Failure> {
    match answer {
        Err(Failure::Call(CallError::Unpublished { .. })) => Ok(T::default()),
        answer => answer,
    }
}

fn put_together(row: Row, author: Profile, mark: Mark) -> Article {
    let Row { slug, title, description, body, created_at, updated_at, tags: tag_list, .. } = row;
    Article {
        slug,
        title,
        description,
        body,
        tag_list,
        created_at: Timestamp::from_milliseconds(created_at),
        updated_at: Timestamp::from_milliseconds(updated_at),
        favorited: mark.favorited,
        favorites_count: mark.count,
        author,
    }
}
