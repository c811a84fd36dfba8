//! Where a module's file is, by module, scene and settings.

use bedplate::settings::Secret;
use bedplate::{ModuleName, SceneName};

use super::*;
use crate::settings::{Scenes, SqlModuleSettings};

fn file(scene: &str, shared_url: Option<&str>, own_url: Option<&str>, scenes: Scenes) -> Result<String, String> {
    let secret = |url: Option<&str>| url.map(|url| Secret::new(url.to_owned()));
    let shared = SqlSettings {
        url: secret(shared_url),
        folder: "data".into(),
        connections: 1,
        acquire_timeout: Duration::ZERO,
        busy_timeout: Duration::ZERO,
        slow_query: Duration::ZERO,
        migration_wait: Duration::ZERO,
    };
    let wanted = Wanted {
        module: &ModuleName::new("notes").unwrap(),
        scene: &SceneName::new(scene).unwrap(),
        shared: &shared,
        own: &SqlModuleSettings { url: secret(own_url), schema: None, connections: None, scenes },
        folder: Path::new("/base"),
        scratch: &|| Ok("/scratch".into()),
    };
    Sqlite::locate(&wanted).map(|file| file.to_string()).map_err(|error| error.to_string())
}

#[test]
fn scenes_are_apart_but_where_they_are_said_to_share() {
    let template = Some("sqlite:state/{module}.db");
    for (scene, scenes, by_folder, by_template, by_name) in [
        ("main", Scenes::Separate, "notes.db", "notes.db", "own.db"),
        ("retail", Scenes::Separate, "notes@retail.db", "notes@retail.db", "own@retail.db"),
        ("retail", Scenes::Shared, "notes.db", "notes.db", "own.db"),
    ] {
        assert_eq!(file(scene, None, None, scenes).unwrap(), format!("/base/data/{by_folder}"));
        assert_eq!(file(scene, template, None, scenes).unwrap(), format!("/base/state/{by_template}"));
        let own = Some("sqlite:///elsewhere/own.db");
        assert_eq!(file(scene, template, own, scenes).unwrap(), format!("/elsewhere/{by_name}"));
    }
}

#[test]
fn a_database_for_tests_is_in_the_scratch_folder() {
    let memory = Some("sqlite::memory:");
    assert_eq!(file("retail", memory, None, Scenes::Separate).unwrap(), "/scratch/notes@retail.db (sqlite::memory:)");
}

#[test]
fn what_is_no_url_of_a_file_is_refused_with_its_setting() {
    for (url, reason) in [
        ("mysql://u:hunter2@h/d", "is no URL of a database"),
        ("sqlite:", "names no file"),
        ("sqlite:own.db?mode=ro", "has parameters"),
        ("postgres://u:hunter2@h/d", "is a URL of PostgreSQL"),
    ] {
        let error = file("main", None, Some(url), Scenes::Separate).unwrap_err();
        assert!(error.contains("`modules.notes.sql.url`") && error.contains(reason), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
