//! The adopted application behind the gate: it answers as before, and its requests are the module's.

use bedplate::testing::TestBase;
use bedplate::{ModuleName, Result, SceneName};
use bedplate_starter_http::{Http, HttpTest};
use serde_json::{Value, json};

use crate::adopted;

#[bedplate::test(starters(Http), modules(adopted))]
async fn the_application_answers_as_a_module(base: TestBase) -> Result<()> {
    base.http().post("/todos").json(&json!({ "title": "buy bread" })).await?.expect(201)?;
    let listed: Value = base.http().get("/todos").await?.expect(200)?.json()?;
    assert_eq!(listed, json!([{ "id": 1, "title": "buy bread", "done": false }]));
    base.http().delete("/todos/7").await?.expect(404)?;

    let now = base.running().await?.pin();
    let todo = now.instance(&ModuleName::new("todo")?, &SceneName::main()).expect("the module is composed");
    assert_eq!(todo.stats().snapshot().requests, 3);
    Ok(())
}
