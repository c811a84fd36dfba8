//! What Conduit is composed of, and what happens where a part is missing.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::process::Command;

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Construct, Field, Fields, ModuleSpec, RequiredKind, Requirements, Result, ServiceRef};
use bedplate_starter_http::{Http, HttpTest};
use bedplate_starter_sql::SqlStarter;
use serde_json::{Value, json};

/// Conduit, as far as it goes without articles and favorites.
fn rest() -> TestBaseBuilder {
    TestBase::builder()
        .starter::<Http>()
        .starter::<SqlStarter>()
        .module::<identity::IdentityModule>()
        .module::<profiles::ProfilesModule>()
        .module::<comments::CommentsModule>()
        .settings("[starters.http]\nprefix = \"/api\"\n[modules.identity.password]\nmemory = \"64KiB\"\nrounds = 1")
}

/// The articles module, where its author had written `Option<ServiceRef<dyn Favorites>>`: the same
/// requirements, but for that one.
fn articles_without_favorites() -> ModuleSpec {
    let spec = ModuleSpec::plain("articles", |from: &Fields<'_>| articles::ArticlesModule::construct(from)).unwrap();
    let spec = spec.publishing::<articles::ArticlesModule, dyn articles_contract::Articles>();
    spec.requiring(|to| {
        let mut declared = Requirements::default();
        articles::ArticlesModule::requirements(&mut declared);
        for required in declared.as_slice() {
            match &required.kind {
                RequiredKind::Service { contract, .. } if contract.name == "Favorites" => {
                    to.field::<Option<ServiceRef<dyn favorites_contract::Favorites>>>(Field::new("favorites"));
                }
                kind => to.add(required.field, kind.clone()),
            }
        }
    })
}

#[test]
fn all_of_it_fits_together() {
    let builder = rest().module::<articles::ArticlesModule>().module::<favorites::FavoritesModule>();
    bedplate::testing::run(builder, async |base| base.check().await).unwrap();
}

#[test]
fn without_favorites_it_does_not_and_both_places_are_named() {
    let builder = rest().module::<articles::ArticlesModule>();
    let error = bedplate::testing::run(builder, async |base| base.check().await.unwrap_err());
    let [problem] = error.problems.as_slice() else { panic!("one thing is wrong:\n{error}") };
    assert_eq!(problem.code, "missing-service");
    assert!(problem.what.contains("`articles` requires `Favorites`"), "{}", problem.what);
    let [field, contract] = problem.places.as_slice() else { panic!("two places: {:?}", problem.places) };
    assert_eq!(field.what, "the field `favorites` of `articles`");
    assert!(field.at.ends_with(&line_of("modules/articles/src/lib.rs", "    favorites: ServiceRef<")), "{}", field.at);
    assert_eq!(contract.what, "the contract `Favorites`");
    assert!(contract.at.contains("contracts/favorites/src/lib.rs:"), "{}", contract.at);
    assert!(problem.help.contains("Option<ServiceRef<dyn Favorites>>"), "{}", problem.help);
}

/// `<file>:<line>` of the line that begins like this.
fn line_of(file: &str, beginning: &str) -> String {
    let text = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let line = text.lines().position(|line| line.starts_with(beginning)).unwrap() + 1;
    format!("{file}:{line}")
}

#[test]
fn where_its_user_says_option_it_serves_without_favorites() {
    let builder = rest().with(articles_without_favorites());
    bedplate::testing::run(builder, async |base| -> Result<()> {
        base.check().await?;
        let http = base.http();
        let user = json!({ "user": { "username": "jake", "email": "jake@example.com", "password": "password123" } });
        let user: Value = http.post("/api/users").json(&user).await?.expect(201)?.json()?;
        let token = format!("Token {}", user["user"]["token"].as_str().unwrap());
        let article = json!({ "article": { "title": "Title", "description": "d", "body": "b" } });
        http.post("/api/articles").header("authorization", &token).json(&article).await?.expect(201)?;
        let article: Value = http.get("/api/articles/title").await?.expect(200)?.json()?;
        assert_eq!(article["article"]["favoritesCount"], 0);
        let list: Value = http.get("/api/articles?favorited=jake").await?.expect(200)?.json()?;
        assert_eq!(list["articlesCount"], 0);
        http.post("/api/articles/title/favorite").header("authorization", &token).await?.expect(404)?;
        http.delete("/api/articles/title").header("authorization", &token).await?.expect(204)?;
        Ok(())
    })
    .unwrap();
}

#[test]
fn modules_know_each_other_through_contracts_alone() {
    const MODULES: [&str; 5] = ["articles", "comments", "favorites", "identity", "profiles"];
    for module in MODULES {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "--edges",
                "normal",
                "--prefix",
                "none",
                "--format",
                "{p}",
                "--package",
                module,
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let others: Vec<_> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .filter(|package| *package != module && MODULES.contains(package))
            .collect();
        assert_eq!(others, [""; 0], "{module} depends on another module");
    }
}

#[test]
fn the_settings_beside_the_base_pass_its_check() {
    let output = Command::new(env!("CARGO_BIN_EXE_conduit"))
        .args(["check", "--json", "--config"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/bedplate.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
