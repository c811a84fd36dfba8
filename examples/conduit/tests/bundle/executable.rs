//! Which binary is tried: that of the bundle, which the tool builds once in a run.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bedplate_tests::tool;

/// What it is called in the names of folders.
pub(crate) const NAME: &str = "bundle";

pub(crate) fn executable() -> &'static Path {
    static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();
    EXECUTABLE.get_or_init(|| folder().join("bin/conduit"))
}

/// The folder of the bundle.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let mut build = tool::command(tool::repository(), &tool::target());
        let output = build.args(["bedplate", "build", "--json", "--package", "conduit"]).output().unwrap();
        let (built, answer) = tool::answer(&output);
        assert!(built, "{answer}\n{}", String::from_utf8_lossy(&output.stderr));
        answer["bundle"].as_str().unwrap().into()
    })
}
