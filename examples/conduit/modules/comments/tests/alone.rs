//! The module alone: everything it knows others through is a contract, and so can be a fake.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use articles_contract::{Article, ArticleId, Articles};
use bedplate::testing::TestBase;
use bedplate::{CallError, Result};
use bedplate_starter_http::{Http, HttpTest, TestResponse};
use bedplate_starter_sql::SqlStarter;
use comments::CommentsModule;
use conduit_types::Failure;
use identity_contract::{Identity, User, UserId};
use profiles_contract::{Profile, Profiles};
use serde_json::{Value, json};

/// Takes any number for the token of that user.
struct FakeIdentity;

#[bedplate::service]
impl Identity for FakeIdentity {
    async fn authenticate(&self, token: String) -> Result<Option<UserId>, Failure> {
        Ok(token.parse().ok().map(UserId))
    }
    async fn user_named(&self, _: String) -> Result<Option<User>, Failure> {
        Ok(None)
    }
    async fn users(&self, _: Vec<UserId>) -> Result<Vec<User>, Failure> {
        Ok(Vec::new())
    }
}

/// Everybody is there, but for user 13.
struct FakeProfiles;

#[bedplate::service]
impl Profiles for FakeProfiles {
    async fn profiles(&self, users: Vec<UserId>, _: Option<UserId>) -> Result<BTreeMap<UserId, Profile>, Failure> {
        let profile =
            |id: &UserId| Profile { username: format!("user {}", id.0), bio: None, image: None, following: false };
        Ok(users.iter().filter(|id| id.0 != 13).map(|id| (*id, profile(id))).collect())
    }
    async fn followed_by(&self, _: UserId) -> Result<Vec<UserId>, Failure> {
        Ok(Vec::new())
    }
}

/// Has one article, and three ways to fail.
struct FakeArticles;

#[bedplate::service]
impl Articles for FakeArticles {
    async fn find(&self, slug: String) -> Result<Option<ArticleId>, Failure> {
        let target = || "articles".to_owned();
        match slug.as_str() {
            "there" => Ok(Some(ArticleId(1))),
            "overloaded" => Err(CallError::Overloaded { target: target() }.into()),
            "slow" => Err(CallError::DeadlineExceeded { target: target() }.into()),
            "broken" => Err(Failure::Provider { reason: "the disk at /secret is full".to_owned() }),
            _ => Ok(None),
        }
    }
    async fn article(&self, _: ArticleId, _: Option<UserId>) -> Result<Option<Article>, Failure> {
        Ok(None)
    }
}

async fn with_fakes(base: &TestBase) -> Result<()> {
    base.provide::<dyn Identity, _>(FakeIdentity).await?;
    base.provide::<dyn Profiles, _>(FakeProfiles).await?;
    base.provide::<dyn Articles, _>(FakeArticles).await?;
    Ok(())
}

async fn comment(base: &TestBase, user: i64, body: &str) -> Result<TestResponse> {
    let request = base.http().post("/articles/there/comments").header("authorization", &format!("Token {user}"));
    request.json(&json!({ "comment": { "body": body } })).await
}

async fn listed(base: &TestBase) -> Result<Vec<String>> {
    let listed: Value = base.http().get("/articles/there/comments").await?.expect(200)?.json()?;
    let body = |comment: &Value| comment["body"].as_str().map(str::to_owned);
    Ok(listed["comments"].as_array().into_iter().flatten().filter_map(body).collect())
}

#[bedplate::test(starters(Http, SqlStarter), modules(CommentsModule))]
async fn comments_outlive_a_new_generation(base: TestBase) -> Result<()> {
    with_fakes(&base).await?;
    comment(&base, 1, "first").await?.expect(201)?;
    base.swap::<CommentsModule>().await?;
    comment(&base, 2, "second").await?.expect(201)?;
    assert_eq!(listed(&base).await?, ["second", "first"]);
    Ok(())
}

#[bedplate::test(starters(Http, SqlStarter), modules(CommentsModule))]
async fn a_comment_whose_author_is_gone_is_left_out(base: TestBase) -> Result<()> {
    with_fakes(&base).await?;
    comment(&base, 1, "stays").await?.expect(201)?;
    comment(&base, 13, "goes").await?.expect(401)?;
    assert_eq!(listed(&base).await?, ["stays"]);
    Ok(())
}

#[bedplate::test(starters(Http, SqlStarter), modules(CommentsModule), settings = "[modules.comments]\nmax_length = 5")]
async fn the_longest_comment_is_a_setting(base: TestBase) -> Result<()> {
    with_fakes(&base).await?;
    comment(&base, 1, "äöüßé").await?.expect(201)?;
    let refused: Value = comment(&base, 1, "six666").await?.expect(422)?.json()?;
    assert_eq!(refused, json!({ "errors": { "body": ["is too long (maximum is 5 characters)"] } }));
    Ok(())
}

#[bedplate::test(starters(Http, SqlStarter), modules(CommentsModule))]
async fn what_others_cannot_answer_has_a_status_and_no_details(base: TestBase) -> Result<()> {
    with_fakes(&base).await?;
    for (slug, status, message) in
        [("overloaded", 503, "is unavailable"), ("slow", 504, "did not answer in time"), ("broken", 500, "failed")]
    {
        let answer = base.http().get(&format!("/articles/{slug}/comments")).await?.expect(status)?;
        assert_eq!(answer.json::<Value>()?, json!({ "errors": { "service": [message] } }));
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
    }
    Ok(())
}
