//! The secret that tokens are signed with: from the settings, else made and kept.

#![forbid(unsafe_code)]

use bedplate::testing::TestBase;
use bedplate::{Result, ServiceRef};
use bedplate_starter_http::{Http, HttpTest};
use bedplate_starter_sql::SqlStarter;
use identity::IdentityModule;
use identity_contract::{Identity, UserId};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const CHEAP: &str = "[modules.identity.password]\nmemory = \"64KiB\"\nrounds = 1\n";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn register(base: &TestBase) -> Result<String> {
    let user = json!({ "user": { "username": "jake", "email": "jake@example.com", "password": "password123" } });
    let answer: Value = base.http().post("/users").json(&user).await?.expect(201)?.json()?;
    Ok(answer["user"]["token"].as_str().expect("a user has a token").to_owned())
}

async fn authenticate(base: &TestBase, token: &str) -> Result<Option<UserId>> {
    let identity: ServiceRef<dyn Identity> = base.service();
    Ok(identity.authenticate(token.to_owned()).await?)
}

/// A token as another base with this secret makes it.
fn signed(secret: &str, user: &str) -> Result<String> {
    let claims = json!({ "sub": user, "iat": 0, "exp": 9_999_999_999_u64 });
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))?)
}

#[bedplate::test(starters(Http, SqlStarter), modules(IdentityModule), settings = CHEAP)]
async fn a_secret_that_was_made_is_kept(base: TestBase) -> Result<()> {
    let token = register(&base).await?;
    base.swap::<IdentityModule>().await?;
    assert_eq!(authenticate(&base, &token).await?, Some(UserId(1)));
    Ok(())
}

#[bedplate::test(starters(Http, SqlStarter), modules(IdentityModule),
    settings = format!("[modules.identity]\ntoken_secret = \"{SECRET}\"\n{CHEAP}"))]
async fn bases_with_one_secret_share_tokens(base: TestBase) -> Result<()> {
    register(&base).await?;
    assert_eq!(authenticate(&base, &signed(SECRET, "1")?).await?, Some(UserId(1)));
    assert_eq!(authenticate(&base, &signed("another secret of thirty-two bytes", "1")?).await?, None);
    Ok(())
}

#[bedplate::test(starters(Http, SqlStarter), modules(IdentityModule),
    settings = format!("[modules.identity]\ntoken_secret = \"{SECRET}\"\n{CHEAP}"))]
async fn a_token_of_nobody_is_no_good(base: TestBase) -> Result<()> {
    register(&base).await?;
    for user in ["2", "jake", ""] {
        assert_eq!(authenticate(&base, &signed(SECRET, user)?).await?, None, "{user}");
    }
    Ok(())
}

#[bedplate::test(
    starters(Http, SqlStarter),
    modules(IdentityModule),
    settings = "[modules.identity]\ntoken_secret = \"hunter2\"\n[modules.identity.password]\nmemory = \"1KiB\""
)]
async fn what_will_not_do_is_refused_before_anything_starts(base: TestBase) -> Result<()> {
    let error = base.check().await.expect_err("the secret is short, and the memory too little").to_string();
    assert!(error.contains("shorter than 32 bytes") && error.contains("`password` will not do"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    Ok(())
}
