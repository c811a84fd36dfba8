//! Objects that come while the base serves.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::rig::{DOES_NOT_START, Rig, generation, install, keep, labelled, name, object, run, serving, versions};
use crate::base::Assembly;
use crate::deploy::image::{CrateLabel, Digest};
use crate::deploy::journal::Outcome;
use crate::deploy::operations::{Bundle, Done, ObjectReference, Options, Request};
use crate::deploy::store::Came;
use crate::deploy::{Change, Progress};
use crate::module::{Module, ModuleSpec};
use crate::settings::Tree;

#[tokio::test]
async fn an_object_replaces_what_serves_and_is_on_record() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "1")]));
    let Done::Deployed { deployed, unchanged } = install(&base, &[object("comments", "2")]).await.unwrap() else {
        panic!("it is another build")
    };
    assert_eq!(unchanged, []);
    assert_eq!(deployed.came.len(), 1);
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "2")]));
    let history = base.operations().history(1);
    assert_eq!((history[0].outcome, history[0].asked.who.as_str()), (Outcome::Served, "anna"));
    assert_eq!(
        (history[0].asked.operation.as_str(), &*history[0].asked.modules),
        ("install", &["comments".to_owned()][..])
    );
    assert_eq!(history[0].members.len(), 1);
    assert_eq!(history[0].members[0].digest, Some(Digest::of(&object("comments", "2"))));
    let steps: Vec<_> = history[0].steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps.first(), Some(&"load"));
    assert!(steps.contains(&"record") && steps.contains(&"swap"), "{steps:?}");
    let status = base.operations().status().await;
    assert_eq!(status.modules[1].digest, history[0].members[0].digest);
    assert_eq!(status.queue, 0);
    assert_eq!(serde_json::to_value(&status).unwrap()["version"], 1);
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_build_that_serves_is_left_alone_unless_it_is_forced() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    let Done::Unchanged { unchanged } = install(&base, &[object("comments", "1")]).await.unwrap() else {
        panic!("it serves")
    };
    assert_eq!(unchanged, [name("comments")]);
    assert_eq!(generation(&base, "comments"), 1);
    let request = Request::Install(vec![Digest::of(&object("comments", "1")).into()]);
    let options = Options { force: true, ..Options::default() };
    base.operations().run(request, options, |_| ()).await.unwrap();
    assert_eq!(generation(&base, "comments"), 2);
    run(&base, Request::Redeploy(vec![name("comments")])).await.unwrap();
    assert_eq!((generation(&base, "comments"), serving(&base)), (3, versions(&[("comments", "1")])));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_does_not_start_changes_nothing_and_is_on_record() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    let error = install(&base, &[object("comments", DOES_NOT_START)]).await.unwrap_err();
    assert_eq!((error.code, error.step), ("start-failed", "start"));
    assert_eq!((generation(&base, "comments"), serving(&base)), (1, versions(&[("comments", "1")])));
    let history = base.operations().history(1);
    assert_eq!((history[0].outcome, history[0].problems[0].code.as_str()), (Outcome::Failed, "start-failed"));
    base.shutdown().await.unwrap();
    drop(base);
    assert_eq!(serving(&rig.start().await), versions(&[("comments", "1")]));
}

#[tokio::test]
async fn what_is_no_object_or_does_not_fit_is_refused() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    assert_eq!(keep(&base, b"", Came::Locally).await.unwrap_err().code, "object-empty");
    let whole = object("comments", "2");
    assert_eq!(keep(&base, &whole[..whole.len() / 2], Came::Locally).await.unwrap_err().code, "object-truncated");
    let other = labelled("comments", |label| label.compiler = "rustc 1.0.0".to_owned());
    assert_eq!(install(&base, &[other]).await.unwrap_err().code, "other-compiler");
    let missing = Request::Install(vec![Digest::of(b"nothing").into()]);
    assert_eq!(run(&base, missing).await.unwrap_err().code, "artifact-missing");
    let two = [object("comments", "2"), object("comments", "3")];
    assert_eq!(install(&base, &two).await.unwrap_err().code, "module-twice");
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    base.shutdown().await.unwrap();
}

fn changed_contract(module: &str) -> Vec<u8> {
    labelled(module, |label| {
        label.version = "2".to_owned();
        let carried = |one: &&mut CrateLabel| !one.in_base;
        label.crates.iter_mut().filter(carried).for_each(|one| one.metadata = "9".repeat(64));
    })
}

#[tokio::test]
async fn a_changed_contract_takes_all_its_users_along() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    let error = install(&base, &[changed_contract("comments")]).await.unwrap_err();
    assert_eq!(error.code, "contract-disagrees");
    assert!(error.help.ends_with("articles comments"), "{}", error.help);
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "1")]));

    let digest = Digest::of(&changed_contract("comments"));
    let request = Request::Install(vec![digest.into()]);
    let plan = base.operations().plan(request, Options::default()).await.unwrap();
    assert_eq!(plan.refused[0].code, "contract-disagrees");
    assert!(plan.come_along.iter().any(|along| along.module == name("articles")), "{:?}", plan.come_along);

    // The version of the contract stays, and the plan says all the same that it changes.
    keep(&base, &changed_contract("articles"), Came::Locally).await.unwrap();
    let both = ["articles", "comments"].map(|module| Digest::of(&changed_contract(module)).into());
    let plan = base.operations().plan(Request::Install(both.to_vec()), Options::default()).await.unwrap();
    for planned in &plan.comes {
        let crates = serde_json::to_value(&planned.crates).unwrap();
        let contract =
            json!({ "name": "profiles", "kind": "contract", "change": "source", "before": "0.1.0", "after": "0.1.0" });
        assert_eq!(crates, json!([contract]));
    }
    assert_eq!((plan.refused.len(), plan.comes.len()), (0, 2));

    install(&base, &[changed_contract("articles"), changed_contract("comments")]).await.unwrap();
    assert_eq!(serving(&base), versions(&[("articles", "2"), ("comments", "2")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_was_overtaken_is_refused_at_the_last_moment() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    // Checked against what serves now, and deployed by hand after that has changed.
    let label = changed_contract("comments");
    keep(&base, &label, Came::Locally).await.unwrap();
    let parts = base.shared.operations().bundled.as_ref().unwrap();
    let settings = base.shared.configuration().core.deploy.clone();
    let checked = parts.checked(Digest::of(&label), None, None, Came::Locally, &settings).unwrap();
    let spec = parts.load(&checked, &settings).unwrap();
    let error = base.deploy(Change::new().put(spec)).await.unwrap_err();
    assert_eq!(error.step, "record");
    assert!(error.has("contract-disagrees"), "{error}");
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "1")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_plan_changes_nothing() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    keep(&base, &object("comments", "2"), Came::Locally).await.unwrap();
    let request = || Request::Install(vec![Digest::of(&object("comments", "2")).into()]);
    let plan = base.operations().plan(request(), Options::default()).await.unwrap();
    assert!(plan.refused.is_empty(), "{plan:?}");
    assert_eq!(plan.comes[0].module, name("comments"));
    assert_eq!((generation(&base, "comments"), serving(&base)), (1, versions(&[("comments", "1")])));
    assert_eq!(base.operations().history(10).len(), 1);
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_rollback_takes_what_is_warm_else_what_served_before() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2")]).await.unwrap();
    assert_eq!(base.operations().status().await.warm.len(), 1);
    run(&base, Request::Rollback(vec![name("comments")], None)).await.unwrap();
    assert_eq!((generation(&base, "comments"), serving(&base)), (1, versions(&[("comments", "1")])));

    // Nothing stays warm: it comes from the store.
    let cold = || Options { bake: Some(std::time::Duration::ZERO), ..Options::default() };
    let request = Request::Install(vec![Digest::of(&object("comments", "2")).into()]);
    base.operations().run(request, cold(), |_| ()).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "2")]));
    base.operations().run(Request::Rollback(Vec::new(), None), cold(), |_| ()).await.unwrap();
    assert_eq!((generation(&base, "comments"), serving(&base)), (4, versions(&[("comments", "1")])));

    // One that is named.
    let two = Digest::of(&object("comments", "2"));
    run(&base, Request::Rollback(vec![name("comments")], Some(two))).await.unwrap();
    assert_eq!(serving(&base), versions(&[("comments", "2")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_rolled_back_is_said() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    let code = async |request| run(&base, request).await.unwrap_err().code;
    assert_eq!(code(Request::Rollback(vec![name("comments")], None)).await, "nothing-to-roll-back");
    assert_eq!(code(Request::Rollback(Vec::new(), None)).await, "nothing-to-roll-back");
    let other = Digest::of(&object("articles", "1"));
    assert_eq!(code(Request::Rollback(vec![name("comments")], Some(other))).await, "other-module");
    assert_eq!(code(Request::Redeploy(vec![name("nobody")])).await, "not-installed");
    assert_eq!(code(Request::Uninstall(vec![name("nobody")])).await, "not-installed");
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_last_objects_are_kept_and_those_that_serve_or_are_warm() {
    let mut rig = Rig::new(&["comments"]);
    rig.settings = "[deploy]\nkeep = 1\n".to_owned();
    let base = rig.start().await;
    for version in ["2", "3", "4"] {
        install(&base, &[object("comments", version)]).await.unwrap();
    }
    let kept: Vec<_> = base.operations().artifacts().iter().map(|artifact| artifact.digest).collect();
    let digest = |version| Digest::of(&object("comments", version));
    assert!(kept.contains(&digest("4")), "it serves");
    assert!(kept.contains(&digest("3")), "it is warm");
    assert!(kept.contains(&digest("1")), "it is the bundle's");
    assert!(!kept.contains(&digest("2")));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_was_sent_and_not_deployed_is_bounded_and_takes_no_place_of_what_served() {
    let mut rig = Rig::new(&["comments"]);
    rig.settings = "[deploy]\nkeep = 2\nbake = \"0s\"\n".to_owned();
    let base = rig.start().await;
    for version in ["2", "3"] {
        install(&base, &[object("comments", version)]).await.unwrap();
    }
    let sent: Vec<_> = ["4", "5", "6"].map(|version| object("comments", version)).into();
    for bytes in &sent {
        keep(&base, bytes, Came::Locally).await.unwrap();
    }
    let kept = || base.operations().artifacts().iter().map(|artifact| artifact.digest).collect::<Vec<_>>();
    let is_kept = |version| kept().contains(&Digest::of(&object("comments", version)));
    assert_eq!(["2", "3", "4", "5", "6"].map(is_kept), [true, true, false, true, true]);
    // A deployment that fails looks as well.
    let bundled = base.shared.operations().bundled.clone().unwrap();
    for version in ["7", DOES_NOT_START] {
        bundled.keep(&object("comments", version), Came::Locally).unwrap();
    }
    let fails = Request::Install(vec![Digest::of(&object("comments", DOES_NOT_START)).into()]);
    run(&base, fails).await.unwrap_err();
    assert_eq!(["2", "3", "5", "6", "7", DOES_NOT_START].map(is_kept), [true, true, false, false, true, true]);
    let status = base.operations().status().await;
    assert_eq!(status.modules[0].digest, Some(Digest::of(&object("comments", "3"))));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn changed_settings_are_new_instances_of_the_same_code() {
    let mut rig = Rig::new(&["comments"]);
    rig.settings = "[modules.comments]\nstart_deadline = \"1s\"\n".to_owned();
    let base = rig.start().await;
    // The same text is read again: nothing differs.
    let done = run(&base, Request::Settings).await.unwrap();
    assert!(matches!(done, Done::Deployed { .. }));
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn whoever_watches_hears_of_the_load_first() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    keep(&base, &object("comments", "2"), Came::Locally).await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = told.clone();
    let watcher = move |progress: Progress| {
        if let Progress::Step(step) = progress {
            hears.lock().unwrap().push(step.name);
        }
    };
    let request = Request::Install(vec![ObjectReference::from(Digest::of(&object("comments", "2")))]);
    base.operations().run(request, Options::default(), watcher).await.unwrap();
    let told = told.lock().unwrap().clone();
    assert_eq!((told.first(), told.contains(&"swap")), (Some(&"load"), true));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_snapshot_is_a_bundle_of_what_serves() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2")]).await.unwrap();
    let snapshot = base.operations().snapshot().await.unwrap();
    assert!(snapshot.folder.starts_with(rig.state()));
    let manifest = Bundle::read(&snapshot.folder).unwrap();
    assert_eq!(manifest, snapshot.bundle);
    for (module, version) in manifest.modules.iter().zip(["1", "2"]) {
        let bytes = std::fs::read(snapshot.folder.join(&module.file)).unwrap();
        assert_eq!((bytes, module.digest), (object(&module.name, version), Digest::of(&object(&module.name, version))));
    }
    assert_eq!(std::fs::read_to_string(snapshot.folder.join("bin/conduit")).unwrap(), "the program");
    assert!(snapshot.folder.join(&manifest.library).exists() && snapshot.folder.join("bedplate.toml").exists());
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn one_static_binary_loads_no_code_and_does_the_rest() {
    struct Quiet;
    impl Module for Quiet {}
    let folder = tempfile::tempdir().unwrap();
    let quiet = ModuleSpec::plain("quiet", |_| Ok(Quiet)).unwrap();
    let base = Assembly::new(Tree::default(), folder.path()).module(quiet).start().await.unwrap();
    let operations = base.operations();
    assert!(!operations.loads_code());
    let request = Request::Install(vec![Digest::of(b"object").into()]);
    assert_eq!(run(&base, request).await.unwrap_err().code, "static-base");
    assert_eq!(keep(&base, b"object", Came::Locally).await.unwrap_err().code, "static-base");
    assert_eq!(operations.snapshot().await.unwrap_err().code, "static-base");
    assert_eq!(run(&base, Request::Settings).await.unwrap_err().code, "settings-unknown");
    run(&base, Request::Redeploy(vec![name("quiet")])).await.unwrap();
    assert_eq!(generation(&base, "quiet"), 2);
    run(&base, Request::Rollback(vec![name("quiet")], None)).await.unwrap();
    assert_eq!(generation(&base, "quiet"), 1);
    let operations: Vec<_> = operations.history(10).into_iter().map(|deployment| deployment.asked.operation).collect();
    assert_eq!(operations, ["rollback", "redeploy", "start"]);
    base.shutdown().await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it made no folder");
}
