//! What a rollback goes back to.

use std::time::Duration;

use serde_json::json;

use super::rig::{DATABASE_IS_DOWN, Rig, generation, keep, labelled, name, object, run, serving, versions};
use crate::Base;
use crate::deploy::Change;
use crate::deploy::image::Digest;
use crate::deploy::operations::{Done, OperationError, Options, Request};
use crate::deploy::store::Came;
use crate::settings::Sources;

/// Installs objects in one step, and keeps nothing warm.
async fn install(base: &Base, objects: &[Vec<u8>]) {
    let mut references = Vec::new();
    for bytes in objects {
        references.push(keep(base, bytes, Came::Locally).await.unwrap().digest.into());
    }
    cold(base, Request::Install(references)).await.unwrap();
}

/// Carries out a request, and keeps nothing warm.
async fn cold(base: &Base, request: Request) -> Result<Done, OperationError> {
    base.operations().run(request, Options { bake: Some(Duration::ZERO), ..Options::default() }, |_| ()).await
}

/// Changes the settings of `comments`, as the operation does.
async fn change_settings(base: &Base, bake: Duration) {
    let tree = Sources::new().text("bedplate.toml", "[modules.comments]\nstart_deadline = \"7s\"\n").load().unwrap();
    let change = Change::new().settings(tree).bake(bake).source(json!({ "operation": "settings" }));
    assert_eq!(base.deploy(change).await.unwrap().came.len(), 1);
}

fn last() -> Request {
    Request::Rollback(Vec::new(), None)
}

#[tokio::test]
async fn what_changed_no_code_is_undone_while_it_is_warm_and_never_takes_other_code_in_its_place() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2")]).await;
    change_settings(&base, Duration::from_secs(30)).await;
    assert_eq!(generation(&base, "comments"), 3);
    run(&base, last()).await.unwrap();
    assert_eq!((generation(&base, "comments"), serving(&base)), (2, versions(&[("comments", "2")])));

    let one = Digest::of(&object("comments", "1"));
    for request in [last(), Request::Rollback(vec![name("comments")], None)] {
        change_settings_back(&base).await;
        change_settings(&base, Duration::ZERO).await;
        let error = run(&base, request.clone()).await.unwrap_err();
        assert_eq!(error.code, "nothing-to-roll-back");
        assert!(error.what.contains("changed its settings"), "{}", error.what);
        assert!(error.help.contains(&format!("--to {}", one.short())), "{}", error.help);
        cold(&base, Request::Redeploy(vec![name("comments")])).await.unwrap();
        let error = run(&base, request).await.unwrap_err();
        assert!(error.what.contains("(`redeploy`) changed none of its code"), "{}", error.what);
    }
    assert_eq!(serving(&base), versions(&[("comments", "2")]));
    // Somebody who means it says so.
    run(&base, Request::Rollback(vec![name("comments")], Some(one))).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    base.shutdown().await.unwrap();
}

async fn change_settings_back(base: &Base) {
    let tree = Sources::new().load().unwrap();
    base.deploy(Change::new().settings(tree).source(json!({ "operation": "settings" }))).await.unwrap();
}

#[tokio::test]
async fn a_set_with_a_new_module_is_undone_as_one() {
    let contract = |module: &str| {
        labelled(module, |label| {
            label.version = "2".to_owned();
            label.crates.iter_mut().filter(|one| !one.in_base).for_each(|one| one.metadata = "9".repeat(64));
        })
    };
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    // The new one carries the contract as it is now: it does not go with what is gone back to.
    install(&base, &[contract("articles"), contract("comments"), contract("tags")]).await;
    assert_eq!(serving(&base), versions(&[("articles", "2"), ("comments", "2"), ("tags", "2")]));
    // By itself it has nothing to go back to.
    let alone = cold(&base, Request::Rollback(vec![name("tags")], None)).await.unwrap_err();
    assert_eq!(alone.code, "nothing-to-roll-back");
    let plan = base.operations().plan(last(), Options::default()).await.unwrap();
    assert_eq!((plan.refused.len(), plan.goes.len(), plan.comes.len()), (0, 1, 2), "{plan:?}");
    cold(&base, last()).await.unwrap();
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "1")]));
    // And once more: the whole set is there again.
    cold(&base, last()).await.unwrap();
    assert_eq!(serving(&base), versions(&[("articles", "2"), ("comments", "2"), ("tags", "2")]));

    // While the others are warm.
    run(&base, Request::Uninstall(vec![name("tags")])).await.unwrap();
    let set = ["articles", "comments", "tags"].map(|module| Digest::of(&contract(module)).into());
    let options = Options { force: true, ..Options::default() };
    base.operations().run(Request::Install(set.to_vec()), options, |_| ()).await.unwrap();
    run(&base, last()).await.unwrap();
    assert_eq!(serving(&base), versions(&[("articles", "2"), ("comments", "2")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_waits_is_rolled_back_to_what_served_before_it() {
    let mut rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", DATABASE_IS_DOWN)]).await;
    base.shutdown().await.unwrap();
    drop(base);
    rig.settings = "[modules.comments]\noptional = true\n".to_owned();
    rig.starts_nothing();
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[]));
    run(&base, Request::Rollback(vec![name("comments")], None)).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    base.shutdown().await.unwrap();
}
