//! What a base comes back with.

use std::fs;

use super::rig::{DATABASE_IS_DOWN, Rig, install, labelled, name, object, run, serving, versions};
use crate::deploy::RestartAction;
use crate::deploy::image::Digest;
use crate::deploy::journal::Outcome;
use crate::deploy::operations::{NoteLevel, Request};

/// Ends a base without giving it a chance to write anything more.
fn killed(base: crate::Base) {
    // The lock is free when the base's parts are gone, which hang on its tasks.
    base.shared.let_go();
    drop(base);
}

#[tokio::test]
async fn a_base_comes_back_with_what_it_served_last() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2"), object("profiles", "1")]).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "2"), ("profiles", "1")]));
    let status = base.operations().status().await;
    assert!(status.notes.iter().any(|note| note.module.as_deref() == Some("comments")), "{:?}", status.notes);
    // It has the deployments of the process before, and can still go back.
    assert_eq!(base.operations().history(10).len(), 3);
    run(&base, Request::Rollback(vec![name("comments")], None)).await.unwrap();
    assert_eq!(serving(&base)["comments"], "1");
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_bundle_that_was_built_anew_goes_before_what_served_last() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2"), object("articles", "2")]).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    rig.build(&[object("articles", "1"), object("comments", "3")]);
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "2"), ("comments", "3")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_was_uninstalled_stays_out() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    run(&base, Request::Uninstall(vec![name("comments")])).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1")]));
    base.shutdown().await.unwrap();
    drop(base);
    rig.build(&[object("articles", "1"), object("comments", "2")]);
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "2")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_stored_object_that_was_changed_is_not_loaded_and_the_reason_is_told() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2"), object("profiles", "1")]).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    fs::write(rig.stored(Digest::of(&object("comments", "2"))), object("comments", "3")).unwrap();
    fs::write(rig.stored(Digest::of(&object("profiles", "1"))), b"").unwrap();
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    let notes = base.operations().status().await.notes;
    let warnings: Vec<_> = notes.iter().filter(|note| note.level == NoteLevel::Warning).collect();
    assert_eq!(warnings.len(), 2, "{notes:?}");
    assert!(warnings[0].text.contains("not what was stored") && warnings[0].text.contains("that of the bundle"));
    assert!(warnings[1].text.contains("it is left out"), "{}", warnings[1].text);
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_does_not_go_with_the_rest_any_more_does_not_come_back() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    install(&base, &[other_contract("articles", "2"), other_contract("comments", "2")]).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    // One of the two is built anew, with the contract as it was.
    rig.build(&[object("articles", "1"), object("comments", "3")]);
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "3")]));
    let notes = base.operations().status().await.notes;
    assert!(notes.iter().any(|note| note.text.starts_with("all modules come from the bundle")), "{notes:?}");
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_did_not_start_is_tried_again_with_the_code_that_was_deployed_last() {
    let mut rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", DATABASE_IS_DOWN), object("profiles", DATABASE_IS_DOWN)]).await.unwrap();
    let deployed = serving(&base);
    base.shutdown().await.unwrap();
    drop(base);
    // For as long as they do not start, each restart tries them again, and none takes older code in their place.
    rig.settings = OPTIONAL.to_owned();
    rig.starts_nothing();
    for _ in 0..2 {
        let base = rig.start().await;
        assert_eq!(serving(&base), versions(&[("articles", "1")]));
        base.shutdown().await.unwrap();
    }
    rig.starts_all();
    let base = rig.start().await;
    assert_eq!(serving(&base), deployed);
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_settings_leave_out_comes_back_with_the_code_that_was_deployed_last() {
    let mut rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2"), object("profiles", "1")]).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    rig.settings = "[modules.comments]\nenabled = false\n[modules.profiles]\nenabled = false\n".to_owned();
    for _ in 0..2 {
        let base = rig.start().await;
        assert_eq!(serving(&base), versions(&[("articles", "1")]));
        base.shutdown().await.unwrap();
    }
    rig.settings.clear();
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "2"), ("profiles", "1")]));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_uninstalled_while_it_waits_stays_out() {
    let mut rig = Rig::new(&["articles", "comments", "profiles"]);
    let base = rig.start().await;
    install(&base, &[object("comments", DATABASE_IS_DOWN)]).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    rig.settings = OPTIONAL.to_owned();
    rig.starts_nothing();
    let base = rig.start().await;
    run(&base, Request::Uninstall(vec![name("comments")])).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    rig.starts_all();
    // Its settings wait for it, and are nothing unknown.
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("profiles", "1")]));
    run(&base, Request::Settings).await.unwrap();
    base.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_waits_does_not_come_up_beside_what_it_does_not_go_with() {
    let mut rig = Rig::new(&["articles", "comments", "profiles"]);
    rig.settings = format!("{OPTIONAL}\n[restart]\ninitial = \"1min\"\nattempts = 1\n");
    rig.build(&[object("articles", "1"), object("comments", DATABASE_IS_DOWN), object("profiles", "1")]);
    rig.starts_nothing();
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("profiles", "1")]));
    rig.starts_all();
    install(&base, &[other_contract("articles", "2"), other_contract("profiles", "2")]).await.unwrap();
    let of_comments =
        |base: &crate::Base| base.restarts().into_iter().find(|one| one.module == name("comments")).unwrap();
    while matches!(of_comments(&base).action, RestartAction::RestartsIn(_)) {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(of_comments(&base).action, RestartAction::GivenUp);
    assert!(of_comments(&base).cause.contains("`profiles`"), "{:?}", of_comments(&base));
    assert_eq!(serving(&base), versions(&[("articles", "2"), ("profiles", "2")]));
    base.shutdown().await.unwrap();
    drop(base);
    // Nor does it drag what served back to the bundle.
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "2"), ("profiles", "2")]));
    let notes = base.operations().status().await.notes;
    assert!(notes.iter().any(|note| note.module.as_deref() == Some("comments") && note.text.contains("left out")));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_loaded_any_more_is_that_of_the_bundle() {
    let rig = Rig::new(&["articles", "comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2"), object("profiles", "1"), object("articles", "2")]).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    rig.does_not_load(&[object("comments", "2"), object("profiles", "1")]);
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "2"), ("comments", "1")]));
    let notes = base.operations().status().await.notes;
    let warnings: Vec<_> = notes.iter().filter(|note| note.level == NoteLevel::Warning).collect();
    assert_eq!(warnings.len(), 2, "{notes:?}");
    assert!(warnings[0].text.contains("cannot be mapped") && warnings[0].text.contains("that of the bundle"));
    assert!(warnings[1].text.contains("cannot be mapped") && warnings[1].text.contains("it is left out"));
    base.shutdown().await.unwrap();
    drop(base);
    // There is nothing to fall back to from the bundle's own.
    rig.does_not_load(&[object("comments", "1")]);
    assert!(rig.try_start().await.unwrap_err().has("load-failed"));
}

#[tokio::test]
async fn what_was_uninstalled_and_comes_back_with_the_whole_bundle_is_named() {
    let rig = Rig::new(&["articles", "comments", "tags"]);
    let base = rig.start().await;
    install(&base, &[other_contract("articles", "2"), other_contract("comments", "2"), other_contract("tags", "2")])
        .await
        .unwrap();
    run(&base, Request::Uninstall(vec![name("tags")])).await.unwrap();
    base.shutdown().await.unwrap();
    drop(base);
    rig.build(&[object("articles", "1"), object("comments", "3"), object("tags", "1")]);
    let base = rig.start().await;
    assert_eq!(serving(&base), versions(&[("articles", "1"), ("comments", "3"), ("tags", "1")]));
    let notes = base.operations().status().await.notes;
    for module in ["articles", "tags"] {
        let told = notes.iter().any(|note| note.level == NoteLevel::Warning && note.module.as_deref() == Some(module));
        assert!(told, "{notes:?}");
    }
    base.shutdown().await.unwrap();
}

/// Modules that may fail.
const OPTIONAL: &str = "[modules.comments]\noptional = true\n[modules.profiles]\noptional = true\n";

/// The object of a module that carries the contract in another build.
fn other_contract(module: &str, version: &str) -> Vec<u8> {
    labelled(module, |label| {
        label.version = version.to_owned();
        label.crates.iter_mut().filter(|one| !one.in_base).for_each(|one| one.metadata = "9".repeat(64));
    })
}

#[tokio::test]
async fn a_process_that_is_killed_comes_back_with_what_was_committed() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    install(&base, &[object("comments", "2")]).await.unwrap();
    let journal = rig.state().join("journal.jsonl");
    let whole = fs::read(&journal).unwrap();
    killed(base);
    let text = String::from_utf8(whole.clone()).unwrap();
    let ends: Vec<_> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let committed = text.find("\"operation\":\"install\"").unwrap();
    // Cut anywhere: the line that commits is whole, or the deployment never was.
    for length in ends.iter().flat_map(|end| [*end, *end - 1, *end - 30]) {
        fs::write(&journal, &whole[..length]).unwrap();
        let is_committed = ends.iter().any(|end| *end > committed && *end <= length);
        let base = rig.start().await;
        let expected = if is_committed { "2" } else { "1" };
        assert_eq!(serving(&base), versions(&[("comments", expected)]), "{length}");
        assert_ne!(base.operations().history(1)[0].outcome, Outcome::Failed);
        base.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn two_bases_do_not_share_a_state_folder() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    assert!(rig.try_start().await.unwrap_err().has("state-folder-in-use"));
    base.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_bundle_that_was_changed_is_refused() {
    let rig = Rig::new(&["comments"]);
    fs::write(rig.bundle().join("modules/comments.so"), object("comments", "2")).unwrap();
    assert!(rig.try_start().await.unwrap_err().has("bundle-tampered"));
    fs::remove_file(rig.bundle().join("modules/comments.so")).unwrap();
    assert!(rig.try_start().await.unwrap_err().has("bundle-unreadable"));
    let manifest = rig.bundle().join("bundle.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("modules/comments.so", "../comments.so")).unwrap();
    assert!(rig.try_start().await.unwrap_err().to_string().contains("leads out of the bundle"));
    fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 9")).unwrap();
    assert!(rig.try_start().await.unwrap_err().has("bundle-unreadable"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_fails_the_deployment_and_what_serves_serves_on() {
    let rig = Rig::new(&["comments"]);
    let base = rig.start().await;
    base.shared.operations().journal.fill_the_disk();
    let error = install(&base, &[object("comments", "2")]).await.unwrap_err();
    assert_eq!((error.code, error.step), ("not-recorded", "record"));
    assert_eq!(serving(&base), versions(&[("comments", "1")]));
    base.shutdown().await.unwrap();
    drop(base);
    assert_eq!(serving(&rig.start().await), versions(&[("comments", "1")]));
}
