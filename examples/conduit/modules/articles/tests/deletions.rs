//! A deletion is told to every observer, again and again until all have heard.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use article_observer_contract::ArticleObserver;
use articles::ArticlesModule;
use articles_contract::ArticleId;
use bedplate::testing::TestBase;
use bedplate::{Module, ModuleSpec, Result};
use bedplate_starter_http::{Http, HttpTest};
use bedplate_starter_sql::SqlStarter;
use conduit_types::Failure;
use favorites_contract::{Favorites, Mark};
use identity_contract::{Identity, User, UserId};
use profiles_contract::{Profile, Profiles};
use serde_json::json;

/// The one author there is, with any token.
struct Author;

#[bedplate::service]
impl Identity for Author {
    async fn authenticate(&self, _: String) -> Result<Option<UserId>, Failure> {
        Ok(Some(UserId(1)))
    }
    async fn user_named(&self, _: String) -> Result<Option<User>, Failure> {
        Ok(None)
    }
    async fn users(&self, _: Vec<UserId>) -> Result<Vec<User>, Failure> {
        Ok(Vec::new())
    }
}

#[bedplate::service]
impl Profiles for Author {
    async fn profiles(&self, users: Vec<UserId>, _: Option<UserId>) -> Result<BTreeMap<UserId, Profile>, Failure> {
        let profile = Profile { username: "author".to_owned(), bio: None, image: None, following: false };
        Ok(users.into_iter().map(|user| (user, profile.clone())).collect())
    }
    async fn followed_by(&self, _: UserId) -> Result<Vec<UserId>, Failure> {
        Ok(Vec::new())
    }
}

#[bedplate::service]
impl Favorites for Author {
    async fn marks(&self, _: Vec<ArticleId>, _: Option<UserId>) -> Result<BTreeMap<ArticleId, Mark>, Failure> {
        Ok(BTreeMap::new())
    }
    async fn favorites_of(&self, _: UserId) -> Result<Vec<ArticleId>, Failure> {
        Ok(Vec::new())
    }
}

/// Writes down what it hears, while it listens. To hear of an article twice is to hear of it.
#[derive(Clone, Default)]
struct Listener {
    is_deaf: Arc<AtomicBool>,
    heard: Arc<Mutex<BTreeSet<ArticleId>>>,
}

impl Module for Listener {}

#[bedplate::service]
impl ArticleObserver for Listener {
    async fn article_deleted(&self, article: ArticleId) -> Result<(), Failure> {
        if self.is_deaf.load(Ordering::SeqCst) {
            return Err(Failure::Provider { reason: "the database is locked".to_owned() });
        }
        self.heard.lock().expect("nobody panics with it").insert(article);
        Ok(())
    }
}

impl Listener {
    fn heard(&self) -> Vec<ArticleId> {
        self.heard.lock().expect("nobody panics with it").iter().copied().collect()
    }

    /// This listener as a module of its own: a contract for many can have several.
    fn module(&self, name: &str) -> Result<ModuleSpec> {
        let listener = self.clone();
        Ok(ModuleSpec::plain(name, move |_| Ok(listener.clone()))?.publishing::<Self, dyn ArticleObserver>())
    }
}

async fn with_fakes(base: &TestBase) -> Result<()> {
    base.provide::<dyn Identity, _>(Author).await?;
    base.provide::<dyn Profiles, _>(Author).await?;
    base.provide::<dyn Favorites, _>(Author).await?;
    Ok(())
}

/// Writes and deletes an article of this title.
async fn write_and_delete(base: &TestBase, title: &str) -> Result<()> {
    let article = json!({ "article": { "title": title, "description": "d", "body": "b" } });
    base.http().post("/articles").header("authorization", "Token t").json(&article).await?.expect(201)?;
    base.http().delete(&format!("/articles/{title}")).header("authorization", "Token t").await?.expect(204)?;
    Ok(())
}

#[bedplate::test(starters(Http, SqlStarter), modules(ArticlesModule))]
async fn every_observer_hears_of_it(base: TestBase) -> Result<()> {
    with_fakes(&base).await?;
    let (one, two) = (Listener::default(), Listener::default());
    base.swap_to(one.module("one")?).await?;
    base.swap_to(two.module("two")?).await?;
    write_and_delete(&base, "first").await?;
    assert_eq!((one.heard(), two.heard()), (vec![ArticleId(1)], vec![ArticleId(1)]));
    Ok(())
}

#[bedplate::test(starters(Http, SqlStarter), modules(ArticlesModule))]
async fn what_was_not_heard_is_told_with_the_next_deletion(base: TestBase) -> Result<()> {
    with_fakes(&base).await?;
    let listener = Listener::default();
    base.swap_to(listener.module("listener")?).await?;
    listener.is_deaf.store(true, Ordering::SeqCst);
    write_and_delete(&base, "first").await?;
    assert_eq!(listener.heard(), [], "the article is gone all the same");
    listener.is_deaf.store(false, Ordering::SeqCst);
    write_and_delete(&base, "second").await?;
    assert_eq!(listener.heard(), [ArticleId(1), ArticleId(2)]);
    Ok(())
}
