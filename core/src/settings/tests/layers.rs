//! Each layer overrides the one below, key by key.

use super::*;

#[derive(Debug, PartialEq, Settings)]
struct Comments {
    #[setting(default = 1)]
    max_length: u32,
    #[setting(default = "plain")]
    format: String,
    #[setting(nested)]
    retry: Retry,
}

#[derive(Debug, PartialEq, Settings)]
struct Retry {
    #[setting(default = 3)]
    times: u8,
    #[setting(default = 5)]
    pause: u8,
}

#[test]
fn each_layer_goes_over_the_one_below() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bedplate.toml");
    std::fs::write(&file, "[modules.comments]\nmax_length = 2").unwrap();
    std::fs::write(folder.path().join("bedplate.dev.toml"), "[modules.comments]\nmax_length = 3").unwrap();
    let section = "modules.comments";
    let length = |sources: Sources| read::<Comments>(&loaded(sources), section).max_length;

    let mut sources = Sources::new();
    assert_eq!(length(sources.clone()), 1, "the default");
    sources = sources.file(&file);
    assert_eq!(length(sources.clone()), 2, "the file");
    sources = sources.profile(Some("dev"));
    assert_eq!(length(sources.clone()), 3, "the profile's file");
    sources = sources.environment(environment(&[("BEDPLATE__MODULES__COMMENTS__MAX_LENGTH", "4")]));
    assert_eq!(length(sources.clone()), 4, "the environment");
    sources = sources.set("modules.comments.max_length=5");
    assert_eq!(length(sources.clone()), 5, "the command line");
    sources = sources.set("modules.comments.max_length=6");
    assert_eq!(length(sources), 6, "the later argument");
}

#[test]
fn a_layer_overrides_a_table_key_by_key() {
    let tree = loaded(
        Sources::new()
            .text("bedplate.toml", "[m]\nmax_length = 2\n[m.retry]\ntimes = 7\npause = 8")
            .set("m.retry.pause=9"),
    );
    let comments: Comments = read(&tree, "m");
    assert_eq!(comments.max_length, 2);
    assert_eq!(comments.retry, Retry { times: 7, pause: 9 });
}

#[test]
fn a_later_path_goes_over_an_earlier_one_whatever_the_layer() {
    let tree = loaded(
        Sources::new()
            .text("bedplate.toml", "[m]\nmax_length = 2\nformat = 'a'\n[scenes.retail.m]\nmax_length = 9")
            .set("m.format=b")
            .set("m.max_length=3"),
    );
    let mut problems = Vec::new();
    let paths = [path("m"), path("scenes.retail.m")];
    let comments: Comments = tree.read(&paths, &mut problems).unwrap();
    assert_eq!((comments.max_length, comments.format.as_str()), (9, "b"));
}

#[test]
fn a_variable_finds_names_with_dashes_and_upper_case() {
    #[derive(Settings)]
    struct Spelled {
        #[setting(default = 0, rename = "max-Length")]
        max_length: u32,
    }
    let variables = environment(&[("BEDPLATE__MODULES__MY_COMMENTS__MAX_LENGTH", "4")]);
    let tree = loaded(Sources::new().text("b.toml", "[modules.My-comments]\n").environment(variables));
    assert_eq!(read::<Spelled>(&tree, "modules.My-comments").max_length, 4);
    let known = known::<Spelled>("modules.My-comments");
    assert_eq!(tree.unknown(&known), []);
    assert_eq!(tree.keys_under(&path("modules")), ["My-comments"]);
    // An argument is taken letter by letter.
    let tree = loaded(Sources::new().set("modules.my-comments.max-Length=4"));
    assert_eq!(tree.unknown(&known).len(), 1);
}

#[test]
fn a_table_can_be_given_as_one_text() {
    let tree = loaded(Sources::new().set("m={ max_length = 2, retry = { times = 1 } }").set("m.retry.pause=2"));
    let comments: Comments = read(&tree, "m");
    assert_eq!(comments.max_length, 2);
    assert_eq!(comments.retry, Retry { times: 1, pause: 2 });
}

#[test]
fn keys_under_a_path_come_from_all_layers() {
    let tree = loaded(
        Sources::new()
            .text("b.toml", "[scenes.retail]\n[scenes.whole-sale]\n")
            .environment(environment(&[("BEDPLATE__SCENES__WHOLE_SALE__X", "1"), ("BEDPLATE__SCENES__NEW__X", "1")]))
            .set("scenes.other.x=1"),
    );
    assert_eq!(tree.keys_under(&path("scenes")), ["other", "retail", "whole-sale", "new"]);
    assert_eq!(tree.keys_under(&path("nowhere")), Vec::<String>::new());
}
