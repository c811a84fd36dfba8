//! Bases that end without having been asked, and disks that are full.

use std::fs;
use std::path::Path;
use std::process::Command;

use bedplate_admin_client::protocol::{Deployment, DeploymentRequest, Operation, Options};
use bedplate_admin_client::{Client, Endpoint};
use bedplate_tests::process::eventually;
use bedplate_tests::stream::Lines;

use crate::base::{Base, Place};
use crate::load::{Together, under_load};
use crate::subjects::{says, subject};
use crate::workshop::object;

/// Asks for a deployment, and does not wait for it.
fn ask_for(base: &Base, operation: Operation) -> Deployment {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::new(Endpoint::Socket(base.socket.clone()));
    let request = DeploymentRequest::new(operation, Options::default());
    runtime.block_on(client.deploy(&request)).unwrap_or_else(|error| panic!("{error}"))
}

fn deployment(base: &Base, id: &str) -> Deployment {
    let mut answer = base.ask(&format!("deployments/{id}"));
    serde_json::from_value(answer["deployment"].take()).unwrap()
}

/// The digest that the journal has committed last for a module: of whole lines, as a base reads them.
fn committed(place: &Place, module: &str) -> Option<String> {
    let commits = place.journal().into_iter().rev().find(|line| line["entry"] == "committed")?;
    let member = commits["members"].as_array()?.iter().find(|member| member["module"] == module)?.clone();
    member["digest"].as_str().map(str::to_owned)
}

fn digest_of(base: &Base, module: &str) -> String {
    let status = base.ask("status");
    let found = status["modules"].as_array().unwrap().iter().find(|entry| entry["instance"]["module"] == module);
    found.unwrap_or_else(|| panic!("{status}"))["digest"].as_str().unwrap().to_owned()
}

/// A subject that waits in `method` for as long as the file is there.
fn waits_in(place: &Place, method: &str, signature: &str) -> std::path::PathBuf {
    let (hold, at) = (place.folder.join("hold"), place.folder.join("at"));
    fs::write(&hold, "").unwrap();
    let text = says(&format!("waited in {method}"));
    subject(
        &format!("waits-in-{method}"),
        &format!(
            "async fn {method}({signature}) -> Result<()> {{
                 std::fs::write({at:?}, \"\")?;
                 while std::path::Path::new({hold:?}).exists() {{ tokio::time::sleep(Duration::from_millis(2)).await; }}
                 Ok(())
             }}
             {text}"
        ),
    )
}

/// Kills the base, starts it again, and says what its subject serves.
fn after_a_kill(place: &Place, mut base: Base) -> String {
    base.process.kill();
    // Whatever waited for them goes on.
    for file in ["hold", "hold-migrate", "hold-prepare"] {
        let _ = fs::remove_file(place.folder.join(file));
    }
    let base = place.start();
    let text = base.text("/subject");
    assert_eq!(Some(digest_of(&base, "subject")), committed(place, "subject"));
    // The next deployment finds all in order.
    base.install(&[object("plain", "two")]);
    base.install(&[object("plain", "one")]);
    base.end();
    text
}

fn reached(place: &Place, file: &str) {
    eventually(format!("the step {file}"), || place.folder.join(file).exists().then_some(()));
}

#[test]
fn killed_before_it_is_recorded_the_old_code_comes_back() {
    for (method, signature) in [("start", "&self, _: &ModuleContext"), ("ready", "&self")] {
        let place = Place::new(&format!("killed-in-{method}")).set("lifecycle.start_deadline=2m");
        let base = place.start();
        let operation = base.upload(&[&waits_in(&place, method, signature)]).unwrap();
        ask_for(&base, operation);
        reached(&place, "at");
        assert_eq!(after_a_kill(&place, base), "in order", "{method}");
    }
    for step in ["migrate", "prepare"] {
        let place = Place::new(&format!("killed-in-{step}"));
        let base = place.start();
        fs::write(place.folder.join(format!("hold-{step}")), "").unwrap();
        let operation = base.upload(&[&subject(&format!("for-{step}"), &says("new"))]).unwrap();
        ask_for(&base, operation);
        reached(&place, &format!("at-{step}"));
        assert_eq!(after_a_kill(&place, base), "in order", "{step}");
    }
}

#[test]
fn killed_after_it_was_recorded_the_new_code_comes_back() {
    // While what left is warm.
    let place = Place::new("killed-in-bake").set("deploy.bake=1h");
    let base = place.start();
    base.install(&[&subject("for-bake", &says("new"))]);
    assert_eq!(after_a_kill(&place, base), "new");

    // While what left drains: a stream holds the caller, which is of the same set.
    let place = Place::new("killed-in-drain");
    let base = place.start();
    let mut watch = Lines::open(base.http, "/caller/watch");
    assert!(watch.next_line().unwrap().is_some());
    base.install(&[&subject("for-drain", &says("new")), object("caller", "two")]);
    assert!(base.ask("status")["draining"].to_string().contains("caller"));
    assert_eq!(after_a_kill(&place, base), "new");

    // While what left stops.
    let place = Place::new("killed-in-stop").set("lifecycle.stop_deadline=2m");
    let base = place.start();
    base.install(&[&waits_in(&place, "stop", "&self")]);
    base.install(&[&subject("for-stop", &says("new"))]);
    reached(&place, "at");
    assert_eq!(after_a_kill(&place, base), "new");
}

/// What is committed between the record and the proof cannot be held up from outside: the base is killed
/// there at no moment in particular, often, and what comes back is what the journal says.
#[test]
fn killed_at_any_moment_what_was_committed_comes_back() {
    let place = Place::new("killed-anywhere");
    let mut base = place.start();
    let mut seen = [0, 0];
    for round in 0..16_u64 {
        let now = digest_of(&base, "plain");
        let mark = if base.text("/plain").starts_with("one") { "two" } else { "one" };
        let length = || fs::metadata(place.state().join("journal.jsonl")).unwrap().len();
        let (before, operation) = (length(), base.upload(&[object("plain", mark)]).unwrap());
        ask_for(&base, operation);
        // At one of four moments: at once; loaded; something of the record is there; all that belongs to it.
        let loaded = || fs::read_dir(place.state().join("generations")).unwrap().count() > 7;
        match round % 4 {
            0 => {}
            1 => eventually("the object is loaded", || loaded().then_some(())),
            2 => eventually("it is recorded", || (length() > before).then_some(())),
            _ => eventually("it is live", || (digest_of(&base, "plain") != now).then_some(())),
        }
        base.process.kill();
        let expected = committed(&place, "plain").expect("the journal has a record");
        seen[usize::from(expected != now)] += 1;
        base = place.start();
        assert_eq!(digest_of(&base, "plain"), expected, "round {round}: {:#?}", place.journal());
        let text = base.text("/plain");
        assert_eq!(text.starts_with(mark), expected != now, "round {round}: {text}");
    }
    assert!(seen[1] >= 4, "each way of ending was met: {seen:?}");
    base.end();
}

#[test]
fn a_base_that_restarts_comes_back_with_what_served_or_says_why_not() {
    let place = Place::new("restart");
    let base = place.start();
    base.install(&[object("plain", "two"), object("reporter", "two")]);
    let digest = digest_of(&base, "plain");
    base.end();
    let base = place.start();
    assert!(base.text("/plain").starts_with("two"));
    assert_eq!(base.text("/caller/twice"), "one build:two build:two");
    assert_eq!(digest_of(&base, "plain"), digest);
    let notes = base.ask("status")["notes"].to_string();
    assert!(notes.contains("plain") && notes.contains(&digest[..12]), "{notes}");
    base.end();

    // What was stored is not what it was.
    let stored = place.state().join("artifacts").join(format!("{digest}.so"));
    let mut bytes = fs::read(&stored).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&stored, bytes).unwrap();
    let base = place.start();
    assert!(base.text("/plain").starts_with("one"), "what is not what it was is not loaded");
    assert_eq!(base.text("/reporter"), "two");
    let notes = base.ask("status")["notes"].to_string();
    assert!(notes.contains("`plain` does not come back") && notes.contains("bundle"), "{notes}");
    assert!(base.process.log().contains("`plain` does not come back"), "{}", base.process.log());
    base.end();

    // Nor is it there at all.
    fs::remove_file(&stored).unwrap();
    let base = place.start();
    assert!(base.text("/plain").starts_with("one"));
    base.end();
}

#[test]
fn a_rollback_goes_back_to_what_is_warm_and_then_to_what_is_stored() {
    let place = Place::new("rollback").set("deploy.bake=1h");
    let base = place.start();
    base.install(&[object("caller", "two"), object("reporter", "two")]);
    under_load(&base, Together::Yes, |load| {
        // Without names: all that the last deployment changed, in one swap.
        let back = base.rollback(&[]);
        assert_eq!(base.text("/caller/twice"), "one build:one build:one");
        assert!(back.steps.iter().all(|step| step.name != "load"), "it was warm: {:?}", back.steps);
        load.goes_on(64);
    });
    // The very instances serve again.
    assert_eq!((base.generation("caller"), base.generation("reporter")), (1, 1));
    base.end();

    let place = Place::new("rollback-stored");
    let base = place.start();
    base.install(&[object("plain", "two")]);
    eventually("nothing is warm", || base.ask("status")["warm"].as_array().unwrap().is_empty().then_some(()));
    let back = base.rollback(&["plain"]);
    assert!(back.steps.iter().any(|step| step.name == "load"), "{:?}", back.steps);
    assert!(base.text("/plain").starts_with("one"));
    base.rollback(&["plain"]);
    assert!(base.text("/plain").starts_with("two"), "what served before what serves");
    base.end();
    let base = place.start();
    base.rollback(&["plain"]);
    assert!(base.text("/plain").starts_with("one"), "the history survives a restart");
    base.end();
}

#[test]
fn two_deployments_at_once_come_one_after_the_other_also_without_their_clients() {
    let place = Place::new("queue").set("lifecycle.start_deadline=2m");
    let base = place.start();
    let waits = base.upload(&[&waits_in(&place, "start", "&self, _: &ModuleContext")]).unwrap();
    let other = base.upload(&[object("plain", "two")]).unwrap();
    // Both clients are gone as soon as they have asked.
    let first = ask_for(&base, waits).id;
    reached(&place, "at");
    let second = ask_for(&base, other).id;
    let queued = eventually("the second waits", || {
        let second = deployment(&base, &second);
        second.position.is_some().then_some(second)
    });
    assert_eq!(queued.position, Some(1), "{queued:?}");
    assert_eq!(base.text("/subject"), "in order");
    assert!(base.text("/plain").starts_with("one"), "it has overtaken the first");
    fs::remove_file(place.folder.join("hold")).unwrap();
    for id in [&first, &second] {
        eventually("it is decided", || deployment(&base, id).state.is_decided().then_some(()));
    }
    assert_eq!(base.text("/subject"), "waited in start");
    assert!(base.text("/plain").starts_with("two"));
    base.end();
}

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
    let record = committed(&place, "plain");
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
    assert_eq!(committed(&place, "plain"), record);
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
