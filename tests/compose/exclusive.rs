//! A module that owns what cannot be there twice: the old generation stops before the new one starts, and what
//! comes meanwhile waits.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::bail;
use bedplate::compose::CompositionError;
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{
    Base, CallError, Change, Deployed, Exports, HandOver, Module, ModuleContext, ModuleSpec, ModuleState, Result,
    ServiceRef,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{Inside, Ping, Pong, Requires, Script, deed, enter, instance, name, on, plain, states};

#[bedplate::service]
pub trait Desk {
    async fn generation(&self) -> Result<u64, CallError>;
    /// Fails a task of the module.
    async fn fail(&self) -> Result<(), CallError>;
    /// Keeps a task of the module at work that looks at nothing.
    async fn busy(&self) -> Result<(), CallError>;
    /// How often the state was handed over.
    async fn handed(&self) -> Result<u64, CallError>;
}

/// What one test's generations share.
#[derive(Clone, Default)]
struct Place {
    /// The address, once the first has chosen it.
    address: Arc<Mutex<Option<SocketAddr>>>,
    holders: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Place {
    fn take(&self) -> Holder {
        let holders = self.holders.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(holders, Ordering::SeqCst);
        Holder(self.holders.clone())
    }
}

/// Counts who holds the place until it is dropped.
struct Holder(Arc<AtomicUsize>);

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
struct Code {
    place: Place,
    /// Fails its start, after it has taken the port.
    fails: Arc<AtomicBool>,
    /// Waits in its start until it is told.
    waits: Option<(Arc<Notify>, Arc<Notify>)>,
    stop_hangs: bool,
}

/// A module with a port of its own: it answers with its generation.
struct Port {
    context: ModuleContext,
    code: Code,
    has_started: AtomicBool,
    handed: AtomicU64,
}

impl Code {
    fn spec(&self) -> ModuleSpec {
        let code = self.clone();
        let make = move |fields: &bedplate::Fields<'_>| {
            Ok(Port {
                context: fields.context().clone(),
                code: code.clone(),
                has_started: AtomicBool::new(false),
                handed: AtomicU64::new(0),
            })
        };
        ModuleSpec::plain("port", make).unwrap().exclusive().publishing::<Port, dyn Desk>()
    }

    fn failing(&self) -> Self {
        Self { fails: Arc::new(AtomicBool::new(true)), ..self.clone() }
    }

    fn waiting(&self) -> (Self, Arc<Notify>, Arc<Notify>) {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        (Self { waits: Some((begun.clone(), go.clone())), ..self.clone() }, begun, go)
    }
}

impl Module for Port {
    async fn start(&self, ctx: &ModuleContext) -> Result<()> {
        self.has_started.store(true, Ordering::SeqCst);
        self.handed.store(ctx.handed_over()?.unwrap_or(0), Ordering::SeqCst);
        let address = *self.code.place.address.lock().unwrap();
        let listener = TcpListener::bind(address.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap())).await?;
        *self.code.place.address.lock().unwrap() = Some(listener.local_addr()?);
        let holder = self.code.place.take();
        if let Some((begun, go)) = &self.code.waits {
            begun.notify_one();
            go.notified().await;
        }
        if self.code.fails.load(Ordering::SeqCst) {
            bail!("the cable is out");
        }
        let context = ctx.clone();
        ctx.spawn("accept", async move {
            tokio::select! {
                () = context.draining() => {}
                () = accept(&listener, context.id().generation) => {}
            }
            drop((listener, holder));
        });
        Ok(())
    }

    fn exports(self: &Arc<Self>, _: &mut Exports) {
        assert!(!self.has_started.load(Ordering::SeqCst), "asked before the start");
    }

    async fn hand_over(&self) -> Result<Option<HandOver>> {
        Ok(Some(HandOver::of(1, &(self.handed.load(Ordering::SeqCst) + 1))?))
    }

    async fn stop(&self) -> Result<()> {
        if self.code.stop_hangs {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

async fn accept(listener: &TcpListener, generation: u64) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let _ = stream.write_all(&[u8::try_from(generation).unwrap()]).await;
    }
}

#[bedplate::service]
impl Desk for Port {
    async fn generation(&self) -> Result<u64, CallError> {
        Ok(self.context.id().generation)
    }

    async fn fail(&self) -> Result<(), CallError> {
        self.context.spawn("breaks", async { Err::<(), _>(std::io::Error::other("it broke")) });
        Ok(())
    }

    async fn busy(&self) -> Result<(), CallError> {
        self.context.spawn("busy", std::future::pending::<()>());
        Ok(())
    }

    async fn handed(&self) -> Result<u64, CallError> {
        Ok(self.handed.load(Ordering::SeqCst))
    }
}

/// Puts a module in while the test goes on.
fn deploys(running: &Base, spec: ModuleSpec) -> JoinHandle<Result<Deployed, CompositionError>> {
    let running = running.clone();
    tokio::spawn(async move { running.deploy(Change::new().put(spec)).await })
}

/// Who answers at the port now.
async fn asked(code: &Code) -> u64 {
    let address = code.place.address.lock().unwrap().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).await.unwrap();
    u64::from(answer[0])
}

fn builder(code: &Code) -> TestBaseBuilder {
    TestBase::builder().with(code.spec())
}

/// A call that is made now, while the test goes on.
fn calls(desk: &ServiceRef<dyn Desk>) -> JoinHandle<Result<u64, CallError>> {
    let desk = desk.clone();
    tokio::spawn(async move { desk.generation().await })
}

/// Calls one after the other, until it is told to end; says how many answered, by generation.
fn calls_on(base: &TestBase, until: &Arc<AtomicBool>) -> JoinHandle<Result<Vec<u64>, CallError>> {
    let (desk, until) = (base.service::<dyn Desk>(), until.clone());
    tokio::spawn(async move {
        let mut answers = Vec::new();
        while !until.load(Ordering::SeqCst) {
            answers.push(desk.generation().await?);
            tokio::task::yield_now().await;
        }
        Ok(answers)
    })
}

/// Waits until the restart policy has come to this.
async fn decided(running: &Base, action: &str) {
    while running.restarts().first().map(|restart| restart.action.to_string()).as_deref() != Some(action) {
        tokio::task::yield_now().await;
    }
}

fn generation(running: &Base) -> u64 {
    instance(&running.pin(), "port").id().generation
}

#[test]
fn there_are_never_two_and_no_call_fails() {
    let code = Code::default();
    let shared = code.clone();
    on(builder(&code), |base, running| async move {
        assert_eq!(asked(&code).await, 1);
        let over = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..8).map(|_| calls_on(&base, &over)).collect();
        for next in 2..=10 {
            base.swap_to(code.spec()).await?;
            assert_eq!((asked(&code).await, generation(&running)), (next, next));
        }
        over.store(true, Ordering::SeqCst);
        for caller in callers {
            let answers = caller.await??;
            assert!(answers.is_sorted(), "no caller goes back: {answers:?}");
        }
        assert_eq!(running.modules()[0].stats.refused, 0);
        Ok(())
    });
    assert_eq!(shared.place.most.load(Ordering::SeqCst), 1, "one at a time");
    assert_eq!(shared.place.holders.load(Ordering::SeqCst), 0);
}

#[test]
fn where_the_new_code_does_not_start_the_old_one_is_started_again() {
    let code = Code::default();
    let shared = code.clone();
    on(builder(&code), |base, running| async move {
        let over = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..4).map(|_| calls_on(&base, &over)).collect();
        for attempt in 0..3 {
            let error = base.swap_to(code.failing().spec()).await.unwrap_err();
            assert!(error.has("start-failed") && error.to_string().contains("the cable is out"), "{error}");
            // Generations 2, 4 and 6 failed; 3, 5 and 7 are of the code that served before.
            assert_eq!((asked(&code).await, generation(&running)), (3 + 2 * attempt, 3 + 2 * attempt));
        }
        over.store(true, Ordering::SeqCst);
        for caller in callers {
            assert!(caller.await?.is_ok(), "what waited is answered");
        }
        base.settled().await?;
        assert_eq!(states(&running, "port", 1).last(), Some(&ModuleState::Stopped));
        assert_eq!(states(&running, "port", 2).last(), Some(&ModuleState::Failed));
        assert_eq!(states(&running, "port", 7).last(), Some(&ModuleState::Active));
        // It hands over as well: what failed has not cost the state.
        assert_eq!(base.service::<dyn Desk>().handed().await?, 3);
        base.swap_to(code.spec()).await?;
        assert_eq!((asked(&code).await, base.service::<dyn Desk>().handed().await?), (8, 4));
        Ok(())
    });
    assert_eq!(shared.place.most.load(Ordering::SeqCst), 1, "one at a time");
}

#[test]
fn where_neither_starts_it_is_down_until_the_restart_policy_has_it_up() {
    let code = Code::default();
    let desk = |base: &TestBase| -> ServiceRef<dyn Desk> { base.service() };
    let builder = builder(&code).paused_time().set("restart.initial=1s").set("restart.attempts=2");
    on(builder.with(Script::new().entered().named("door")), |base, running| async move {
        code.fails.store(true, Ordering::SeqCst);
        let error = base.swap_to(code.spec()).await.unwrap_err();
        assert!(error.has("start-failed"), "{error}");
        assert!(matches!(desk(&base).generation().await, Err(CallError::NotStarted { .. })));
        assert_eq!(instance(&running.pin(), "port").state(), ModuleState::Failed);
        assert!(!running.readiness().await.ready);
        decided(&running, "restarts in 1s").await;
        // Once more in vain, and then not.
        base.advance(Duration::from_millis(1100)).await;
        decided(&running, "restarts in 2s").await;
        assert!(matches!(desk(&base).generation().await, Err(CallError::NotStarted { .. })));
        code.fails.store(false, Ordering::SeqCst);
        base.advance(Duration::from_millis(2100)).await;
        decided(&running, "restarted").await;
        assert_eq!((asked(&code).await, desk(&base).generation().await?), (6, 6));
        assert_eq!(base.service::<dyn Desk>().handed().await?, 1, "the state has waited for it");
        assert!(running.readiness().await.ready);
        assert_eq!(code.place.most.load(Ordering::SeqCst), 1);
        Ok(())
    });
}

#[test]
fn what_waits_waits_no_longer_than_it_may() {
    let code = Code::default();
    let (slow, begun, go) = code.waiting();
    on(builder(&code).paused_time().set("deploy.hold=5s"), |base, running| async move {
        let desk: ServiceRef<dyn Desk> = base.service();
        let deployment = deploys(&running, slow.spec());
        begun.notified().await;
        let early = calls(&desk);
        base.advance(Duration::from_secs(4)).await;
        let late = calls(&desk);
        base.advance(Duration::from_millis(1100)).await;
        let refused = CallError::Held { target: "port (Desk::generation)".into(), waited: "5s".into() };
        assert_eq!(early.await?, Err(refused));
        assert!(!late.is_finished());
        go.notify_one();
        deployment.await??;
        assert_eq!(late.await?, Ok(2));
        let port = running.modules().into_iter().find(|module| module.instance.module == name("port")).unwrap();
        assert_eq!((port.stats.refused, port.stats.held, port.stats.waiting), (1, 2, 0));
        assert!(port.stats.longest_wait_us >= 5_000_000, "{:?}", port.stats);
        Ok(())
    });
}

#[test]
fn tasks_and_streams_of_the_old_one_are_ended() {
    let code = Code::default();
    on(builder(&code).paused_time().set("deploy.hold=5s"), |base, running| async move {
        base.service::<dyn Desk>().busy().await?;
        let stream = instance(&running.pin(), "port").stream();
        let deployment = deploys(&running, code.spec());
        base.advance(Duration::from_secs(4)).await;
        stream.cancelled().await;
        drop(stream);
        deployment.await??;
        assert_eq!(asked(&code).await, 2);
        assert_eq!(code.place.most.load(Ordering::SeqCst), 1);
        Ok(())
    });
}

#[test]
fn a_stop_that_hangs_is_given_up() {
    let code = Code { stop_hangs: true, ..Code::default() };
    on(builder(&code).paused_time().set("lifecycle.stop_deadline=3s"), |base, running| async move {
        let deployment = deploys(&running, Code { stop_hangs: false, ..code.clone() }.spec());
        base.advance(Duration::from_secs(6)).await;
        deployment.await??;
        assert_eq!(asked(&code).await, 2);
        let ended = running.shutdown().await.unwrap_err();
        assert!(ended.has("stop-deadline"), "{ended}");
        Ok(())
    });
}

#[test]
fn the_restart_policy_keeps_to_it() {
    let code = Code::default();
    on(builder(&code).paused_time().set("restart.initial=1s"), |base, running| async move {
        base.service::<dyn Desk>().fail().await?;
        base.advance(Duration::from_millis(1100)).await;
        decided(&running, "restarted").await;
        assert_eq!(base.service::<dyn Desk>().generation().await?, 2);
        assert_eq!((asked(&code).await, generation(&running)), (2, 2));
        assert_eq!(code.place.most.load(Ordering::SeqCst), 1);
        Ok(())
    });
}

#[test]
fn one_that_was_taken_out_has_ended_before_it_comes_back() {
    let code = Code::default();
    let builder = builder(&code).paused_time().set("drain.deadline=30s").with(plain("other"));
    on(builder, |base, running| async move {
        base.service::<dyn Desk>().busy().await?;
        running.deploy(Change::new().remove(name("port")).bake(Duration::from_secs(30))).await?;
        assert!(running.warm().is_empty(), "an exclusive module stays warm for nobody");
        let deployment = deploys(&running, code.spec());
        base.advance(Duration::from_secs(29)).await;
        assert!(!deployment.is_finished(), "a task of the former one is at work still");
        base.advance(Duration::from_secs(2)).await;
        deployment.await??;
        assert_eq!(asked(&code).await, 2);
        assert_eq!(code.place.most.load(Ordering::SeqCst), 1);
        Ok(())
    });
}

#[test]
fn what_requires_it_starts_after_it() {
    let code = Code::default();
    let desk = || {
        let script =
            Script::new().start(|inside| async move { inside.ping.generation().await.map(drop).map_err(Into::into) });
        script.named("clerk").requires_ping().publishes_pong()
    };
    // A module that requires the exclusive one, in one deployment with it.
    let port = || Script::new().entered().named("desk").publishes_ping().exclusive();
    on(builder(&code).with(port()).with(desk()), |base, running| async move {
        running.deploy(Change::new().put(port()).put(desk()).put(code.spec())).await?;
        let pong: ServiceRef<dyn Pong> = base.service();
        assert_eq!(pong.generation().await?, 2);
        assert_eq!(
            (states(&running, "desk", 1).last(), states(&running, "clerk", 2).last()),
            (Some(&ModuleState::Stopped), Some(&ModuleState::Active))
        );
        let inside =
            enter(&running, "desk", deed(|inside: Inside| async move { inside.ping.generation().await })).await;
        assert_eq!(inside, Ok(2));
        Ok(())
    });
}

#[test]
fn what_requires_it_exports_before_it_starts() {
    let port = || Script::new().named("desk").publishes_ping().exclusive();
    let clerk = || {
        let hired = Arc::new(AtomicBool::new(false));
        let hires = hired.clone();
        let script = Script::new().start(move |_| {
            hires.store(true, Ordering::SeqCst);
            async { Ok(()) }
        });
        let script = script.exports(move |_, to| {
            if !hired.load(Ordering::SeqCst) {
                to.fail(anyhow::anyhow!("nobody is hired yet"));
            }
        });
        script.named("clerk").requires_ping()
    };
    let builder = TestBase::builder().with(port()).with(clerk());
    on(builder, |base, running| async move {
        let error = running.deploy(Change::new().put(port()).put(clerk())).await.unwrap_err();
        assert!(error.has("exports-failed"), "{error}");
        assert!(error.to_string().contains("it is asked before its `start`, since it takes over"), "{error}");
        assert_eq!(instance(&running.pin(), "desk").id().generation, 1, "and nothing was stopped for it");
        base.swap_to(clerk()).await?;
        base.swap_to(port()).await?;
        assert_eq!(instance(&running.pin(), "desk").id().generation, 3);
        Ok(())
    });
}

#[test]
fn a_base_that_ends_while_it_is_down_ends() {
    let code = Code::default();
    bedplate::testing::run(builder(&code).set("restart.initial=1h"), |base| async move {
        let running = base.running().await.unwrap();
        code.fails.store(true, Ordering::SeqCst);
        base.swap_to(code.spec()).await.unwrap_err();
        let ended = running.shutdown().await.unwrap_err();
        assert!(ended.has("module-failed"), "{ended}");
        assert_eq!(code.place.holders.load(Ordering::SeqCst), 0);
    });
}
