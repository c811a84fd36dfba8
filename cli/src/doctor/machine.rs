//! The limits of the kernel that a base with live modules, or the tool, may meet.

#[cfg(target_os = "linux")]
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use crate::doctor::finding::Finding;

/// Open files below which a base is short of connections.
const FILES: u64 = 4096;
/// Mappings that a base with its modules has, with room for generations: each is 4 or 5 more.
#[cfg(target_os = "linux")]
const MAPPINGS: u64 = 65_530;
/// Folders that `dev` may watch in a project of some size.
#[cfg(target_os = "linux")]
const WATCHES: u64 = 8192;

/// Looks at them.
pub(super) fn look() -> Vec<Finding> {
    let mut findings = vec![files()];
    #[cfg(target_os = "linux")]
    findings.extend([
        kernel(
            "mappings",
            "/proc/sys/vm/max_map_count",
            MAPPINGS,
            "each retired generation keeps some: `sysctl vm.max_map_count=65530`, and see [deploy.retired]",
        ),
        kernel(
            "watches",
            "/proc/sys/fs/inotify/max_user_watches",
            WATCHES,
            "`dev` watches the modules' folders: `sysctl fs.inotify.max_user_watches=65536`",
        ),
    ]);
    findings
}

fn files() -> Finding {
    let limit = getrlimit(Resource::Nofile);
    // No limit is the highest of all.
    let (now, most) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    let shown = |limit: u64| if limit == u64::MAX { "no limit".to_owned() } else { limit.to_string() };
    let found = format!("{} open files for a process, {} at most", shown(now), shown(most));
    if now < FILES {
        return Finding::warning(
            "files",
            found,
            "each connection is one: `ulimit -n 65536`, or LimitNOFILE= in the systemd unit",
        );
    }
    Finding::good("files", found)
}

#[cfg(target_os = "linux")]
fn kernel(name: &'static str, file: &str, least: u64, remedy: &str) -> Finding {
    let read = std::fs::read_to_string(Path::new(file)).ok().and_then(|text| text.trim().parse::<u64>().ok());
    match read {
        Some(limit) if limit < least => Finding::warning(name, format!("the kernel allows {limit}"), remedy),
        Some(limit) => Finding::good(name, format!("the kernel allows {limit}")),
        None => Finding::unknown(name, format!("{file} cannot be read")),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::doctor::finding::State;

    #[test]
    fn a_limit_that_is_too_low_comes_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("limit");
        let look = |text: &str| {
            std::fs::write(&file, text).unwrap();
            kernel("mappings", file.to_str().unwrap(), 100, "raise it")
        };
        assert_eq!(look("100\n").state, State::Good);
        let low = look("99\n");
        assert_eq!((low.state, &*low.remedy), (State::Warning, "raise it"));
        assert_eq!(look("much\n").state, State::Unknown);
    }
}
