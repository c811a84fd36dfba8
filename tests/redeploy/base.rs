//! A base that runs from the bundle, in a folder of its own, on ports of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::protocol::{ArtifactReference, Deployment, DeploymentRequest, Operation, Options, Refusal};
use bedplate_admin_client::{ClientError, Endpoint};
use bedplate_tests::http::{self, Answer};
use bedplate_tests::process::{Process, eventually};
use serde_json::Value;

use crate::workshop;

const SETTINGS: &str = r#"
[starters.http]
address = "127.0.0.1:0"
access_log = false

[starters.admin]
address = "127.0.0.1:0"

[starters.sql]
folder = "data"

[deploy]
folder = "state"
bake = "0s"

[drain]
deadline = "5s"

[lifecycle]
start_deadline = "5s"
stop_deadline = "5s"
"#;

/// A folder with settings, a state and data.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) bundle: PathBuf,
    sets: Vec<String>,
    kept: Arc<Kept>,
}

/// Keeps a folder for as long as somebody uses it; and where a test fails, for whoever looks into it.
struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // What cannot be removed now is removed by the next run.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

impl Place {
    /// An empty folder of this name.
    pub(crate) fn new(name: &str) -> Self {
        Self::of(workshop::bundle(), name)
    }

    /// An empty folder of this name, for a base of this bundle.
    pub(crate) fn of(bundle: &Path, name: &str) -> Self {
        let folder = workshop::folder().join("places").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("bedplate.toml"), SETTINGS).unwrap();
        let kept = Arc::new(Kept(folder.clone()));
        Self { folder, bundle: bundle.to_owned(), sets: Vec::new(), kept }
    }

    /// With a setting, as `key=value`.
    pub(crate) fn set(mut self, setting: impl Into<String>) -> Self {
        self.sets.push(setting.into());
        self
    }

    /// The base's binary, with this place's settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bundle.join("bin/station"));
        command.args(arguments).arg("--config").arg(self.folder.join("bedplate.toml"));
        for set in &self.sets {
            command.args(["--set", set]);
        }
        command.env_remove("BEDPLATE_PROFILE").env_remove("RUST_LOG").env_remove("LD_LIBRARY_PATH");
        command.current_dir(&self.folder);
        command
    }

    /// Runs a command of the base's binary.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// The lines of the journal, without their checksums.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.state().join("journal.jsonl")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.map(|mut line| line["line"].take()).collect()
    }

    /// The digest that the journal has committed last for a module: of whole lines, as a base reads them.
    pub(crate) fn committed(&self, module: &str) -> Option<String> {
        let commits = self.journal().into_iter().rev().find(|line| line["entry"] == "committed")?;
        let member = commits["members"].as_array()?.iter().find(|member| member["module"] == module)?.clone();
        member["digest"].as_str().map(str::to_owned)
    }

    /// Waits for a file by which something says where it is.
    pub(crate) fn reached(&self, file: &str) {
        eventually(format!("the file {file}"), || self.folder.join(file).exists().then_some(()));
    }

    /// Starts the base, and waits until it serves.
    pub(crate) fn start(&self) -> Base {
        self.start_as(self.command(&["run"]))
    }

    /// Starts the base by this command, and waits until it serves.
    pub(crate) fn start_as(&self, command: Command) -> Base {
        let mut process = Process::start(command, &self.folder.join("log"));
        let http = process.wait_for("it serves", |log| {
            let (_, rest) = log.split_once("serving on http://")?;
            // The line may be half written.
            let (address, _) = rest.split_once(|c: char| c != ':' && c != '.' && !c.is_ascii_digit())?;
            address.parse().ok()
        });
        let base = Base { process, http, socket: self.state().join("admin.sock"), _place: self.kept.clone() };
        eventually("the base is ready", || {
            base.client().get("ready").is_ok_and(|ready| ready["ready"] == true).then_some(())
        });
        base
    }
}

/// A base that runs.
pub(crate) struct Base {
    pub(crate) process: Process,
    pub(crate) http: SocketAddr,
    pub(crate) socket: PathBuf,
    _place: Arc<Kept>,
}

impl Base {
    /// A client of its admin interface.
    pub(crate) fn client(&self) -> Client {
        Client::new(Endpoint::Socket(self.socket.clone())).unwrap()
    }

    /// A GET.
    pub(crate) fn get(&self, path: &str) -> Answer {
        http::request(self.http, "GET", path, &[], "")
    }

    /// The text of a GET that is answered with 200.
    #[track_caller]
    pub(crate) fn text(&self, path: &str) -> String {
        self.get(path).expect(200)
    }

    /// The text of a POST that is answered with 200.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        http::request(self.http, "POST", path, &[], body).expect(200)
    }

    /// What the admin interface answers at a path.
    #[track_caller]
    pub(crate) fn ask(&self, path: &str) -> Value {
        self.client().get(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Uploads objects, and names them.
    pub(crate) fn upload(&self, objects: &[&Path]) -> Result<Operation, Refusal> {
        let client = self.client();
        let mut artifacts = Vec::new();
        for object in objects {
            let artifact = client.upload(object).map_err(refusal)?;
            artifacts.push(ArtifactReference { digest: artifact.digest, signature: None });
        }
        Ok(Operation::Install { artifacts })
    }

    /// Lets objects serve, all in one swap.
    #[track_caller]
    pub(crate) fn install(&self, objects: &[&Path]) -> Deployment {
        self.try_install(objects).unwrap_or_else(|refusal| panic!("{refusal}\n{}", self.process.log()))
    }

    /// Lets objects serve, all in one swap; or says why not.
    pub(crate) fn try_install(&self, objects: &[&Path]) -> Result<Deployment, Refusal> {
        self.carry_out(self.upload(objects)?, Options::default())
    }

    /// Carries out an operation.
    pub(crate) fn carry_out(&self, operation: Operation, options: Options) -> Result<Deployment, Refusal> {
        let request = DeploymentRequest::new(operation, options);
        self.client().deploy_and_follow(&request, |_| ()).map_err(refusal)
    }

    /// Asks for an operation, and does not wait for it: the client is gone as soon as it has asked.
    pub(crate) fn begin(&self, operation: Operation) -> Deployment {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = bedplate_admin_client::Client::new(Endpoint::Socket(self.socket.clone()));
        let request = DeploymentRequest::new(operation, Options::default());
        runtime.block_on(client.deploy(&request)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// How far a deployment is.
    pub(crate) fn deployment(&self, id: &str) -> Deployment {
        let mut answer = self.ask(&format!("deployments/{id}"));
        serde_json::from_value(answer["deployment"].take()).unwrap()
    }

    /// The digest of the object that a module serves with.
    pub(crate) fn digest(&self, module: &str) -> String {
        let status = self.ask("status");
        let found = status["modules"].as_array().unwrap().iter().find(|entry| entry["instance"]["module"] == module);
        found.unwrap_or_else(|| panic!("{status}"))["digest"].as_str().unwrap().to_owned()
    }

    /// Goes back to the generations before those that serve; of all that was changed last, where none is named.
    pub(crate) fn try_rollback(&self, modules: &[&str]) -> Result<Deployment, Refusal> {
        let modules = modules.iter().map(|module| (*module).to_owned()).collect();
        self.carry_out(Operation::Rollback { modules, to: None }, Options::default())
    }

    /// The same, where it goes well.
    #[track_caller]
    pub(crate) fn rollback(&self, modules: &[&str]) -> Deployment {
        self.try_rollback(modules).unwrap_or_else(|refusal| panic!("{refusal}\n{}", self.process.log()))
    }

    /// The generation of a module that serves, by its number.
    #[track_caller]
    pub(crate) fn generation(&self, module: &str) -> u64 {
        let modules = self.ask("modules");
        let found = modules["modules"].as_array().unwrap().iter().find(|entry| entry["instance"]["module"] == module);
        found
            .and_then(|entry| entry["instance"]["generation"].as_u64())
            .unwrap_or_else(|| panic!("no {module} in {modules}"))
    }

    /// The current composition's number.
    pub(crate) fn composition(&self) -> u64 {
        self.ask("status")["composition"].as_u64().unwrap()
    }

    /// Asks the base to end, and waits until it has, in order.
    pub(crate) fn end(mut self) {
        self.process.signal("TERM");
        let status = self.process.ended();
        assert!(status.success(), "{status}\n{}", self.process.log());
    }
}

fn refusal(error: ClientError) -> Refusal {
    match error {
        ClientError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}
