//! Where the tool keeps what it fetched: in the user's cache folder.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::failure::Failure;

/// The folder of that name in the tool's part of the user's cache: below `BEDPLATE_CACHE` where that is set.
///
/// # Errors
///
/// Where there is none, and none can be made.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let set = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = set("BEDPLATE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("bedplate")))
        .or_else(|| {
            let cache = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
            set("HOME").map(|home| home.join(cache).join("bedplate"))
        })
        .ok_or_else(|| {
            Failure::error(
                "no-cache",
                "it is not known where the cache folder of this user is",
                "set HOME, or name a folder in BEDPLATE_CACHE",
            )
        })?;
    let folder = own.join(name);
    fs::create_dir_all(&folder).map_err(|error| {
        Failure::error(
            "no-cache",
            format!("the cache folder {} cannot be made: {error}", folder.display()),
            "make it writable, or name another one in BEDPLATE_CACHE",
        )
    })?;
    Ok(folder)
}
