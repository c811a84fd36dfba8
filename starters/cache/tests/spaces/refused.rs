//! What cannot be right is refused, with the setting or the space, and what to do.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bedplate::Change;
use bedplate::settings::{Sources, Tree};
use bedplate::testing::run;

use crate::pages::{Out, Page, builder, found, shown};

fn refusal(setting: &str) -> String {
    let out = Out::new();
    run(builder().set(setting).with(out.module("pages")), |base| async move {
        base.running().await.unwrap_err().to_string()
    })
}

#[test]
fn settings_that_cannot_be_right_are_named() {
    for (setting, reason) in [
        ("starters.cache.entries=0", "write a value in the range 1..="),
        ("starters.cache.bytes=much", "512KiB"),
        ("starters.cache.bytes=0", "`bytes` is 0B: write 1B to 1TiB"),
        ("starters.cache.spaces=0", "write a value in the range 1..="),
        ("starters.cache.time_to_live=0s", "`time_to_live` is 0s: write 1ms to 1year"),
        ("starters.cache.entires=5", "entries"),
        ("modules.pages.cache.entries=0", "write a value in the range 1..="),
        ("modules.pages.cache.bytes=2TiB", "`bytes` is 2TiB: write 1B to 1TiB"),
        ("modules.pages.cache.time_to_idle=soon", "1h 5m"),
        ("modules.pages.cache.time_to_live=2000years", "leave it out"),
        ("modules.pages.cache.entires=5", "entries"),
    ] {
        let error = refusal(setting);
        let key = setting.split('=').next().unwrap();
        let section = key.rsplit_once('.').unwrap().0;
        assert!(error.contains(section) && error.contains(reason), "{setting}: {error}");
    }
}

/// Settings while the base runs.
fn settings(text: &str) -> Tree {
    Sources::new().text("changed", text).load().unwrap()
}

#[test]
fn changed_settings_are_those_of_new_spaces_and_refused_ones_leave_no_trace() {
    let out = Out::new();
    run(builder().with(out.module("pages")), |base| async move {
        let running = base.running().await.unwrap();
        let handed = out.next().await;
        handed.pages.insert("a".to_owned(), Page::new(1, &Arc::<AtomicUsize>::default())).await;
        let before = shown(&running, "pages");
        let wrong = Change::new().settings(settings("[modules.pages.cache]\nentries = 0"));
        let error = running.deploy(wrong).await.unwrap_err().to_string();
        assert!(error.contains("`modules.pages.cache.entries` is out of range"), "{error}");
        assert_eq!(shown(&running, "pages"), before);
        assert_eq!(found(&handed.pages, "a").await, Some(1));
        let right = Change::new().settings(settings("[modules.pages.cache]\nentries = 5"));
        running.deploy(right).await.unwrap();
        let after = out.next().await;
        assert_eq!(shown(&running, "pages")[0]["most"], 5);
        assert_eq!(found(&after.pages, "a").await, None, "it is another instance");
    });
}

#[test]
fn more_spaces_than_are_allowed_are_refused() {
    let out = Out::new();
    run(builder().set("modules.pages.cache.spaces=2").with(out.module("pages")), |base| async move {
        let running = base.running().await.unwrap();
        let handed = out.next().await;
        handed.cache.space::<u8, u8>("second").unwrap();
        let error = handed.cache.space::<u8, u8>("third").unwrap_err().to_string();
        for part in ["`third` of `pages`", "the 2 that", "`modules.pages.cache.spaces`", "raise"] {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
        handed.cache.space::<u8, u8>("second").unwrap();
        assert_eq!(shown(&running, "pages").len(), 2);
    });
    let out = Out::new();
    run(builder().set("starters.cache.spaces=1").with(out.module("pages")), |base| async move {
        base.running().await.unwrap();
        let error = out.next().await.cache.space::<u8, u8>("second").unwrap_err().to_string();
        assert!(error.contains("`starters.cache.spaces`"), "{error}");
    });
}

#[test]
fn a_space_of_other_types_under_the_same_name_is_refused() {
    let out = Out::new();
    run(builder().with(out.module("pages")), |base| async move {
        base.running().await.unwrap();
        let handed = out.next().await;
        let error = handed.cache.space::<u8, u8>("pages").unwrap_err().to_string();
        assert!(error.contains("the space `pages` of `pages`") && error.contains("another name"), "{error}");
        assert!(error.contains("Space<u8, u8"), "{error}");
        assert_eq!(found(&handed.pages, "a").await, None, "the one that is there stays");
        let error = handed.cache.space::<u8, u8>("").unwrap_err().to_string();
        assert!(error.contains("has no name"), "{error}");
    });
}
