//! A panic is reported once: by the gate, with its place, where a module was at work; by the hook of the
//! process, where none was, or where nobody reads the log. A process of its own: the hook and the log are
//! the process's.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::io::Write;
use std::panic::{catch_unwind, set_hook};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bedplate::testing::{TestBase, run};
use bedplate::{CallError, Module, ModuleSpec, ServiceRef};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static PRINTED: AtomicUsize = AtomicUsize::new(0);

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What was logged and printed since the last time.
fn told() -> (String, usize) {
    let log = std::mem::take(&mut *LOG.lock().unwrap());
    (String::from_utf8(log).unwrap(), PRINTED.swap(0, Ordering::SeqCst))
}

#[bedplate::service]
trait Breaks {
    async fn out(&self) -> Result<(), CallError>;
    async fn inside(&self) -> Result<(), CallError>;
    async fn on_a_thread(&self) -> Result<(), CallError>;
}

struct Breaking;

impl Module for Breaking {}

#[bedplate::service]
impl Breaks for Breaking {
    async fn out(&self) -> Result<(), CallError> {
        panic!("out of paper")
    }

    async fn inside(&self) -> Result<(), CallError> {
        assert!(catch_unwind(|| panic!("out of ink")).is_err());
        Ok(())
    }

    async fn on_a_thread(&self) -> Result<(), CallError> {
        assert!(std::thread::spawn(|| panic!("out of thread")).join().is_err());
        Ok(())
    }
}

#[test]
fn a_panic_is_reported_once() {
    set_hook(Box::new(|_| {
        PRINTED.fetch_add(1, Ordering::SeqCst);
    }));
    let breaking = ModuleSpec::plain("breaking", |_| Ok(Breaking)).unwrap().publishing::<Breaking, dyn Breaks>();
    run(TestBase::builder().with(breaking), |base| async move {
        base.running().await.unwrap();
        let breaks: ServiceRef<dyn Breaks> = base.service();
        // Nobody reads the log: it is printed.
        assert!(matches!(breaks.out().await, Err(CallError::Panicked { .. })));
        assert_eq!(told(), (String::new(), 1));

        tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init();
        assert!(matches!(breaks.out().await, Err(CallError::Panicked { .. })));
        let (log, printed) = told();
        assert_eq!((log.matches("out of paper").count(), log.lines().count(), printed), (2, 1, 0), "{log}");
        assert!(log.contains("breaking panicked in breaking (Breaks::out) at tests/panics/main.rs:"), "{log}");

        // What does not come out is not kept back either.
        breaks.inside().await.unwrap();
        let (log, printed) = told();
        assert_eq!((log.lines().count(), printed), (1, 0), "{log}");
        assert!(log.contains("did not come out of the module: out of ink"), "{log}");

        breaks.on_a_thread().await.unwrap();
        assert_eq!(told(), (String::new(), 1), "no module is at work on a thread of its own");
        assert!(catch_unwind(|| panic!("out of the test")).is_err());
        assert_eq!(told(), (String::new(), 1));
    });
}
