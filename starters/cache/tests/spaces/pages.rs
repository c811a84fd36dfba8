//! A module that keeps pages, and hands its cache to the test, which stands in for the module's code.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Base, Content, Field, Module, ModuleContext, ModuleName, ModuleSpec, Result};
use bedplate_starter_cache::{Cache, CacheStarter, Space};
use serde_json::Value;

/// A page, which counts how many of it are left.
#[derive(Clone)]
pub(crate) struct Page(Arc<Counted>);

struct Counted {
    number: u64,
    alive: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Page {
    pub(crate) fn new(number: u64, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(Arc::new(Counted { number, alive: alive.clone() }))
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }
}

/// What a generation of the module has.
#[derive(Clone)]
pub(crate) struct Handed {
    pub(crate) cache: Cache,
    pub(crate) pages: Space<String, Page>,
}

/// Keeps pages.
struct Pages {
    // Given away where the test says so, so that nothing of it is left to the test.
    handed: Mutex<Option<Handed>>,
    out: Sender<Handed>,
    start: Start,
}

/// What the start of a generation does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Serves,
    Fails,
}

impl Module for Pages {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        let handed = self.handed.lock().unwrap().clone().unwrap();
        handed.pages.get_with("start".to_owned(), async { Page::new(0, &Arc::default()) }).await;
        // The test may have seen enough.
        let _ = self.out.send(handed);
        anyhow::ensure!(self.start == Start::Serves, "not today");
        Ok(())
    }
}

/// Where the generations of a module hand what they have to the test.
pub(crate) struct Out {
    sender: Sender<Handed>,
    receiver: Receiver<Handed>,
}

impl Out {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver }
    }

    /// What the generation that started next has. The entry that its start made is not in it.
    pub(crate) async fn next(&self) -> Handed {
        let handed = self.receiver.recv().unwrap();
        handed.pages.invalidate("start").await;
        handed
    }

    /// The module of this name.
    pub(crate) fn module(&self, name: &str) -> ModuleSpec {
        self.module_that(name, Start::Serves)
    }

    /// The same, with a start that does this.
    pub(crate) fn module_that(&self, name: &str, start: Start) -> ModuleSpec {
        let out = self.sender.clone();
        let make = move |fields: &bedplate::Fields<'_>| {
            let cache = fields.take(Field::new("cache"))?;
            let pages = fields.take(Field::new("pages"))?;
            Ok(Pages { handed: Mutex::new(Some(Handed { cache, pages })), out: out.clone(), start })
        };
        ModuleSpec::plain(name, make).unwrap().requiring(|to| {
            to.field::<Cache>(Field::new("cache")).field::<Space<String, Page>>(Field::new("pages"));
        })
    }
}

/// A test's base with the starter.
pub(crate) fn builder() -> TestBaseBuilder {
    TestBase::builder().starter::<CacheStarter>()
}

/// What the starter shows of a module's spaces.
pub(crate) fn shown(base: &Base, module: &str) -> Vec<Value> {
    let inspection = base.inspect().into_iter().find(|inspection| inspection.name == "caches").unwrap();
    let Content::Json(Value::Array(caches)) = inspection.content else { panic!("a list is shown") };
    caches.into_iter().filter(|cache| cache["module"] == module).collect()
}

/// A valid module name.
pub(crate) fn name(name: &str) -> ModuleName {
    ModuleName::new(name).unwrap()
}

/// How many pages of this number are found under the key.
pub(crate) async fn found(pages: &Space<String, Page>, key: &str) -> Option<u64> {
    pages.get(key).await.map(|page| page.number())
}
