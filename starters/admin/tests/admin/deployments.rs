//! Deployments: taken, followed, and carried out to their end with or without a client.

use std::sync::Arc;
use std::time::Duration;

use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::testing::run;
use bedplate::{Module, ModuleContext, ModuleSpec, Result};
use bedplate_starter_admin::Admin;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use crate::support::{composition, decided, deploy, get, operated, socket};

/// A module whose start waits for a permit.
struct Gated(Arc<Semaphore>);

impl Module for Gated {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        self.0.acquire().await?.forget();
        Ok(())
    }
}

/// The module, and the permits for its starts: one is there, for the first.
fn gated() -> (ModuleSpec, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(1));
    let starts = permits.clone();
    (ModuleSpec::plain("gated", move |_| Ok(Gated(starts.clone()))).unwrap(), permits)
}

fn redeploy(module: &str) -> Value {
    json!({ "version": 1, "operation": { "redeploy": { "modules": [module] } } })
}

#[test]
fn a_redeployment_is_taken_followed_and_kept() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        let begun = deploy(&socket, &redeploy("quiet")).await?;
        let id = begun.body["deployment"]["id"].as_str().unwrap();
        assert!(begun.head.contains(&format!("/v1/deployments/{id}")), "{begun:?}");
        let deployment = decided(&socket, &begun).await?;
        assert_eq!(deployment["state"], "live", "{deployment}");
        let steps: Vec<_> =
            deployment["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
        assert!(steps.contains(&"start") && steps.contains(&"swap"), "{steps:?}");
        assert!(deployment["who"].as_str().unwrap().contains("uid"), "{deployment}");
        assert_eq!(composition(&socket).await, 2);
        let listed = get(&socket, "/v1/deployments").await?.body;
        assert_eq!(listed["deployments"][0]["id"], id);
        Ok(())
    })
}

#[test]
fn one_that_fails_says_why_and_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        let deployment = decided(&socket, &deploy(&socket, &redeploy("absent")).await?).await?;
        assert_eq!(deployment["state"], "failed", "{deployment}");
        let error = &deployment["error"];
        assert!(
            !error["code"].as_str().unwrap().is_empty() && error["what"].as_str().unwrap().contains("absent"),
            "{error}"
        );
        assert_eq!(composition(&socket).await, 1);
        Ok(())
    })
}

#[test]
fn it_goes_on_without_its_client() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (module, permits) = gated();
    run(operated(&folder).with(module), |base| async move {
        let socket = socket(&base).await;
        let document = redeploy("gated").to_string();
        let mut client = UnixStream::connect(&socket).await?;
        let head = "POST /v1/deployments HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
        client.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{document}", document.len()).as_bytes()).await?;
        // It is taken, and whoever asked is gone before it is done.
        client.readable().await?;
        drop(client);
        let listed = get(&socket, "/v1/deployments").await?.body["deployments"][0].clone();
        assert!(["queued", "running"].contains(&listed["state"].as_str().unwrap()), "{listed}");
        permits.add_permits(1);
        let (id, mut after) = (listed["id"].as_str().unwrap(), listed["revision"].as_u64().unwrap());
        loop {
            let now = get(&socket, &format!("/v1/deployments/{id}?after={after}")).await?.body["deployment"].clone();
            after = now["revision"].as_u64().unwrap();
            if now["state"] == "live" {
                break;
            }
            assert!(["queued", "running"].contains(&now["state"].as_str().unwrap()), "{now}");
        }
        assert_eq!(composition(&socket).await, 2);
        Ok(())
    })
}

#[test]
fn those_that_wait_see_their_place_in_the_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (module, permits) = gated();
    run(operated(&folder).with(module), |base| async move {
        let socket = socket(&base).await;
        let first = deploy(&socket, &redeploy("gated")).await?;
        // Only when it is at work, so that the order is certain.
        let id = first.body["deployment"]["id"].as_str().unwrap();
        let mut after = 1;
        loop {
            let now = get(&socket, &format!("/v1/deployments/{id}?after={after}")).await?.body["deployment"].clone();
            after = now["revision"].as_u64().unwrap();
            if now["state"] == "running" {
                break;
            }
        }
        let second = deploy(&socket, &redeploy("quiet")).await?;
        let id = second.body["deployment"]["id"].as_str().unwrap();
        let mut now = second.body["deployment"].clone();
        while now["position"] != 1 {
            let after = now["revision"].as_u64().unwrap();
            now = get(&socket, &format!("/v1/deployments/{id}?after={after}")).await?.body["deployment"].clone();
            assert_eq!(now["state"], "queued", "{now}");
        }
        permits.add_permits(1);
        assert_eq!(decided(&socket, &first).await?["state"], "live");
        assert_eq!(decided(&socket, &second).await?["state"], "live");
        assert_eq!(composition(&socket).await, 3);
        Ok(())
    })
}

#[test]
fn no_news_are_an_answer_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder).set("starters.admin.news=20ms"), |base| async move {
        let socket = socket(&base).await;
        let live = decided(&socket, &deploy(&socket, &redeploy("quiet")).await?).await?;
        let id = live["id"].as_str().unwrap();
        let far = u64::MAX;
        let answer = get(&socket, &format!("/v1/deployments/{id}?after={far}")).await?;
        assert_eq!((answer.status, &answer.body["deployment"]["state"]), (200, &json!("live")));
        Ok(())
    })
}

#[test]
fn a_plan_changes_nothing_and_says_what_would() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        let mut document = json!({ "version": 1, "operation": { "uninstall": { "modules": ["quiet"] } } });
        document["options"] = json!({ "plan": true });
        let planned = decided(&socket, &deploy(&socket, &document).await?).await?;
        assert_eq!(planned["state"], "planned", "{planned}");
        assert_eq!(planned["plan"]["goes"][0]["module"], "quiet", "{planned}");
        assert_eq!(composition(&socket).await, 1);
        Ok(())
    })
}

#[test]
fn a_rollback_lets_the_warm_one_serve_again_and_the_history_has_it_all() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        let generation = async || -> Result<Value> {
            let modules = get(&socket, "/v1/status").await?.body["modules"].clone();
            let quiet =
                modules.as_array().unwrap().iter().find(|module| module["instance"]["module"] == "quiet").cloned();
            Ok(quiet.unwrap()["instance"]["generation"].clone())
        };
        let first = generation().await?;
        assert_eq!(decided(&socket, &deploy(&socket, &redeploy("quiet")).await?).await?["state"], "live");
        assert_ne!(generation().await?, first);
        let warm = get(&socket, "/v1/status").await?.body["warm"].clone();
        assert_eq!(warm[0]["instance"]["generation"], first, "{warm}");
        let back = json!({ "version": 1, "operation": { "rollback": { "modules": ["quiet"] } } });
        assert_eq!(decided(&socket, &deploy(&socket, &back).await?).await?["state"], "live");
        assert_eq!(generation().await?, first);
        // Nothing is warm any more, and there is no object to load.
        let failed = decided(&socket, &deploy(&socket, &back).await?).await?;
        assert_eq!(failed["error"]["code"], "nothing-to-roll-back", "{failed}");
        let history = get(&socket, "/v1/history?limit=2").await?.body["deployments"].clone();
        let operations: Vec<_> =
            history.as_array().unwrap().iter().map(|past| past["asked"]["operation"].clone()).collect();
        assert_eq!(operations, ["rollback", "redeploy"]);
        assert!(history[0]["asked"]["who"].as_str().unwrap().contains("uid"), "{history}");
        Ok(())
    })
}

#[tokio::test]
async fn the_base_reads_its_own_settings_anew() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bedplate.toml");
    let write = |deadline: &str| {
        let text = format!("[starters.admin]\naddress = '127.0.0.1:0'\n[drain]\ndeadline = '{deadline}'\n");
        std::fs::write(&file, text)
    };
    write("7s")?;
    let sources = Sources::new().file(&file);
    let settings = sources.clone().load().unwrap();
    let base = Assembly::new(settings, folder.path()).sources(sources).starter::<Admin>().start().await?;
    let socket = base.starter::<Admin>().unwrap().socket().unwrap().to_owned();
    assert_eq!(base.drain_deadline(), Duration::from_secs(7));
    let apply = json!({ "version": 1, "operation": { "settings": {} } });
    write("9s")?;
    assert_eq!(decided(&socket, &deploy(&socket, &apply).await?).await?["state"], "live");
    assert_eq!(base.drain_deadline(), Duration::from_secs(9));
    write("soon")?;
    let failed = decided(&socket, &deploy(&socket, &apply).await?).await?;
    assert_eq!(failed["state"], "failed", "{failed}");
    assert!(failed["error"].to_string().contains("drain.deadline"), "{failed}");
    assert_eq!(base.drain_deadline(), Duration::from_secs(9));
    base.shutdown().await?;
    Ok(())
}

#[test]
fn a_module_is_taken_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(operated(&folder), |base| async move {
        let socket = socket(&base).await;
        let document = json!({ "version": 1, "operation": { "uninstall": { "modules": ["quiet"] } } });
        let deployment = decided(&socket, &deploy(&socket, &document).await?).await?;
        assert_eq!(deployment["state"], "live", "{deployment}");
        let modules = get(&socket, "/v1/modules").await?.body["modules"].clone();
        assert!(!modules.as_array().unwrap().iter().any(|module| module["instance"]["module"] == "quiet"), "{modules}");
        Ok(())
    })
}
