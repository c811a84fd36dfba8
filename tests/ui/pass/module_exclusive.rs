use std::net::TcpListener;
use std::sync::Mutex;

use bedplate::{DeclaredModule, HandOver, Module, ModuleContext, ModuleSpec, Result};

/// Prints what comes in at its port.
#[bedplate::module(name = "printer", exclusive, optional)]
struct Printer {
    #[own]
    listener: Mutex<Option<TcpListener>>,
    #[own]
    printed: Mutex<u64>,
}

impl Module for Printer {
    async fn start(&self, ctx: &ModuleContext) -> Result<()> {
        *self.printed.lock().unwrap() = ctx.handed_over()?.unwrap_or_default();
        *self.listener.lock().unwrap() = Some(TcpListener::bind("127.0.0.1:0")?);
        Ok(())
    }

    async fn hand_over(&self) -> Result<Option<HandOver>> {
        let printed = *self.printed.lock().unwrap();
        Ok(Some(HandOver::of(1, &printed)?))
    }

    async fn stop(&self) -> Result<()> {
        *self.listener.lock().unwrap() = None;
        Ok(())
    }
}

fn main() {
    assert!(Printer::DESCRIPTOR.exclusive);
    let spec = ModuleSpec::of::<Printer>();
    assert!(spec.is_exclusive() && spec.hands_over());
}
