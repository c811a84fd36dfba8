//! One session of `dev`: a base that runs, what it runs, and what happens after a save.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::protocol::{Deployment, Operation};
use serde_json::json;

use crate::build::{Checkout, Lock, Object, Replay, Workshop};
use crate::deployment::{self, Wanted};
use crate::dev::changes::{Map, Work};
use crate::dev::difference::difference;
use crate::dev::watch::{Event, Happened, Watch};
use crate::failure::Failure;
use crate::output::{Output, duration};
use crate::running::{Place, Running};
use crate::workspace::{Selection, Workspace};

/// How often the child is looked after while nothing is saved.
const LOOK: Duration = Duration::from_millis(500);

struct Session {
    selection: Selection,
    place: Place,
    output: Output,
    workshop: Workshop,
    map: Map,
    client: Client,
    running: Option<Running>,
    /// The modules that could not be linked or did not go live when they last should have.
    owed: BTreeSet<String>,
    /// What is shared has changed, and cargo could not build it yet: nothing can be linked to it.
    is_behind: bool,
    /// Why another base has to run; what it is made of could not be linked yet.
    restart: Option<String>,
    /// The revision that is written into what is linked next. No question to git stands between a saved file
    /// and its swap.
    checkout: Checkout,
    is_interrupted: Arc<AtomicBool>,
}

/// Runs `dev` until it is interrupted.
pub(crate) fn run(selection: Selection, place: impl FnOnce(&Workspace) -> Place, output: Output) -> Result<()> {
    let mut watch = Watch::new()?;
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let (flag, sender) = (is_interrupted.clone(), watch.sender.clone());
    ctrlc::set_handler(move || {
        flag.store(true, Ordering::Release);
        // The receiver is gone when `dev` is about to end.
        let _ = sender.send(Event::Interrupted);
    })
    .context("the tool cannot listen for signals")?;

    let workspace = Workspace::read(&selection)?;
    let lock = Lock::take_unless(&workspace, output, || is_interrupted.load(Ordering::Acquire))?;
    let workshop = Workshop::open(workspace, &selection, &lock, output)?;
    let place = place(&workshop.workspace);
    let mut session = Session {
        map: map(&workshop, &place),
        client: place.client()?,
        selection,
        place,
        output,
        running: None,
        owed: BTreeSet::new(),
        is_behind: false,
        restart: None,
        checkout: workshop.checkout(),
        workshop,
        is_interrupted,
    };
    session.watch(&mut watch)?;
    session.begin(lock);
    session.checkout = Checkout::glance(&session.workshop.workspace.root);
    session.serve(&mut watch);
    session.end()
}

fn map(workshop: &Workshop, place: &Place) -> Map {
    let state = place.socket().ok().and_then(|socket| Some(socket.parent()?.to_owned()));
    Map::of(workshop, &place.settings, state.into_iter().collect())
}

impl Session {
    fn watch(&self, watch: &mut Watch) -> Result<()> {
        watch.add(self.map.folders(), self.map.ignored())?;
        watch.add_flat(self.map.flat_folders())
    }

    /// The right to build and link.
    fn lock(&self) -> Result<Lock> {
        let is_interrupted = || self.is_interrupted.load(Ordering::Acquire);
        Lock::take_unless(&self.workshop.workspace, self.output, is_interrupted)
    }

    /// Links all and starts the base. What does not work is told, and tried again after the next save.
    fn begin(&mut self, lock: Lock) {
        let since = Instant::now();
        let begun = self.workshop.link_all(&self.checkout, &lock, self.output).and_then(|objects| {
            self.workshop.write_bundle(&self.workshop.bundle_folder(), &objects, &lock)?;
            // The base digests what it loads: it does not start with what another process writes now.
            drop(lock);
            let interrupted = self.is_interrupted.clone();
            Running::start(&self.place, || interrupted.load(Ordering::Acquire))
        });
        match begun {
            Ok(running) => {
                self.running = Some(running);
                self.owed.clear();
                self.restart = None;
                let modules: Vec<_> = self.workshop.replays.iter().map(|replay| replay.module.as_str()).collect();
                self.output.line(format!(
                    "{} serves with {} modules ({}) after {}; save a file of one of them",
                    self.workshop.workspace.base.name,
                    modules.len(),
                    modules.join(", "),
                    duration(since.elapsed()),
                ));
                self.output.object(&json!({ "version": 1, "event": "serving", "modules": modules, "took_ms": milliseconds(since.elapsed()) }));
            }
            Err(error) => self.output.failure(&error),
        }
    }

    fn serve(&mut self, watch: &mut Watch) {
        loop {
            match watch.next(LOOK, |file| self.map.is_wanted(file)) {
                Happened::Interrupted => return,
                Happened::Nothing => self.look_after(),
                Happened::Saved(batch) => {
                    for work in self.map.work(&batch.files) {
                        let done = match work {
                            // What was recorded no longer fits what is shared.
                            Work::Relink(_) if self.is_behind => {
                                self.build(&self.changed(&batch.files), batch.since, watch)
                            }
                            Work::Relink(modules) => self.relink(modules, batch.since, watch),
                            Work::Build(files) => self.build(&self.changed(&files), batch.since, watch),
                            Work::Settings => self.settings(batch.since, watch),
                        };
                        if let Err(error) = done {
                            self.output.failure(&error);
                            self.output.line("what served before serves on");
                        }
                    }
                    // What is linked with the next save.
                    self.checkout = Checkout::glance(&self.workshop.workspace.root);
                }
            }
            if self.is_interrupted.load(Ordering::Acquire) {
                return;
            }
        }
    }

    /// Says when the base has ended by itself.
    fn look_after(&mut self) {
        if let Some(Ok(Some(status))) = self.running.as_mut().map(Running::ended) {
            self.running = None;
            self.output.failure(&Failure::error(
                "base-ended",
                format!("the base has ended by itself ({status})"),
                "it is started again after the next save",
            ));
        }
    }

    /// Relinks modules alone, and swaps them in.
    fn relink(&mut self, modules: BTreeSet<String>, since: Instant, watch: &mut Watch) -> Result<()> {
        // What did not go live the last time belongs to what is wanted now.
        self.owed.extend(modules);
        let lock = self.lock()?;
        let is_needed = |replay: &&Replay| self.running.is_none() || self.owed.contains(&replay.module);
        let replays: Vec<&Replay> = self.workshop.replays.iter().filter(is_needed).collect();
        if !self.workshop.fits(&replays) {
            drop(lock);
            return self.build("another process has built what is shared", since, watch);
        }
        if self.running.is_none() {
            self.begin(lock);
            return Ok(());
        }
        if let Some(why) = self.restart.clone() {
            return self.restart(lock, why);
        }
        let objects = self.workshop.link(&replays, &self.checkout, &lock, self.output)?;
        self.install(&objects, lock, since)?;
        self.see(&objects, watch)
    }

    fn install(&mut self, objects: &[Object], lock: Lock, since: Instant) -> Result<()> {
        let linked = Instant::now();
        let wanted = Wanted { no_bake: true, ..Wanted::default() };
        let deployment = deployment::install(&self.client, objects, lock, &wanted, |_| ())?;
        objects.iter().for_each(|object| {
            self.owed.remove(&object.module);
        });
        self.told(objects, &deployment, since, linked);
        Ok(())
    }

    /// Watches what these objects were compiled from, wherever that is.
    fn see(&mut self, objects: &[Object], watch: &mut Watch) -> Result<()> {
        let is_linked = |replay: &&Replay| objects.iter().any(|object| object.module == replay.module);
        for replay in self.workshop.replays.iter().filter(is_linked) {
            self.map.module_reads(&replay.module, &replay.read_files());
        }
        self.watch(watch)
    }

    /// That these files have changed, in words.
    fn changed(&self, files: &BTreeSet<PathBuf>) -> String {
        let root = &self.workshop.workspace.root;
        let names: Vec<_> = files.iter().filter_map(|file| file.strip_prefix(root).ok()?.to_str()).collect();
        format!("{} changed", names.join(", "))
    }

    /// One line: which modules, and how long each step took.
    fn told(&self, objects: &[Object], deployment: &Deployment, since: Instant, linked: Instant) {
        let names: Vec<_> = objects.iter().map(|object| object.module.as_str()).collect();
        let compiled = objects.iter().filter_map(|object| object.took).max();
        let mut parts = Vec::new();
        parts.extend(compiled.map(|took| format!("compiled {}", duration(took))));
        let steps: Duration = deployment.steps.iter().map(bedplate_admin_client::protocol::StepTime::took).sum();
        parts.push(format!("uploaded {}", duration(linked.elapsed().saturating_sub(steps))));
        parts.extend(deployment.steps.iter().map(|step| format!("{} {}", step.name, duration(step.took()))));
        self.output.line(format!(
            "{}: {} → serving, {} after the save",
            names.join(", "),
            parts.join(" · "),
            duration(since.elapsed())
        ));
        self.output.object(&json!({
            "version": 1, "event": "swapped", "modules": names, "took_ms": milliseconds(since.elapsed()),
            "compiled_ms": compiled.map(milliseconds), "steps": deployment.steps,
        }));
    }

    /// Asks cargo, and does what follows from its answer: a swap of some modules, or another base.
    fn build(&mut self, why: &str, since: Instant, watch: &mut Watch) -> Result<()> {
        self.output.line(format!("{why}: asking cargo"));
        self.is_behind = true;
        let workspace = Workspace::read(&self.selection)?;
        let lock = Lock::take_unless(&workspace, self.output, || self.is_interrupted.load(Ordering::Acquire))?;
        let workshop = Workshop::open(workspace, &self.selection, &lock, self.output)?;
        self.is_behind = false;
        let was = std::mem::replace(&mut self.workshop, workshop);
        self.map = map(&self.workshop, &self.place);
        self.watch(watch)?;
        let is_same_base = was.base.label.fingerprint() == self.workshop.base.label.fingerprint();
        if self.running.is_none() {
            self.begin(lock);
            return Ok(());
        }
        if !is_same_base {
            let parts = difference(&was.base.label, &self.workshop.base.label);
            return self.restart(lock, format!("needs a base build: {}", parts.join("; ")));
        }
        if self.workshop.base.is_new {
            let why = "needs a base build: the base's own crate, or the list of its modules, has changed";
            return self.restart(lock, why.to_owned());
        }
        if let Some(why) = self.restart.clone() {
            return self.restart(lock, why);
        }
        let before: BTreeSet<_> = was.replays.iter().map(|replay| &replay.module).collect();
        // Before any of them is linked: where one fails, the others still have to come along with its next save.
        let stale =
            self.workshop.replays.iter().filter(|replay| !replay.is_fresh() || !before.contains(&replay.module));
        self.owed.extend(stale.map(|replay| replay.module.clone()));
        let objects = self.workshop.link_all(&self.checkout, &lock, self.output)?;
        let changed: Vec<_> =
            objects.into_iter().filter(|object| object.took.is_some() || self.owed.contains(&object.module)).collect();
        if changed.is_empty() {
            self.output.line("nothing that runs is built from that");
            return Ok(());
        }
        self.install(&changed, lock, since)?;
        self.see(&changed, watch)
    }

    /// Lets another base run in the place of the one that does.
    fn restart(&mut self, lock: Lock, why: String) -> Result<()> {
        // Before the one that serves ends: an error may show only now.
        self.restart = Some(why.clone());
        self.workshop.link_all(&self.checkout, &lock, self.output)?;
        self.output.line(format!("{why}: the base is restarted"));
        self.output.object(&json!({ "version": 1, "event": "restarting", "why": why }));
        if let Some(running) = self.running.take() {
            running.stop()?;
        }
        self.begin(lock);
        Ok(())
    }

    /// Lets the base read its settings anew: a deployment, without a build.
    fn settings(&mut self, since: Instant, watch: &mut Watch) -> Result<()> {
        if self.running.is_none() {
            return self.relink(BTreeSet::new(), since, watch);
        }
        let wanted = Wanted { no_bake: true, ..Wanted::default() };
        let deployment = deployment::carry_out(&self.client, Operation::Settings {}, &wanted, |_| ())?;
        self.told(&[], &deployment, since, Instant::now());
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let status = running.stop()?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::error(
            "base-failed",
            format!("the base did not end in order ({status})"),
            "see what it says above",
        ))
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
