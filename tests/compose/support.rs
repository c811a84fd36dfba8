//! A module that does what a test scripts, and the contracts it is called through.

use std::sync::{Arc, Mutex, Weak};

use bedplate::compose::CompositionError;
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{
    Base, CallError, Entry, EntryKind, Exports, Field, Instance, LifecycleEvent, Module, ModuleContext, ModuleName,
    ModuleSpec, ModuleState, Pinned, Result, SceneName, Service, ServiceRef, ServiceRefs,
};
use futures_util::future::BoxFuture;
use tokio::sync::broadcast::Receiver;

/// What a scripted module is to do in a call: it runs inside the module.
pub type Deed = Box<dyn FnOnce(Inside) -> BoxFuture<'static, Result<u64, CallError>> + Send>;

/// What a deed finds inside the module that it runs in.
#[derive(Clone)]
pub struct Inside {
    pub context: ModuleContext,
    pub ping: ServiceRef<dyn Ping>,
    pub pong: ServiceRef<dyn Pong>,
    pub many: ServiceRefs<dyn Many>,
}

/// Makes a deed of a closure that returns a future.
pub fn deed<F>(run: impl FnOnce(Inside) -> F + Send + 'static) -> Deed
where
    F: Future<Output = Result<u64, CallError>> + Send + 'static,
{
    Box::new(move |inside| Box::pin(run(inside)))
}

#[bedplate::service]
pub trait Ping {
    async fn generation(&self) -> Result<u64, CallError>;
    async fn run(&self, deed: Deed) -> Result<u64, CallError>;
    fn plain(&self, deed: Box<dyn FnOnce(Inside) -> u64 + Send>) -> Result<u64, CallError>;
}

#[bedplate::service]
pub trait Pong {
    async fn generation(&self) -> Result<u64, CallError>;
    async fn run(&self, deed: Deed) -> Result<u64, CallError>;
}

#[bedplate::service(many)]
pub trait Many {
    async fn name(&self) -> Result<String, CallError>;
}

type Step = Arc<dyn Fn(Inside) -> BoxFuture<'static, Result<()>> + Send + Sync>;
type Exporting = Arc<dyn Fn(&Arc<Scripted>, &mut Exports) + Send + Sync>;

/// A module whose every step a test has written.
pub struct Scripted {
    inside: Inside,
    script: Script,
    /// Gone when the module's object is.
    _alive: Arc<()>,
}

/// The steps of a scripted module.
#[derive(Clone)]
pub struct Script {
    start: Step,
    ready: Step,
    stop: Step,
    exports: Exporting,
    objects: Objects,
}

/// The objects that were made of a script, as long as they live.
#[derive(Clone, Default)]
pub struct Objects(Arc<Mutex<Vec<Weak<()>>>>);

impl Objects {
    /// How many were made.
    pub fn made(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// How many of them live.
    pub fn alive(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|object| object.strong_count() > 0).count()
    }

    /// Whether the one that was made as the `n`th lives, counted from 1.
    pub fn lives(&self, n: usize) -> bool {
        self.0.lock().unwrap()[n - 1].strong_count() > 0
    }
}

fn nothing() -> Step {
    Arc::new(|_| Box::pin(async { Ok(()) }))
}

fn step<F>(run: impl Fn(Inside) -> F + Send + Sync + 'static) -> Step
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    Arc::new(move |inside| Box::pin(run(inside)))
}

impl Script {
    pub fn new() -> Self {
        Self {
            start: nothing(),
            ready: nothing(),
            stop: nothing(),
            exports: Arc::new(|_, _| ()),
            objects: Objects::default(),
        }
    }

    pub fn start<F>(mut self, run: impl Fn(Inside) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.start = step(run);
        self
    }

    pub fn ready<F>(mut self, run: impl Fn(Inside) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.ready = step(run);
        self
    }

    pub fn stop<F>(mut self, run: impl Fn(Inside) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.stop = step(run);
        self
    }

    pub fn exports(mut self, run: impl Fn(&Arc<Scripted>, &mut Exports) + Send + Sync + 'static) -> Self {
        self.exports = Arc::new(run);
        self
    }

    pub fn objects(&self) -> Objects {
        self.objects.clone()
    }

    #[track_caller]
    pub fn named(&self, name: &str) -> ModuleSpec {
        let script = self.clone();
        ModuleSpec::plain(name, move |fields| {
            let alive = Arc::new(());
            script.objects.0.lock().unwrap().push(Arc::downgrade(&alive));
            let inside = Inside {
                context: fields.context().clone(),
                ping: fields.take(Field::new("ping"))?,
                pong: fields.take(Field::new("pong"))?,
                many: fields.take(Field::new("many"))?,
            };
            Ok(Scripted { inside, script: script.clone(), _alive: alive })
        })
        .unwrap()
    }
}

/// A module that does nothing of its own.
#[track_caller]
pub fn plain(name: &str) -> ModuleSpec {
    Script::new().named(name)
}

/// What tests say about modules.
pub trait Requires {
    fn requires_ping(self) -> Self;
    fn requires_pong(self) -> Self;
    fn publishes_ping(self) -> Self;
    fn publishes_pong(self) -> Self;
}

impl Requires for ModuleSpec {
    fn requires_ping(self) -> Self {
        requires::<dyn Ping>(self, Field::new("ping"))
    }

    fn requires_pong(self) -> Self {
        requires::<dyn Pong>(self, Field::new("pong"))
    }

    #[track_caller]
    fn publishes_ping(self) -> Self {
        self.publishing::<Scripted, dyn Ping>()
    }

    #[track_caller]
    fn publishes_pong(self) -> Self {
        self.publishing::<Scripted, dyn Pong>()
    }
}

pub fn requires<S: Service + ?Sized>(spec: ModuleSpec, field: Field) -> ModuleSpec {
    spec.requiring(|to| {
        to.field::<ServiceRef<S>>(field);
    })
}

impl Module for Scripted {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        (self.script.start)(self.inside.clone()).await
    }

    async fn ready(&self) -> Result<()> {
        (self.script.ready)(self.inside.clone()).await
    }

    fn exports(self: &Arc<Self>, to: &mut Exports) {
        (self.script.exports)(self, to);
    }

    async fn stop(&self) -> Result<()> {
        (self.script.stop)(self.inside.clone()).await
    }
}

impl Scripted {
    pub fn inside(&self) -> Inside {
        self.inside.clone()
    }

    fn number(&self) -> u64 {
        self.inside.context.id().generation
    }
}

#[bedplate::service]
impl Ping for Scripted {
    async fn generation(&self) -> Result<u64, CallError> {
        Ok(self.number())
    }

    async fn run(&self, deed: Deed) -> Result<u64, CallError> {
        deed(self.inside()).await
    }

    fn plain(&self, deed: Box<dyn FnOnce(Inside) -> u64 + Send>) -> Result<u64, CallError> {
        Ok(deed(self.inside()))
    }
}

#[bedplate::service]
impl Pong for Scripted {
    async fn generation(&self) -> Result<u64, CallError> {
        Ok(self.number())
    }

    async fn run(&self, deed: Deed) -> Result<u64, CallError> {
        deed(self.inside()).await
    }
}

#[bedplate::service]
impl Many for Scripted {
    async fn name(&self) -> Result<String, CallError> {
        Ok(self.inside.context.module().to_string())
    }
}

/// Runs a test on a base of these modules.
pub fn with<Fut: Future<Output = Result<()>>>(
    modules: impl IntoIterator<Item = ModuleSpec>,
    test: impl FnOnce(TestBase, Base) -> Fut,
) {
    on(modules.into_iter().fold(TestBase::builder(), TestBaseBuilder::with), test);
}

/// Runs a test on a base that starts.
pub fn on<Fut: Future<Output = Result<()>>>(builder: TestBaseBuilder, test: impl FnOnce(TestBase, Base) -> Fut) {
    bedplate::testing::run(builder, |base| async move {
        let running = base.running().await?;
        test(base, running).await
    })
    .unwrap();
}

/// What keeps a base of this from starting.
pub fn failure(builder: TestBaseBuilder) -> CompositionError {
    bedplate::testing::run(builder, |base| async move { base.running().await.expect_err("it must not start") })
}

/// What `check` says of it, which starts nothing.
pub fn checked(builder: TestBaseBuilder) -> Result<(), CompositionError> {
    bedplate::testing::run(builder, |base| async move { base.check().await })
}

pub fn name(name: &str) -> ModuleName {
    ModuleName::new(name).unwrap()
}

/// The instance of a module in a pinned composition.
pub fn instance(pin: &Pinned, module: &str) -> Arc<Instance> {
    pin.instance(&name(module), &SceneName::main()).unwrap().clone()
}

/// Does something inside a module, as a request that entered now.
pub async fn enter(base: &Base, module: &str, deed: Deed) -> Result<u64, CallError> {
    enter_as(base, module, Entry::new(EntryKind::Request, "test"), deed).await
}

/// Does something inside a module, as an entry of its own.
pub async fn enter_as(base: &Base, module: &str, entry: Entry, deed: Deed) -> Result<u64, CallError> {
    let pin = base.pin();
    let instance = instance(&pin, module);
    let inside = inside(&instance).await;
    instance.enter(&pin, entry, async move { deed(inside).await }).await?
}

/// What code of a module has at hand: its exports hold it.
async fn inside(instance: &Instance) -> Inside {
    let exported = instance.exports().unwrap().of::<Handed>().next();
    exported.expect("the module exports `Handed`: see `handing`").0.clone()
}

/// What a scripted module exports, so that an entry from outside finds its insides.
pub struct Handed(pub Inside);

impl bedplate::Export for Handed {}

impl Script {
    /// The same script, whose insides an entry from outside can use.
    pub fn entered(self) -> Self {
        let before = self.exports.clone();
        self.exports(move |module, to| {
            to.add(Handed(module.inside()));
            before(module, to);
        })
    }
}

/// Waits for an instance to come to a state.
pub async fn until(events: &mut Receiver<LifecycleEvent>, module: &str, generation: u64, to: ModuleState) -> String {
    loop {
        let event = events.recv().await.unwrap();
        if event.instance.module.as_str() == module && event.instance.generation == generation && event.to == to {
            return event.cause;
        }
    }
}

/// The transitions of a module's generation so far.
pub fn states(base: &Base, module: &str, generation: u64) -> Vec<ModuleState> {
    let of =
        |event: &LifecycleEvent| event.instance.module.as_str() == module && event.instance.generation == generation;
    base.history().kept().into_iter().filter(of).map(|event| event.to).collect()
}
