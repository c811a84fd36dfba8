//! Starters that tell what they are told, and that can go wrong at each step.

mod around;
mod boot;
mod deployments;
mod ends;

use std::sync::{Arc, Mutex};

use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Composition, Handle, InstanceId, ModuleName, Provided, Result, Starter, StarterContext, starter};

use crate::support::{Requires, plain};

/// What a starter of these tests was told, and what it is to do about it.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    steps: Vec<String>,
    /// The steps that go wrong, and how.
    wrong: Vec<(&'static str, Wrong)>,
}

#[derive(Clone, Copy)]
enum Wrong {
    Errs,
    Panics,
    Hangs,
}

impl Record {
    async fn step(&self, who: &str, what: &'static str, about: String) -> Result<()> {
        self.0.lock().unwrap().steps.push(format!("{who} {what} {about}").trim_end().to_owned());
        match self.wrong(what) {
            None => Ok(()),
            Some(Wrong::Errs) => anyhow::bail!("not today"),
            Some(Wrong::Panics) => panic!("not today"),
            Some(Wrong::Hangs) => std::future::pending().await,
        }
    }

    fn wrong(&self, what: &str) -> Option<Wrong> {
        self.0.lock().unwrap().wrong.iter().find(|(step, _)| *step == what).map(|(_, wrong)| *wrong)
    }

    fn goes_wrong(&self, step: &'static str, how: Wrong) {
        let mut told = self.0.lock().unwrap();
        told.wrong.retain(|(other, _)| *other != step);
        told.wrong.push((step, how));
    }

    fn goes_well(&self) {
        self.0.lock().unwrap().wrong.clear();
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().steps)
    }
}

/// Only tells.
#[starter(name = "first")]
struct First(Record);

impl Starter for First {
    type Prepared = u64;

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self(Record::default()))
    }

    async fn prepare(&self, next: &Composition) -> Result<u64> {
        self.0.step("first", "prepare", next.number().to_string()).await?;
        Ok(next.number())
    }

    async fn abort(&self, prepared: u64) {
        self.0.step("first", "abort", prepared.to_string()).await.ok();
    }

    fn committed(&self, now: &Composition) {
        self.0.0.lock().unwrap().steps.push(format!("first committed {}", now.number()));
    }

    async fn release(&self, instance: &InstanceId) {
        self.0.step("first", "release", instance.to_string()).await.ok();
    }

    async fn stop(&self) -> Result<()> {
        self.0.step("first", "stop", String::new()).await
    }
}

#[derive(Clone)]
struct Ticket(ModuleName);

impl Handle for Ticket {
    type Options = ();
}

/// Starts after the first, shares its record, hands out tickets, and can fail at any step.
#[starter(name = "second", needs(First), provides(Ticket))]
struct Second {
    record: Record,
    /// Holds the base, as real starters do.
    _base: bedplate::Base,
}

impl Starter for Second {
    type Prepared = u64;

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let first = ctx.starter::<First>().expect("it starts before");
        Ok(Self { record: first.0.clone(), _base: ctx.base().clone() })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        if to.staged().needs::<Ticket>() {
            match self.record.wrong("provide") {
                Some(Wrong::Errs) => anyhow::bail!("sold out"),
                Some(_) => panic!("sold out"),
                None => to.insert(Ticket(to.staged().module().clone())),
            }
        }
        Ok(())
    }

    async fn migrate(&self, staged: &bedplate::Staged<'_>) -> Result<()> {
        self.record.step("second", "migrate", staged.id().to_string()).await
    }

    async fn prepare(&self, next: &Composition) -> Result<u64> {
        self.record.step("second", "prepare-second", next.number().to_string()).await?;
        Ok(next.number())
    }

    async fn abort(&self, prepared: u64) {
        self.record.step("second", "abort-second", prepared.to_string()).await.ok();
    }

    fn committed(&self, _: &Composition) {
        assert!(self.record.wrong("committed").is_none(), "not today");
    }

    async fn release(&self, instance: &InstanceId) {
        self.record.step("second", "release-second", instance.to_string()).await.ok();
    }

    async fn drain(&self) -> Result<()> {
        self.record.step("second", "drain", String::new()).await
    }

    async fn stop(&self) -> Result<()> {
        self.record.step("second", "stop-second", String::new()).await
    }
}

/// Comes last, and refuses.
#[starter(name = "third", after(Second))]
struct Third(Record);

impl Starter for Third {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        Ok(Self(ctx.starter::<First>().map_or_else(Record::default, |first| first.0.clone())))
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        self.0.step("third", "prepare-third", String::new()).await
    }
}

fn base() -> TestBaseBuilder {
    // In an order that is none.
    TestBase::builder().starter::<Third>().starter::<Second>().starter::<First>().with(plain("a").publishes_ping())
}

async fn record(base: &TestBase) -> Record {
    base.starter::<First>().await.unwrap().0.clone()
}
