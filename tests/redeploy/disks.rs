//! Disks that are full, and uploads that break off.

use std::fs;
use std::path::Path;
use std::process::Command;

use bedplate_admin_client::protocol::{Operation, Options};
use bedplate_tests::process::eventually;

use crate::base::Place;
use crate::load::{Together, under_load};
use crate::subjects::subject;
use crate::workshop::object;

#[cfg(unix)]
#[test]
fn a_client_that_is_killed_in_mid_upload_leaves_nothing() {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    let place = Place::new("mid-upload");
    let base = place.start();
    let files = || {
        let mut files: Vec<_> =
            walk(&place.state()).into_iter().filter(|path| !path.ends_with("journal.jsonl")).collect();
        files.sort();
        files
    };
    let before = files();
    let bytes = fs::read(object("plain", "two")).unwrap();
    let mut socket = UnixStream::connect(&base.socket).unwrap();
    let head = format!(
        "POST /v1/artifacts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        bytes.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&bytes[..bytes.len() / 2]).unwrap();
    drop(socket);
    eventually("what had arrived is gone", || (files() == before).then_some(()));
    base.install(&[object("plain", "two")]);
    assert!(base.text("/plain").starts_with("two"));
    base.end();
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// A file may not grow beyond a limit: a disk that is full for large files alone, without a disk.
#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more() {
    let place = Place::new("full-disk");
    let run = place.command(&["run"]);
    let mut limited = Command::new("sh");
    // The limit is in blocks of 512 bytes; the signal would end the process in place of an error.
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 6144; exec \"$0\" \"$@\""])
        .arg(run.get_program())
        .args(run.get_args());
    limited.current_dir(&place.folder).env_remove("LD_LIBRARY_PATH");
    let base = place.start_as(limited);
    let large = subject(
        "large",
        "fn exports(self: &Arc<Self>, to: &mut Exports) {
             static LARGE: [u8; 8 << 20] = [7; 8 << 20];
             to.routes(Router::new().route(\"/subject\", get(|| async { format!(\"{}\", LARGE.iter().filter(|b| **b == 7).count()) })));
         }",
    );
    let before = walk(&place.state()).len();
    under_load(&base, Together::No, |load| {
        let refusal = base.try_install(&[&large]).unwrap_err();
        let text = refusal.to_string();
        assert!(refusal.has("disk-failed") && text.contains("too large"), "{refusal:?}");
        load.goes_on(64);
    });
    assert_eq!(walk(&place.state()).len(), before, "{:#?}", walk(&place.state()));
    // What is small enough goes on.
    base.install(&[object("plain", "two")]);
    base.end();
}

/// A disk of its own for the state folder, where this machine lets the test mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    struct Mounted(std::path::PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        }
    }
    let place = Place::new("tiny-disk");
    let state = place.state();
    fs::create_dir_all(&state).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(&state).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        skipped("a_full_disk", "nothing can be mounted here");
        return;
    }
    let mounted = Mounted(state.clone());
    let base = place.start();
    base.install(&[object("plain", "two")]);
    fill(&state.join("filling"));
    let record = place.committed("plain");
    let large = object("caller", "two");
    under_load(&base, Together::No, |load| {
        let refusal = base.try_install(&[large]).unwrap_err();
        assert!(refusal.has("disk-full") && refusal.to_string().contains("No space left"), "{refusal:?}");
        // Of what is stored already neither a copy nor a record can be written.
        let refusal = base.try_rollback(&["plain"]).unwrap_err();
        assert!(refusal.to_string().contains("No space left"), "{refusal:?}");
        let refusal = base.carry_out(Operation::Redeploy { modules: vec!["reporter".to_owned()] }, Options::default());
        let refusal = refusal.unwrap_err();
        assert!(refusal.has("not-recorded") && refusal.to_string().contains("No space left"), "{refusal:?}");
        load.goes_on(64);
    });
    assert_eq!(place.committed("plain"), record);
    assert!(base.text("/plain").starts_with("two"));
    fs::remove_file(state.join("filling")).unwrap();
    base.install(&[large]);
    assert_eq!(base.text("/caller"), "two");
    base.end();
    let base = place.start();
    assert_eq!(base.text("/caller"), "two");
    base.end();
    drop(mounted);
}

#[cfg(target_os = "linux")]
fn fill(file: &Path) {
    use std::io::Write;

    let mut file = fs::File::create(file).unwrap();
    for size in [1 << 16, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

/// Says so where the output of a test that passes is captured.
#[cfg(target_os = "linux")]
pub(crate) fn skipped(test: &str, why: &str) {
    use std::io::Write;

    let _ = writeln!(std::io::stderr().lock(), "skipped: {test}: {why}");
}
