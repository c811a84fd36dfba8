//! Where routes are mounted, what is refused, and what is listed.

use axum::Router;
use axum::extract::{MatchedPath, OriginalUri};
use axum::http::Uri;
use axum::routing::{any, get, post};
use bedplate::base::Phase;
use bedplate::testing::{TestBase, run};
use bedplate::{Change, Content, Result};
use bedplate_starter_http::{HttpTest, Routes};
use serde_json::{Value, json};

use crate::support::{exporting, http, module};

fn says(text: &'static str, path: &'static str) -> impl Fn() -> Router + Send + Sync + 'static {
    move || Router::new().route(path, get(move || async move { text }))
}

async fn routes(base: &TestBase) -> Result<Value> {
    let inspections = base.running().await?.inspect();
    let routes = inspections.into_iter().find(|inspection| inspection.name == "routes");
    match routes.map(|routes| routes.content) {
        Some(Content::Json(value)) => Ok(value),
        other => anyhow::bail!("no list of routes: {other:?}"),
    }
}

#[test]
fn prefixes_of_base_module_and_routes_add_up() -> Result<()> {
    async fn seen(matched: MatchedPath, original: OriginalUri, uri: Uri) -> String {
        format!("{} {} {}", matched.as_str(), original.0, uri)
    }
    let exports = || vec![Routes::new(Router::new().route("/{id}", get(seen))).prefix("/r")];
    let settings = "[starters.http]\nprefix = '/api'\n[modules.m.http]\nprefix = '/m'";
    run(http().with(exporting("m", exports)).settings(settings), |base| async move {
        assert_eq!(base.http().get("/api/m/r/7").await?.expect(200)?.text(), "/api/m/r/{id} /api/m/r/7 /7");
        base.http().get("/m/r/7").await?.expect(404)?;
        Ok(())
    })
}

#[test]
fn modules_share_a_path_by_method() -> Result<()> {
    let reads = module("reads", says("read", "/thing"));
    let writes = module("writes", || Router::new().route("/thing", post(|| async { "written" })));
    run(http().with(reads).with(writes), |base| async move {
        assert_eq!(base.http().get("/thing").await?.expect(200)?.text(), "read");
        assert_eq!(base.http().post("/thing").await?.expect(200)?.text(), "written");
        Ok(())
    })
}

#[test]
fn two_modules_with_one_route_are_refused_by_name() {
    for (other, said) in [("/a/{id}", "`GET /a/{id}` is served already"), ("/a/{slug}", "match the same paths")] {
        let builder = http().with(module("one", says("1", "/a/{id}"))).with(module("two", says("2", other)));
        let error = run(builder, |base| async move { base.running().await.map(|_| ()).unwrap_err() });
        assert_eq!((error.step, error.problems.len()), ("prepare", 1));
        let problem = &error.problems[0];
        assert_eq!(problem.code, "route-conflict");
        assert!(problem.what.contains("`one` and `two`") && problem.what.contains(said), "{problem}");
        assert_eq!(problem.places.len(), 2);
        assert!(problem.places.iter().all(|place| place.at.contains("support.rs")), "{problem}");
        assert!(problem.help.contains("[modules.two.http]"), "{problem}");
    }
}

#[test]
fn every_conflict_is_named_in_one_go() {
    let builder = http()
        .with(module("one", says("1", "/a")))
        .with(module("two", || Router::new().route("/a", get(|| async {})).route("/b", get(|| async {}))))
        .with(module("three", says("3", "/c")))
        .with(module("four", says("4", "/c")));
    let error = run(builder, |base| async move { base.running().await.map(|_| ()).unwrap_err() });
    let all = error.to_string();
    assert_eq!(error.problems.len(), 2, "{all}");
    assert!(all.contains("`one` and `two`") && all.contains("`four` and `three`"), "{all}");
}

#[test]
fn a_deployment_with_a_conflict_changes_nothing() -> Result<()> {
    run(http().with(module("one", says("1", "/a"))), |base| async move {
        base.http().get("/a").await?.expect(200)?;
        let error = base.swap_to(module("two", says("2", "/a"))).await.unwrap_err();
        assert!(error.has("route-conflict"));
        assert_eq!(base.http().get("/a").await?.expect(200)?.text(), "1");
        assert_eq!(base.running().await?.phase(), Phase::Serving);
        base.swap_to(module("two", says("2", "/b"))).await?;
        assert_eq!(base.http().get("/b").await?.expect(200)?.text(), "2");
        Ok(())
    })
}

#[test]
fn a_redeployed_module_does_not_take_the_route_of_another() -> Result<()> {
    run(http().with(module("one", says("1", "/a"))).with(module("two", says("2", "/b"))), |base| async move {
        base.running().await?;
        let error = base.swap_to(module("two", says("2", "/a"))).await.unwrap_err();
        assert!(error.step == "prepare" && error.has("route-conflict"), "{error}");
        assert!(error.to_string().contains("`one` and `two` claim the same route: `GET /a`"), "{error}");
        for (path, text) in [("/a", "1"), ("/b", "2")] {
            assert_eq!(base.http().get(path).await?.expect(200)?.text(), text);
        }
        let now = base.running().await?.pin();
        let two = now.instances().find(|instance| instance.module().as_str() == "two").unwrap();
        assert_eq!(two.id().generation, 1, "the generation before serves on");
        // One that gives it up and one that takes it, in one deployment.
        let change = Change::new().put(module("one", says("1", "/b"))).put(module("two", says("2", "/a")));
        base.running().await?.deploy(change).await?;
        for (path, text) in [("/a", "2"), ("/b", "1")] {
            assert_eq!(base.http().get(path).await?.expect(200)?.text(), text);
        }
        Ok(())
    })
}

#[test]
fn a_module_whose_own_routes_clash_is_named() {
    let exports = || vec![Routes::new(says("1", "/a")()), Routes::new(says("2", "/a")())];
    let error =
        run(
            http().with(exporting("muddled", exports)),
            |base| async move { base.running().await.map(|_| ()).unwrap_err() },
        );
    assert!(error.has("route-conflict"));
    assert!(error.to_string().contains("`muddled`"), "{error}");
}

#[test]
fn a_fallback_stands_below_a_prefix_alone() -> Result<()> {
    let shop = || module("shop", || says("shop", "/a")().fallback(|| async { "shop's own 404" }));
    let error = run(http().with(shop()), |base| async move { base.running().await.map(|_| ()).unwrap_err() });
    assert!(error.has("fallback-at-root"), "{error}");
    assert!(error.to_string().contains("`shop`"), "{error}");

    let below = "[modules.shop.http]\nprefix = '/shop'";
    run(http().with(shop()).with(module("other", says("other", "/o"))).settings(below), |base| async move {
        assert_eq!(base.http().get("/shop/a").await?.expect(200)?.text(), "shop");
        assert_eq!(base.http().get("/shop/x/y").await?.expect(200)?.text(), "shop's own 404");
        assert_eq!(base.http().get("/o").await?.expect(200)?.text(), "other");
        assert!(base.http().get("/x").await?.expect(404)?.text().contains("not_found"));
        let in_shop = base.running().await?.modules().into_iter().find(|m| m.instance.module.as_str() == "shop");
        assert_eq!(in_shop.unwrap().stats.requests, 2, "the fallback runs behind the module's gate");
        Ok(())
    })
}

#[test]
fn two_fallbacks_below_one_prefix_are_refused() {
    let fallback = |name: &str| module(name, || Router::new().fallback(|| async { "mine" }));
    let settings = "[modules.one.http]\nprefix = '/p'\n[modules.two.http]\nprefix = '/p'";
    let builder = http().with(fallback("one")).with(fallback("two")).settings(settings);
    let error = run(builder, |base| async move { base.running().await.map(|_| ()).unwrap_err() });
    assert!(error.has("route-conflict"), "{error}");
    assert!(error.to_string().contains("`one` and `two` both have a fallback"), "{error}");
}

#[test]
fn a_prefix_that_is_none_is_refused() {
    let exports = || vec![Routes::new(says("1", "/a")()).prefix("p/")];
    let error =
        run(http().with(exporting("p", exports)), |base| async move { base.running().await.map(|_| ()).unwrap_err() });
    assert!(error.has("invalid-prefix"), "{error}");
}

#[test]
fn routes_are_listed_with_their_module() -> Result<()> {
    let one = module("one", || Router::new().route("/a/{id}", get(|| async {}).delete(|| async {})));
    let two = module("two", || Router::new().route("/", any(|| async {})));
    run(http().with(one).with(two).settings("[modules.two.http]\nprefix = '/two'"), |base| async move {
        let expected = json!({ "version": 1, "routes": [
            { "methods": ["GET", "DELETE"], "path": "/a/{id}", "module": "one", "scene": "main", "generation": 1 },
            { "methods": ["*"], "path": "/two", "module": "two", "scene": "main", "generation": 1 },
        ]});
        let mut listed = routes(&base).await?;
        for route in listed["routes"].as_array_mut().unwrap() {
            route["methods"].as_array_mut().unwrap().sort_by_key(|method| method != "GET");
        }
        assert_eq!(listed, expected);
        Ok(())
    })
}
