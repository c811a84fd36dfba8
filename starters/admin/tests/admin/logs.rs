//! The last lines of a module, and those that come while somebody waits.

use bedplate::testing::run;
use bedplate::{Module, ModuleContext, ModuleSpec, Result};
use bedplate_starter_telemetry::Telemetry;
use serde_json::{Value, json};

use crate::support::{decided, deploy, get, operated, socket};

struct Talks;

impl Module for Talks {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        tracing::info!("here I am");
        Ok(())
    }
}

/// Whether a line with this text is among those that were answered.
fn has(answer: &Value, text: &str) -> bool {
    let lines = answer["lines"].as_array().unwrap();
    lines.iter().any(|line| line["text"].as_str().unwrap().contains(text) && line["object"].is_object())
}

#[test]
fn lines_are_kept_and_followed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let talks = ModuleSpec::plain("talks", |_| Ok(Talks)).unwrap();
    run(operated(&folder).starter::<Telemetry>().with(talks), |base| async move {
        let socket = socket(&base).await;
        let answer = get(&socket, "/v1/logs?module=talks").await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(has(&answer.body, "here I am"), "{answer:?}");
        let last = answer.body["last"].as_u64().unwrap();
        let path = format!("/v1/logs?module=talks&after={last}&follow=true");
        let redeploy = json!({ "version": 1, "operation": { "redeploy": { "modules": ["talks"] } } });
        let (news, begun) = tokio::join!(get(&socket, &path), deploy(&socket, &redeploy));
        decided(&socket, &begun?).await?;
        let news = news?;
        assert!(news.body["last"].as_u64().unwrap() > last, "{news:?}");
        let absent = get(&socket, "/v1/logs?module=absent").await?;
        assert_eq!((absent.status, absent.code()), (404, "not-found"), "{absent:?}");
        Ok(())
    })
}

#[test]
fn where_nothing_comes_the_answer_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // A name of its own: bases in one process share the lines of modules of one name.
    let silent = ModuleSpec::plain("silent", |_| Ok(Talks)).unwrap();
    run(operated(&folder).with(silent).starter::<Telemetry>().set("starters.admin.news=20ms"), |base| async move {
        let socket = socket(&base).await;
        let last = get(&socket, "/v1/logs?module=silent").await?.body["last"].as_u64().unwrap();
        let answer = get(&socket, &format!("/v1/logs?module=silent&after={last}&follow=true")).await?;
        assert_eq!((answer.status, &answer.body["lines"]), (200, &json!([])), "{answer:?}");
        Ok(())
    })
}
