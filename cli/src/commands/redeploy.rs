//! `redeploy`: relinks modules, and swaps them into the running base.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;
use bedplate::deploy::image::ObjectLabel;
use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::render::{Follower, plan};
use clap::ArgMatches;
use serde_json::json;

use crate::build::{Replay, Workshop};
use crate::commands::arguments::{placed, selected};
use crate::deployment::{self, Wanted};
use crate::dev::difference;
use crate::failure::Failure;
use crate::output::{Output, duration};

/// Runs `redeploy`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let since = Instant::now();
    let selection = selected(matches);
    let workshop = Workshop::open(selection, output)?;
    let place = placed(matches, &workshop.workspace);
    let client = place.client()?;
    let serving = Serving::ask(&client)?;
    serving.must_fit(&workshop)?;
    let mut wanted = BTreeSet::new();
    for name in matches.get_many::<String>("module").into_iter().flatten() {
        wanted.insert(workshop.workspace.module(name)?.name.clone());
    }
    if matches.get_flag("with-dependents") {
        wanted.extend(serving.dependents(&workshop, &wanted));
    }
    let replays: Vec<&Replay> = workshop.replays.iter().filter(|replay| wanted.contains(&replay.module)).collect();
    let objects = workshop.link(&replays, output)?;
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
    let deployment = deployment::install(&client, &objects, &asked, |deployment| {
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
    base: Option<ObjectLabel>,
    modules: BTreeMap<String, ObjectLabel>,
}

impl Serving {
    fn ask(client: &Client) -> Result<Self> {
        let status = client.get("status")?;
        let label = |value: &serde_json::Value| serde_json::from_value(value.clone()).ok();
        let modules = status["modules"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|module| Some((module["module"].as_str()?.to_owned(), label(&module["object"]["label"])?)));
        Ok(Self { base: label(&status["base"]["label"]), modules: modules.collect() })
    }

    /// Refuses at once what the base would refuse after the build, and says why in the words of the sources.
    fn must_fit(&self, workshop: &Workshop) -> Result<()> {
        match &self.base {
            Some(base) if base.fingerprint() != workshop.base.label.fingerprint() => Err(Failure::error(
                "other-base",
                format!(
                    "the running base is not what these sources build: {}",
                    difference(base, &workshop.base.label).join("; ")
                ),
                "it needs a base build and a restart: `cargo bedplate build`; or redeploy from the sources that the base was built from",
            )),
            _ => Ok(()),
        }
    }

    /// The modules that carry a crate in another state than what serves, where a wanted module carries it too.
    fn dependents(&self, workshop: &Workshop, wanted: &BTreeSet<String>) -> BTreeSet<String> {
        let carried = |label: &ObjectLabel| -> BTreeMap<(String, String), String> {
            let own = label.crates.iter().filter(|one| !one.in_base);
            own.map(|one| ((one.name.clone(), one.version.clone()), one.metadata.clone())).collect()
        };
        let mut all = wanted.clone();
        loop {
            let set: BTreeMap<_, _> = workshop
                .replays
                .iter()
                .filter(|replay| all.contains(&replay.module))
                .flat_map(|replay| carried(replay.label()))
                .collect();
            let more = self.modules.iter().find(|(name, label)| {
                !all.contains(*name)
                    && workshop.workspace.modules.contains_key(*name)
                    && carried(label).iter().any(|(one, metadata)| set.get(one).is_some_and(|now| now != metadata))
            });
            let Some((name, _)) = more else { return all };
            all.insert(name.clone());
        }
    }
}
