//! What a base comes back with.

use std::fs;

use super::rig::{Rig, install, labelled, name, object, run, serving, versions};
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
    let changed = |module: &str, version: &str| {
        labelled(module, |label| {
            label.version = version.to_owned();
            label.crates.iter_mut().filter(|one| !one.in_base).for_each(|one| one.metadata = "9".repeat(64));
        })
    };
    let base = rig.start().await;
    install(&base, &[changed("articles", "2"), changed("comments", "2")]).await.unwrap();
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
