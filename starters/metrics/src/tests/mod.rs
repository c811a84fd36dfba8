//! What the tests share: small bases, and a reader of the text format that checks it.

mod facade;
mod format;
mod scrape;

use bedplate::base::Assembly;
use bedplate::settings::Sources;
use bedplate::{Base, CallError, Content, Entry, EntryKind, Module, ModuleName, ModuleSpec, SceneName};

use crate::Metrics;
use format::Scrape;

/// A module without anything of its own.
struct Plain;

impl Module for Plain {}

async fn base(modules: &[&str], settings: &str) -> Base {
    let tree = Sources::new().text("bedplate.toml", settings).load().unwrap();
    let assembly = Assembly::new(tree, std::env::temp_dir()).starter::<Metrics>();
    let assembly = modules
        .iter()
        .fold(assembly, |assembly, name| assembly.module(ModuleSpec::plain(name, |_| Ok(Plain)).unwrap()));
    assembly.start().await.unwrap()
}

/// Runs `work` inside a module.
async fn inside<T: Send>(
    base: &Base,
    module: &str,
    entry: Entry,
    work: impl Future<Output = T> + Send,
) -> Result<T, CallError> {
    let now = base.pin();
    let instance = now.instance(&ModuleName::new(module).unwrap(), &SceneName::main()).unwrap();
    instance.enter(&now, entry, work).await
}

fn request() -> Entry {
    Entry::new(EntryKind::Request, "GET /")
}

/// What the base shows now, read and checked.
fn scrape(base: &Base) -> Scrape {
    let shown = base.inspect().into_iter().find(|inspection| inspection.name == "metrics").unwrap();
    let Content::Text { media_type, body } = shown.content else { panic!("it is text") };
    assert_eq!(media_type, "text/plain; version=0.0.4");
    Scrape::read(&body)
}
