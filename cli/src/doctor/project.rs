//! The project: versions, the folder of what is built, the admin socket, and the ports that its settings name.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use bedplate::Settings;
use bedplate::settings::{KeyPath, Tree};

use crate::doctor::finding::Finding;
use crate::running::Place;
use crate::workspace::Workspace;

/// Free space below which a bundle may not fit.
const SPACE: u64 = 2 << 30;
/// The longest path of a socket that every system takes, in bytes.
const SOCKET_PATH: usize = 103;

/// Where a starter listens, as far as its settings say.
#[derive(Settings)]
struct Listening {
    /// An address with a port.
    address: Option<String>,
}

/// Looks at a project, whose base runs with these settings.
pub(super) fn look(workspace: &Workspace, place: &Place) -> Vec<Finding> {
    let mut findings = vec![versions(workspace), bundle_folder(workspace), built(place)];
    let (is_running, socket) = socket(place);
    findings.push(socket);
    match place.tree() {
        Ok(tree) => findings.extend(ports(&tree, is_running)),
        Err(error) => findings.push(Finding::bad("settings", format!("{error:#}"), "mend them; see `check`")),
    }
    findings
}

/// All crates of bedplate are of one version, and the tool's.
fn versions(workspace: &Workspace) -> Finding {
    let tool = env!("CARGO_PKG_VERSION");
    let all: BTreeSet<_> = workspace
        .packages
        .values()
        .filter(|package| matches!(package.name.as_str(), "bedplate" | "bedplate-macros"))
        .map(|package| package.version.to_string())
        .collect();
    let shown: Vec<_> = all.iter().map(String::as_str).collect();
    match shown.as_slice() {
        [one] if *one == tool => Finding::good("versions", format!("bedplate and the tool are {tool}")),
        [one] => Finding::bad(
            "versions",
            format!("the project has bedplate {one}, and the tool is {tool}"),
            format!("`cargo update -p bedplate`, or `cargo install cargo-bedplate --version {one}`"),
        ),
        several => Finding::bad(
            "versions",
            format!("the project has bedplate in {} versions: {}", several.len(), several.join(", ")),
            "`cargo tree -i bedplate` shows who wants which: let all want one",
        ),
    }
}

/// The folder of what the tool builds can be written, and has room.
fn bundle_folder(workspace: &Workspace) -> Finding {
    let name = "target";
    let existing = workspace.output.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    if let Err(error) = tempfile::tempfile_in(existing) {
        return Finding::bad(
            name,
            format!("{} cannot be written: {error}", existing.display()),
            "give it to your user, or set CARGO_TARGET_DIR to a folder of yours",
        );
    }
    let Ok(system) = rustix::fs::statvfs(existing) else {
        return Finding::good(name, format!("{} can be written", existing.display()));
    };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let found = format!("{} can be written; {:.1} GiB are free", existing.display(), gibibytes(free));
    if free < SPACE {
        return Finding::warning(name, found, "a bundle and what it is built from take some GiB: make room");
    }
    Finding::good(name, found)
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

fn built(place: &Place) -> Finding {
    if place.executable.exists() {
        return Finding::good("executable", format!("{} is built", place.executable.display()));
    }
    Finding::good("executable", "there is no bundle yet: `cargo bedplate build`, or `dev`")
}

/// The admin socket, and whether a base answers on it.
fn socket(place: &Place) -> (bool, Finding) {
    let name = "socket";
    let Ok(socket) = place.socket() else {
        return (false, Finding::unknown(name, "the settings cannot be read, which name its folder"));
    };
    let shown = socket.display();
    if socket.as_os_str().len() > SOCKET_PATH {
        let found = format!("the path {shown} is longer than a socket's may be ({SOCKET_PATH} bytes)");
        return (false, Finding::bad(name, found, "a shorter folder: `deploy.folder`"));
    }
    if !socket.exists() {
        return (false, Finding::good(name, format!("no base runs with these settings ({shown})")));
    }
    match place.client().map(|client| client.get("ready")) {
        Ok(Ok(answer)) => {
            let phase = answer["phase"].as_str().unwrap_or("here").to_owned();
            (true, Finding::good(name, format!("a base answers, and is {phase} ({shown})")))
        }
        Ok(Err(error)) => {
            let found = format!("{shown} is there, and no base answers: {error}");
            (false, Finding::warning(name, found, "it is left of a base that was killed; the next one takes it over"))
        }
        Err(error) => (false, Finding::unknown(name, format!("{error:#}"))),
    }
}

/// The addresses that the base would listen on are free, or the base's own.
fn ports(tree: &Tree, is_running: bool) -> Vec<Finding> {
    let addresses = ["http", "admin"].into_iter().filter_map(|starter| {
        let section: Listening = tree.read(&[KeyPath::of(["starters", starter])], &mut Vec::new())?;
        let address: SocketAddr = section.address?.parse().ok()?;
        Some((format!("starters.{starter}.address"), address))
    });
    addresses
        .map(|(setting, address)| match TcpListener::bind(address) {
            Ok(_) => Finding::good("port", format!("{address} is free (`{setting}`)")),
            Err(error) if is_running && error.kind() == std::io::ErrorKind::AddrInUse => {
                Finding::good("port", format!("{address} is the running base's (`{setting}`)"))
            }
            Err(error) => Finding::bad(
                "port",
                format!("{address} cannot be listened on: {error} (`{setting}`)"),
                format!("end who has it (`ss -ltnp`), or use another: `--set {setting}=127.0.0.1:0`"),
            ),
        })
        .collect()
}
