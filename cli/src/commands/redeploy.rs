//! `redeploy`: relinks modules, and swaps them into the running base.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;
use bedplate::deploy::image::CrateLabel;
use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::render::{Follower, plan};
use clap::ArgMatches;
use serde_json::json;

use crate::build::{Lock, Replay, Workshop};
use crate::commands::arguments::{placed, selected};
use crate::deployment::{self, Wanted};
use crate::dev::difference;
use crate::failure::Failure;
use crate::output::{Output, duration};
use crate::workspace::Workspace;

/// Runs `redeploy`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let since = Instant::now();
    let selection = selected(matches);
    // What can be said without a build is said at once.
    let workspace = Workspace::read(&selection)?;
    let mut wanted = BTreeSet::new();
    for name in matches.get_many::<String>("module").into_iter().flatten() {
        wanted.insert(workspace.module(name)?.name.clone());
    }
    let client = placed(matches, &workspace).client()?;
    let serving = Serving::ask(&client)?;
    let lock = Lock::take(&workspace, output)?;
    let workshop = Workshop::open(workspace, &selection, &lock, output)?;
    serving.must_fit(&workshop)?;
    if matches.get_flag("with-dependents") {
        wanted.extend(serving.dependents(&workshop, &wanted));
    }
    let replays: Vec<&Replay> = workshop.replays.iter().filter(|replay| wanted.contains(&replay.module)).collect();
    let objects = workshop.link(&replays, &workshop.checkout(), &lock, output)?;
    for object in &objects {
        let took = object.took.map_or_else(|| "as it was".to_owned(), |took| format!("in {}", duration(took)));
        output.line(format!("linked {} {took}", object.module));
    }
    let asked = Wanted {
        plan: matches.get_flag("plan"),
        force: matches.get_flag("force"),
        breaking: matches.get_flag("breaking"),
        no_bake: false,
    };
    let mut follower = Follower::new();
    let deployment = deployment::install(&client, &objects, lock, &asked, |deployment| {
        follower.lines(deployment).into_iter().for_each(|line| output.line(line));
    })?;
    if let Some(found) = &deployment.plan {
        output.line(plan(found));
    } else {
        output.line(format!("{} after the command", duration(since.elapsed())));
    }
    output.object(&json!({ "version": 1, "deployment": deployment }));
    Ok(())
}

/// What the running base says of itself.
struct Serving {
    fingerprint: Option<String>,
    /// What each module's object carries.
    modules: BTreeMap<String, Vec<CrateLabel>>,
}

impl Serving {
    fn ask(client: &Client) -> Result<Self> {
        let status = client.get("status")?;
        let modules = status["modules"].as_array().into_iter().flatten().filter_map(|module| {
            let carried = serde_json::from_value(module["carried"].clone()).unwrap_or_default();
            Some((module["instance"]["module"].as_str()?.to_owned(), carried))
        });
        Ok(Self { fingerprint: status["base_fingerprint"].as_str().map(str::to_owned), modules: modules.collect() })
    }

    /// Refuses at once what the base would refuse after the upload, and says why in the words of the sources.
    fn must_fit(&self, workshop: &Workshop) -> Result<()> {
        let Some(running) = self.fingerprint.as_ref() else {
            return Err(Failure::error(
                "static-base",
                "the base that runs is one static binary, and loads no objects",
                "run the bundle: `cargo bedplate run`",
            ));
        };
        let built = &workshop.base.label;
        if *running == built.base_fingerprint {
            return Ok(());
        }
        let bundled = workshop.bundled().filter(|bundle| bundle.label.base_fingerprint == *running);
        let parts = match bundled {
            Some(bundle) => difference(&bundle.label, built).join("; "),
            None => {
                format!("it was not built here; its fingerprint is {running}, and theirs {}", built.base_fingerprint)
            }
        };
        Err(Failure::error(
            "other-base",
            format!("the running base is not what these sources build: {parts}"),
            "it needs a base build and a restart, `cargo bedplate build`; or redeploy from the sources that it was built from",
        ))
    }

    /// The modules that carry a crate in another state than what serves, where a wanted module carries it too.
    fn dependents(&self, workshop: &Workshop, wanted: &BTreeSet<String>) -> BTreeSet<String> {
        let own = |crates: &[CrateLabel]| -> BTreeMap<(String, String), String> {
            let carried = crates.iter().filter(|one| !one.in_base);
            carried.map(|one| ((one.name.clone(), one.version.clone()), one.metadata.clone())).collect()
        };
        let mut all = wanted.clone();
        loop {
            let set: BTreeMap<_, _> = workshop
                .replays
                .iter()
                .filter(|replay| all.contains(&replay.module))
                .flat_map(|replay| own(&replay.label().crates))
                .collect();
            let more = workshop.replays.iter().find(|replay| {
                let carried = self.modules.get(&replay.name()).map(Vec::as_slice).unwrap_or_default();
                !all.contains(&replay.module)
                    && own(carried).iter().any(|(one, metadata)| set.get(one).is_some_and(|now| now != metadata))
            });
            let Some(replay) = more else { return all };
            all.insert(replay.module.clone());
        }
    }
}
