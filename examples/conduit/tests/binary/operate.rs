//! The files of `examples/operate`, as they are: what starts the base there starts it here, with every folder of the
//! machine replaced by one of the test, and what their README says of a running base is asked of this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bedplate_tests::process::{Process, free_address};

use crate::client;
use crate::executable::executable;

const PROGRAM: &str = "/opt/conduit/bin/conduit";
const SETTINGS: &str = "/etc/conduit/bedplate.toml";
const STATE: &str = "/var/lib/conduit";
const OBJECT: &str = "/tmp/comments.so";

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operate");
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What stands behind this at the begin of a line.
fn line_of<'t>(text: &'t str, begin: &str) -> &'t str {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(begin));
    let line = lines.next().unwrap_or_else(|| panic!("no `{begin}`: {text}"));
    assert_eq!(lines.next(), None, "`{begin}` stands there twice");
    line
}

/// The arguments of the commands in the README that begin like this.
fn commands(begin: &str) -> Vec<Vec<String>> {
    let readme = example("README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix(begin));
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// A machine in a folder.
struct Machine {
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

impl Machine {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operate").join(name);
        let _ = fs::remove_dir_all(&folder);
        for inside in [STATE, "/etc/conduit", "/tmp"] {
            fs::create_dir_all(folder.join(&inside[1..])).unwrap();
        }
        fs::write(folder.join(&OBJECT[1..]), "an object, for a base that loads none").unwrap();
        Self { folder, variables: Vec::new() }
    }

    /// Where a path of the machine is here.
    fn place(&self, text: &str) -> String {
        if text == OBJECT {
            return self.folder.join(&OBJECT[1..]).to_str().unwrap().to_owned();
        }
        let mut here = text.to_owned();
        for folder in [STATE, "/etc/conduit"] {
            here = here.replace(folder, self.folder.join(&folder[1..]).to_str().unwrap());
        }
        here
    }

    /// Writes the example's settings to this path of the machine, with ports that are free. Returns that of health.
    fn configure(&self, path: &str) -> std::net::SocketAddr {
        let (http, admin) = (free_address(), free_address());
        let mut settings = example("bedplate.toml");
        for folder in ["deploy.folder", "starters.sql.folder"] {
            let table = toml_table(&settings, folder.rsplit_once('.').unwrap().0);
            assert!(line_of(table, "folder = ").starts_with(&format!("\"{STATE}/")), "{folder}: {table}");
        }
        for (port, free) in [("127.0.0.1:8080", http), ("127.0.0.1:9090", admin)] {
            assert!(settings.contains(port), "{settings}");
            settings = settings.replace(port, &free.to_string());
        }
        fs::write(self.place(path), self.place(&settings)).unwrap();
        admin
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(executable());
        command.args(arguments.iter().map(|argument| self.place(argument)));
        command.envs(self.variables.clone()).current_dir(self.folder.join(&STATE[1..])).stdin(Stdio::null());
        for variable in ["BEDPLATE_PROFILE", "CARGO_MANIFEST_DIR", "LD_LIBRARY_PATH", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command
    }

    /// Starts the base, asks it all that the README says, ends it, and looks at what it left.
    fn try_out(&self, run: &[String], admin: std::net::SocketAddr, asked: &[Vec<String>]) {
        let mut base = Process::start(self.command(run), &self.folder.join("log"));
        base.wait_for("it is ready", |_| (client::get(admin, "/readyz")?.status == 200).then_some(()));
        assert!(asked.iter().any(|command| command[0] == "status"), "{asked:?}");
        for arguments in asked {
            let output = self.command(arguments).output().unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            match arguments[0].as_str() {
                // This base is one static binary: it is asked, and says so.
                "install" => assert!(output.status.code() == Some(1) && said.contains("static binary"), "{said}"),
                _ => assert!(output.status.success(), "{arguments:?}: {said}"),
            }
        }
        base.signal("TERM");
        assert!(base.ended().success(), "{}", base.log());
        let state = self.folder.join(&STATE[1..]);
        for kept in ["base/admin.lock", "databases"] {
            assert!(state.join(kept).exists(), "{kept} is not in the state folder");
        }
    }
}

/// The text of one table of a settings file.
fn toml_table<'t>(settings: &'t str, name: &str) -> &'t str {
    let (_, table) = settings.split_once(&format!("\n[{name}]\n")).unwrap_or_else(|| panic!("no [{name}]: {settings}"));
    table.split("\n[").next().unwrap()
}

#[test]
fn the_unit_of_systemd_starts_a_base_that_its_commands_find() {
    let unit = example("conduit.service");
    let started: Vec<String> = line_of(&unit, "ExecStart=").split_whitespace().map(str::to_owned).collect();
    assert_eq!(started[0], PROGRAM);
    assert_eq!(started.iter().filter(|argument| *argument == SETTINGS).count(), 1, "{started:?}");
    assert_eq!(format!("/var/lib/{}", line_of(&unit, "StateDirectory=")), STATE);
    let installed = format!("examples/operate/bedplate.toml {SETTINGS}");
    assert!(commands("$ sudo install -D -m 0644 ").iter().any(|arguments| arguments.join(" ") == installed));
    let machine = Machine::new("systemd");
    let admin = machine.configure(SETTINGS);
    let asked = commands(&format!("$ sudo -u {} {PROGRAM} ", line_of(&unit, "User=")));
    machine.try_out(&started[1..], admin, &asked);
    // Under `ProtectSystem=strict` it could not have written there.
    assert_eq!(fs::read_dir(machine.folder.join("etc/conduit")).unwrap().count(), 1);
}

#[test]
fn the_container_starts_a_base_that_its_commands_find() {
    let file = example("Containerfile");
    let list = |begin: &str| serde_json::from_str::<Vec<String>>(line_of(&file, begin)).unwrap();
    assert_eq!(list("ENTRYPOINT "), [PROGRAM]);
    assert_eq!(line_of(&file, "COPY examples/operate/bedplate.toml "), "/opt/conduit/bedplate.toml");
    assert_eq!((line_of(&file, "VOLUME "), line_of(&file, "WORKDIR ")), (STATE, STATE));
    let mut machine = Machine::new("container");
    // A bundle has its settings beside its manifest; one static binary looks where it is run.
    let admin = machine.configure(&format!("{STATE}/bedplate.toml"));
    let (name, address) = line_of(&file, "ENV ").split_once('=').unwrap();
    assert_eq!((name, address), ("BEDPLATE__STARTERS__HTTP__ADDRESS", "0.0.0.0:8080"));
    machine.variables.push((name.to_owned(), free_address().to_string()));
    let run = commands("$ podman run ").concat().join(" ");
    assert!(run.contains("--name conduit ") && run.contains(&format!(":{STATE} ")), "{run}");
    machine.try_out(&list("CMD "), admin, &commands(&format!("$ podman exec conduit {PROGRAM} ")));
}
