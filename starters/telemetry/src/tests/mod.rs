//! What the tests share: one logger for the process that writes to memory, and small bases.

mod levels;
mod lines;
mod recent;
mod rules;

use std::sync::{Arc, Mutex, OnceLock};

use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::{Base, Entry, EntryKind, Module, ModuleName, ModuleSpec, SceneName};
use serde_json::Value;

use crate::line::Colour;
use crate::logger::{Logger, Standing};
use crate::recent::Keep;
use crate::{Format, Telemetry};

/// How much the loggers of the tests keep.
const KEEP: Keep = Keep { lines: 8, bytes: 16 * 1024 };

/// What was written, as bytes.
#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// A logger that writes here.
    fn logger(&self, format: Format, filter: &str) -> Arc<Logger> {
        let written = self.0.clone();
        let sink = Box::new(move |line: &[u8]| written.lock().unwrap().extend_from_slice(line));
        Logger::new(format, Colour::Plain, filter, KEEP, sink).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Every line, as JSON.
    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The lines of one module, without those of the core about its life.
    fn of_module(&self, module: &str) -> Vec<Value> {
        let is_own =
            |line: &Value| line["module"] == module && !line["target"].as_str().unwrap().starts_with("bedplate::");
        self.lines().into_iter().filter(is_own).collect()
    }

    fn messages_of(&self, module: &str) -> Vec<String> {
        self.of_module(module).iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }
}

/// The logger of the test process: installed before any base, it writes JSON to memory.
fn captured() -> &'static Captured {
    static CAPTURED: OnceLock<Captured> = OnceLock::new();
    CAPTURED.get_or_init(|| {
        let captured = Captured::default();
        assert_eq!(captured.logger(Format::Json, "info").install(), Standing::Installed);
        captured
    })
}

/// A module without anything of its own.
struct Plain;

impl Module for Plain {}

async fn base(modules: &[&str], settings: &str) -> Base {
    captured();
    let tree = Sources::new().text("bedplate.toml", settings).load().unwrap();
    let assembly = Assembly::new(tree, std::env::temp_dir()).starter::<Telemetry>();
    let assembly = modules
        .iter()
        .fold(assembly, |assembly, name| assembly.module(ModuleSpec::plain(name, |_| Ok(Plain)).unwrap()));
    assembly.start().await.unwrap()
}

/// Runs `work` inside a module, as a request does.
async fn inside<T: Send>(base: &Base, module: &str, work: impl Future<Output = T> + Send) -> T {
    let now = base.pin();
    let instance = now.instance(&name(module), &SceneName::main()).unwrap();
    instance.enter(&now, Entry::new(EntryKind::Request, "GET /"), work).await.unwrap()
}

fn name(module: &str) -> ModuleName {
    ModuleName::new(module).unwrap()
}
