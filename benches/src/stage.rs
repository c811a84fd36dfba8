//! A generated base as a bundle, and two builds of each of its modules: what swaps are measured on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, value_parser};

use crate::edit::Edit;
use crate::generate::{Generated, Plan, TICKER, generate};
use crate::load::{Load, text};
use crate::options;
use crate::project::{Profile, default_folder};
use crate::report::Report;
use crate::running::{Place, Running};
use crate::swapper::Swapper;
use crate::tool::Tool;

/// A bundle, with two builds of each module.
#[derive(Debug)]
pub struct Stage {
    /// What was generated.
    pub generated: Generated,
    /// The bundle: every module in its first build.
    pub bundle: PathBuf,
    /// The folders with an object for each module, in its first and its second build.
    pub builds: [PathBuf; 2],
    state: Option<PathBuf>,
}

/// The arguments of every benchmark that swaps.
#[must_use]
pub fn arguments() -> Vec<Arg> {
    let mut arguments = options::size("4", "250").to_vec();
    arguments.push(options::flag("dev", "Builds with the profile dev, not release"));
    arguments.push(
        Arg::new("state").long("state").value_name("FOLDER").value_parser(value_parser!(PathBuf)).help(
            "Where the base keeps its state, a copy of each loaded object included [default: for temporary files]",
        ),
    );
    arguments
}

impl Stage {
    /// Generates and builds, where that was not done before.
    ///
    /// # Errors
    ///
    /// Where it does not compile.
    pub fn build(matches: &ArgMatches, report: &Report) -> Result<Self> {
        let plan = Plan::of(matches)?;
        let profile = if matches.get_flag("dev") { Profile::Dev } else { Profile::Release };
        let folder = matches.get_one::<PathBuf>("folder").cloned().unwrap_or_else(default_folder);
        let work = folder.join(format!("stage-{}x{}", plan.modules, plan.lines));
        fs::create_dir_all(&work).with_context(|| format!("the folder {} cannot be made", work.display()))?;
        let work = work.canonicalize()?;
        report.progress(&format!(
            "building {} modules of {} lines twice, {}",
            plan.modules,
            plan.lines,
            profile.name()
        ));
        let generated = generate(&work.join("workspace"), &plan)?;
        let tool = Tool::build(&work.join("target"))?;
        let builds = [1, 2].map(|build| work.join(format!("objects-{}-{build}", profile.name())));
        let mut bundle = PathBuf::new();
        // The second one first: the bundle is left with the first.
        for (number, objects) in [(2, &builds[1]), (1, &builds[0])] {
            for module in &generated.modules {
                Edit::generated(module).save(&generated.project.root, number)?;
            }
            bundle = tool.bundle(&generated.project, profile)?;
            take(&bundle, objects, &generated.modules)?;
        }
        Ok(Self { generated, bundle, builds, state: matches.get_one::<PathBuf>("state").cloned() })
    }

    /// Starts the bundle in a place of its own. Settings are `key=value`.
    ///
    /// # Errors
    ///
    /// Where it does not start.
    pub async fn start(&self, settings: &[&str]) -> Result<(Place, Running)> {
        let place = Place::new(self.state.as_deref())?;
        let more: Vec<_> = settings.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]).collect();
        let running = Running::start(&self.bundle, &self.generated.project, &place, &more).await?;
        Ok((place, running))
    }

    /// Uploads both builds of all modules.
    ///
    /// # Errors
    ///
    /// Where the base refuses one.
    pub async fn swapper(&self, place: &Place, together: usize) -> Result<Swapper> {
        let [first, second] = &self.builds;
        Swapper::upload(place.client(), &self.generated.modules, [first, second], together).await
    }

    /// A load on all modules: each request calls the module's neighbour three times, and says which revisions it saw.
    #[must_use]
    pub fn load(&self, place: &Place, connections: usize) -> Load {
        let paths = self.generated.modules.iter().map(|module| format!("/{module}/around")).collect();
        Load { address: place.http, connections, paths, check: saw_one_generation }
    }

    /// The longest gap of the ticker of 1 ms in the base, in microseconds, since it was asked last.
    ///
    /// # Errors
    ///
    /// Where the base does not answer.
    pub async fn longest_gap(&self, place: &Place) -> Result<u64> {
        text(place.http, &format!("/{TICKER}/longest")).await?.parse().context("the ticker answers with a number")
    }
}

/// Copies the objects out of a bundle.
fn take(bundle: &Path, to: &Path, modules: &[String]) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("the folder {} cannot be made", to.display()))?;
    for module in modules {
        let name = format!("{module}.so");
        let from = bundle.join("modules").join(&name);
        fs::copy(&from, to.join(name)).with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    Ok(())
}

/// A request that asks its neighbour twice has to see the same generation of it.
fn saw_one_generation(answer: &str) -> Result<(), String> {
    let mut words = answer.split(' ');
    let (own, first, second) = (words.next(), words.next(), words.next());
    match (own, first) {
        (Some("1" | "2"), Some("1" | "2")) if first == second => Ok(()),
        _ => Err(format!("it saw two generations of one module: `{answer}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_generations_in_one_request_are_found_out() {
        for fine in ["1 1 1 2", "2 1 1 2", "1 2 2 2", "2 2 2 0"] {
            assert_eq!(saw_one_generation(fine), Ok(()));
        }
        for wrong in ["1 1 2 2", "1 2 1 2", "", "1", "3 1 1 2"] {
            assert!(saw_one_generation(wrong).is_err(), "{wrong}");
        }
    }
}
