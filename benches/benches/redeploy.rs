//! File saved → new code answers, against the bare call of rustc for that module, and against a static build and
//! restart.
//!
//! `cargo bench -p bedplate-benches --bench redeploy`: Conduit's smallest module, and one of a generated base, in dev
//! and release. Shorter: `-- --base conduit --profile dev --rounds 3`. Longer, since every static build takes minutes:
//! `-- --base generated --profile release --thin-lto`.

#![allow(missing_docs, reason = "nothing here is an interface")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bedplate_benches::answer::{ASKED_EVERY, Asker};
use bedplate_benches::bare::BareCall;
use bedplate_benches::edit::Edit;
use bedplate_benches::generate::{Plan, generate};
use bedplate_benches::live::Live;
use bedplate_benches::options;
use bedplate_benches::project::{Profile, Project, default_folder};
use bedplate_benches::report::{Cell, Report, Table, median};
use bedplate_benches::running::Place;
use bedplate_benches::static_base::{Flags, StaticBase};
use bedplate_benches::tool::Tool;
use clap::{Arg, ArgMatches, Command};
use serde_json::Value;

fn main() -> Result<()> {
    let command = Command::new("redeploy")
        .about("File saved → new code answers, against the bare call of rustc and against a static build and restart")
        .arg(choice("base", ["conduit", "generated", "both"], "Which base is measured"))
        .arg(choice("profile", ["dev", "release", "both"], "With which profile of cargo's"))
        .arg(options::number("rounds", "5", "How many edits are measured, after one that is not"))
        .arg(options::flag("no-static", "Leaves out the static build of the generated base"))
        .arg(options::flag("static", "Measures the static build of Conduit too"))
        .arg(options::flag(
            "thin-lto",
            "Measures the static build with thin link-time optimization too: minutes for each",
        ))
        .args(options::size("20", "5000"));
    let Some(matches) = options::read(command) else { return Ok(()) };
    let mut report = Report::begin("redeploy", &matches);
    for base in chosen(&matches, "base") {
        for profile in chosen(&matches, "profile") {
            let profile = if profile == "dev" { Profile::Dev } else { Profile::Release };
            let run = Run::prepare(&matches, &report, base, profile)?;
            run.measure(&mut report)?;
        }
    }
    report.note(format!(
        "answers are asked for every {} ms; a static base is restarted by a kill, which takes the least time",
        ASKED_EVERY.as_millis()
    ));
    report.end()
}

fn choice(name: &'static str, values: [&'static str; 3], help: &'static str) -> Arg {
    Arg::new(name).long(name).value_parser(values).default_value(values[2]).help(help)
}

fn chosen(matches: &ArgMatches, name: &str) -> Vec<&'static str> {
    match (name, matches.get_one::<String>(name).map(String::as_str)) {
        ("base", Some("conduit")) => vec!["conduit"],
        ("base", Some("generated")) => vec!["generated"],
        ("base", _) => vec!["conduit", "generated"],
        (_, Some("dev")) => vec!["dev"],
        (_, Some("release")) => vec!["release"],
        _ => vec!["dev", "release"],
    }
}

/// One base, with one profile: everything is built, and the base runs in `dev`.
struct Run {
    name: String,
    profile: Profile,
    edit: Edit,
    rounds: u64,
    /// Where `dev` watches.
    live: Live,
    live_project: Project,
    asker: Asker,
    /// The copy of the sources that nobody watches.
    still_project: Project,
    bare: BareCall,
    is_same_call: bool,
    statics: Vec<(Flags, StaticBase)>,
    // Removed last: processes use it.
    _place: Place,
}

impl Run {
    fn prepare(matches: &ArgMatches, report: &Report, base: &'static str, profile: Profile) -> Result<Self> {
        let plan = Plan::of(matches)?;
        let folder = matches.get_one("folder").cloned().unwrap_or_else(default_folder);
        let is_generated = base == "generated";
        let name = if is_generated {
            format!("generated, {} modules of {} lines", plan.modules, plan.lines)
        } else {
            "conduit".to_owned()
        };
        let work = folder.join(if is_generated {
            format!("redeploy-{}x{}", plan.modules, plan.lines)
        } else {
            "redeploy-conduit".to_owned()
        });
        std::fs::create_dir_all(&work).with_context(|| format!("the folder {} cannot be made", work.display()))?;
        let work = work.canonicalize()?;
        let (live_project, edit) = sources(&work.join("live"), is_generated, &plan)?;
        let (still_project, _) = sources(&work.join("still"), is_generated, &plan)?;
        let tool = Tool::build(&work.join("target"))?;

        let mut statics = Vec::new();
        let wants_static = if is_generated { !matches.get_flag("no-static") } else { matches.get_flag("static") };
        let wants_lto = wants_static && profile == Profile::Release && matches.get_flag("thin-lto");
        for (wanted, flags, target) in
            [(wants_static, Flags::Same, "target-static"), (wants_lto, Flags::ThinLto, "target-lto")]
        {
            if wanted {
                report.progress(&format!("{name}, {}: building one static binary ({flags:?})", profile.name()));
                statics.push((flags, StaticBase::build(&still_project, profile, flags, &work.join(target))?));
            }
        }
        report.progress(&format!("{name}, {}: building the bundle, and starting it in `dev`", profile.name()));
        let place = Place::new(None)?;
        let live = Live::start(&tool, &live_project, profile, &place)?;
        report.progress(&format!("{name}, {}: the bare call, for the first time", profile.name()));
        let own = work.join("bare").join(profile.name());
        let bare = BareCall::find(&tool, &live_project, profile, &edit.module, &still_project.root, &own)?;
        let is_same_call = bare.makes_the_same()?;
        Ok(Self {
            asker: Asker::new(place.http)?,
            rounds: options::number_of(matches, "rounds").max(1),
            name,
            profile,
            edit,
            live,
            live_project,
            still_project,
            bare,
            is_same_call,
            statics,
            _place: place,
        })
    }

    fn measure(mut self, report: &mut Report) -> Result<()> {
        // Numbers that no earlier run has used: nothing of an earlier build may answer.
        let first = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        let mut measured = Measured::default();
        for round in 0..=self.rounds {
            let one = self.round(first + round)?;
            report.progress(&format!("{}, {}: round {round} of {}", self.name, self.profile.name(), self.rounds));
            // The first one fills the caches of all sides.
            if round > 0 {
                measured.add(one);
            }
        }
        let title = format!("{}, {}: `{}`", self.name, self.profile.name(), self.edit.module);
        report.table(measured.table(&title, self.profile));
        report.table(measured.steps(&format!("{title}, the steps of an edit")));
        if !self.is_same_call {
            report.note(format!(
                "{title}: the bare call does not make the very bytes that the tool's does: see src/bare.rs"
            ));
        }
        Ok(())
    }

    /// One edit on all sides, one after another.
    fn round(&mut self, number: u64) -> Result<Round> {
        let begin = Instant::now();
        self.edit.save(&self.live_project.root, number)?;
        self.asker.wait_for(&self.edit, number)?;
        let live = begin.elapsed();
        let event = self.live.swapped()?;
        self.edit.save(&self.still_project.root, number)?;
        let bare = self.bare.run()?;
        let mut statics = Vec::new();
        for (flags, base) in &mut self.statics {
            // Each has its own target folder, and finds the file newer than what it has built.
            let rebuilt = base.rebuild(&self.edit, number)?;
            statics.push((*flags, rebuilt.all, rebuilt.build));
        }
        Ok(Round { live, bare, event, statics })
    }
}

fn sources(root: &Path, is_generated: bool, plan: &Plan) -> Result<(Project, Edit)> {
    std::fs::create_dir_all(root)?;
    if !is_generated {
        return Ok((Project::conduit(root)?, Edit::conduit()));
    }
    let generated = generate(root, plan)?;
    // One in the middle: others depend on its contract, and it on another's.
    let module = &generated.modules[generated.modules.len() / 2];
    Ok((generated.project, Edit::generated(module)))
}

/// What one edit took on each side.
struct Round {
    live: Duration,
    bare: Duration,
    event: Value,
    statics: Vec<(Flags, Duration, Duration)>,
}

/// All edits.
#[derive(Default)]
struct Measured {
    live: Vec<Duration>,
    bare: Vec<Duration>,
    events: Vec<Value>,
    statics: Vec<(Flags, Vec<Duration>, Vec<Duration>)>,
}

impl Measured {
    fn add(&mut self, round: Round) {
        self.live.push(round.live);
        self.bare.push(round.bare);
        self.events.push(round.event);
        for (flags, all, build) in round.statics {
            match self.statics.iter_mut().find(|(own, ..)| *own == flags) {
                Some((_, alls, builds)) => {
                    alls.push(all);
                    builds.push(build);
                }
                None => self.statics.push((flags, vec![all], vec![build])),
            }
        }
    }

    fn table(&self, title: &str, profile: Profile) -> Table {
        let mut table = Table::new(
            title,
            &[
                ("what", ""),
                ("median_ms", "median"),
                ("least_ms", "least"),
                ("most_ms", "most"),
                ("live_by_this", "saved→answers / this"),
                ("to_hold", "to hold"),
            ],
        );
        let live = median(&self.live);
        let bare = median(&self.bare);
        let allowed = bare.mul_f64(1.25) + Duration::from_millis(50);
        let mut row = |what: &str, times: &[Duration], to_hold: String| {
            let by_this = live.as_secs_f64() / median(times).as_secs_f64().max(f64::EPSILON);
            let (least, most) = (times.iter().min().copied(), times.iter().max().copied());
            table.row([
                Cell::text(what),
                Cell::time(median(times)),
                Cell::time(least.unwrap_or_default()),
                Cell::time(most.unwrap_or_default()),
                Cell::ratio(by_this),
                Cell::text(to_hold),
            ]);
        };
        row("bare call of rustc", &self.bare, String::new());
        row("file saved → new code answers", &self.live, format!("1.25 x bare + 50 ms = {} ms", allowed.as_millis()));
        for (flags, all, build) in &self.statics {
            let (what, to_hold) = match (flags, profile) {
                (Flags::Same, Profile::Dev) => ("static: cargo build, restart, first answer", "0.50"),
                (Flags::Same, Profile::Release) => ("static, same flags: build, restart, answer", "0.85"),
                (Flags::ThinLto, _) => ("static, thin LTO: build, restart, answer", "0.05"),
            };
            row(what, all, to_hold.to_owned());
            row("  of that, cargo build", build, String::new());
        }
        table
    }

    /// What `dev` itself says about where the time goes.
    fn steps(&self, title: &str) -> Table {
        let mut table = Table::new(title, &[("step", "step"), ("median_ms", "median")]);
        let mut row = |name: &str, of: &dyn Fn(&Value) -> Option<f64>| {
            let times: Vec<_> = self.events.iter().filter_map(of).map(Duration::from_secs_f64).collect();
            if !times.is_empty() {
                table.row([Cell::text(name), Cell::time(median(&times))]);
            }
        };
        row("compiled", &|event| Some(event["compiled_ms"].as_f64()? / 1e3));
        let names = self.events.first().and_then(|event| event["steps"].as_array().cloned()).unwrap_or_default();
        for step in &names {
            let Some(name) = step["name"].as_str() else { continue };
            row(name, &|event| {
                let step = event["steps"].as_array()?.iter().find(|step| step["name"] == name)?;
                Some(step["took_us"].as_f64()? / 1e6)
            });
        }
        row("after the save, as `dev` saw it", &|event| Some(event["took_ms"].as_f64()? / 1e3));
        table
    }
}
