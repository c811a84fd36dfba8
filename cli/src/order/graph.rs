//! `graph`: the composition as a picture.

use std::collections::BTreeSet;

use anyhow::Result;
use clap::{Arg, ArgMatches, Command};
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;
use crate::order::composed::{Composed, Contract};
use crate::order::{mermaid, svg, written};
use crate::output::Output;
use crate::workspace::Workspace;

/// The scene in which all modules are, as long as there is one.
const SCENE: &str = "main";

/// A picture: who is there, and who calls whom.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Graph {
    pub(super) base: String,
    pub(super) scene: &'static str,
    pub(super) starters: Vec<String>,
    pub(super) modules: Vec<Node>,
    pub(super) calls: Vec<Call>,
    /// The contract whose change is looked at.
    pub(super) changed: Option<String>,
}

/// A module.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) enabled: bool,
    /// Whether the change that is looked at would redeploy it.
    pub(super) moved: bool,
    /// The contracts that it serves and nobody uses, with their versions.
    pub(super) unused: Vec<String>,
}

/// A module that calls another through a contract.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Call {
    pub(super) user: String,
    pub(super) publisher: String,
    pub(super) contract: String,
    pub(super) version: String,
    /// Whether the user runs without it, too.
    pub(super) optional: bool,
}

/// The arguments of `graph`, without those of every command.
pub(crate) fn command() -> Command {
    Command::new("graph")
        .about("Draws the composition: base, starters, modules, contracts, and who calls whom")
        .arg(
            Arg::new("mermaid")
                .long("mermaid")
                .action(clap::ArgAction::SetTrue)
                .help("Writes Mermaid text in place of a picture"),
        )
        .arg(written::argument())
        .arg(
            Arg::new("change")
                .long("change")
                .value_name("CONTRACT")
                .help("Marks what a change of this contract would redeploy"),
        )
}

/// Runs `graph`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let (composed, workspace) = Composed::ask(matches, output)?;
    let changed = matches.get_one::<String>("change").map(|name| changed(&composed, name)).transpose()?;
    let graph = Graph::of(&composed, &workspace, changed);
    if output == Output::Json {
        output.object(&json!({ "version": 1, "graph": graph }));
        return Ok(());
    }
    let picture = if matches.get_flag("mermaid") { mermaid::write(&graph) } else { svg::write(&graph) };
    written::write(matches, output, &picture)?;
    if let Some(contract) = changed {
        // To the other stream: the picture may be on its way into a file.
        eprintln!("{}", told(&graph, contract, Composed::is_in_base(&workspace, &contract.package)));
    }
    Ok(())
}

fn changed<'c>(composed: &'c Composed, name: &'c str) -> Result<&'c Contract> {
    composed.named(name).next().ok_or_else(|| {
        let known: BTreeSet<_> = composed.contracts.iter().map(|contract| format!("`{}`", contract.name)).collect();
        let known: Vec<_> = known.into_iter().collect();
        Failure::error(
            "unknown-contract",
            format!("the base `{}` has no contract `{name}`", composed.base),
            match known.as_slice() {
                [] => "its modules have none".to_owned(),
                known => format!("its contracts are {}", known.join(", ")),
            },
        )
    })
}

fn told(graph: &Graph, contract: &Contract, is_in_base: bool) -> String {
    let moved: Vec<_> = graph.modules.iter().filter(|node| node.moved).map(|node| node.name.as_str()).collect();
    let name = &contract.name;
    match (is_in_base, moved.as_slice()) {
        (true, _) => format!("a change of `{name}` needs a base build: the base itself is built from its crate"),
        (false, []) => format!("a change of `{name}` redeploys nothing: no module carries its crate"),
        (false, moved) => format!("a change of `{name}` redeploys together: {}", moved.join(", ")),
    }
}

impl Graph {
    fn of(composed: &Composed, workspace: &Workspace, changed: Option<&Contract>) -> Self {
        let moved = changed.map(|contract| composed.moved_by(workspace, &contract.package)).unwrap_or_default();
        let modules = composed.modules.iter().map(|module| Node {
            name: module.name.clone(),
            summary: module.summary.clone(),
            enabled: module.enabled,
            moved: moved.contains(&module.name),
            unused: unused(composed, &module.name),
        });
        let starters = composed.starters.iter().filter(|starter| starter.enabled);
        Self {
            base: composed.base.clone(),
            scene: SCENE,
            starters: starters.map(|starter| starter.name.clone()).collect(),
            modules: modules.collect(),
            calls: calls(composed),
            changed: changed.map(|contract| contract.name.clone()),
        }
    }
}

fn unused(composed: &Composed, module: &str) -> Vec<String> {
    let served = composed.contracts.iter().filter(|contract| contract.publishers.iter().any(|name| name == module));
    let unused = served.filter(|contract| contract.users.is_empty());
    unused.map(|contract| format!("{} {}", contract.name, contract.version)).collect()
}

fn calls(composed: &Composed) -> Vec<Call> {
    let optional = |user: &str, contract: &str| {
        let module = composed.modules.iter().find(|module| module.name == user);
        module.is_some_and(|module| {
            let mut asked = module.requires.iter().filter(|required| required.what == contract).peekable();
            asked.peek().is_some() && asked.all(|required| required.need == "optional")
        })
    };
    let mut calls = BTreeSet::new();
    for contract in &composed.contracts {
        for user in &contract.users {
            calls.extend(contract.publishers.iter().map(|publisher| Call {
                user: user.clone(),
                publisher: publisher.clone(),
                contract: contract.name.clone(),
                version: contract.version.clone(),
                optional: optional(user, &contract.name),
            }));
        }
    }
    calls.into_iter().collect()
}

#[cfg(test)]
pub(super) fn example() -> Graph {
    let node = |name: &str, moved: bool| Node {
        name: name.to_owned(),
        summary: format!("Serves <{name}> & more."),
        enabled: true,
        moved,
        unused: Vec::new(),
    };
    let call = |user: &str, publisher: &str, contract: &str, optional: bool| Call {
        user: user.to_owned(),
        publisher: publisher.to_owned(),
        contract: contract.to_owned(),
        version: "1.0.0".to_owned(),
        optional,
    };
    Graph {
        base: "shop".to_owned(),
        scene: SCENE,
        starters: ["http", "sql"].map(str::to_owned).to_vec(),
        modules: vec![node("comments", true), node("articles", true), node("profiles", false)],
        calls: vec![
            call("articles", "profiles", "Profiles", true),
            call("comments", "articles", "Articles", false),
            call("comments", "profiles", "Profiles", false),
        ],
        changed: Some("Articles".to_owned()),
    }
}
