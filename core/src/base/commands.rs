//! The commands of a base's binary that need no running base.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use crate::base::command::Output;
use crate::base::{Assembly, CompositionReport, StarterInfo};
use crate::compose::CompositionError;
use crate::descriptors::{HandleInfo, StarterDescriptor};
use crate::module::RequiredKind;
use crate::settings::{Schema, SettingRow};

/// Reports what is wrong, and the exit status for it.
pub(super) fn fail(error: &CompositionError, output: Output) -> ExitCode {
    match output {
        Output::Text => {
            let count = error.problems.len();
            let plural = if count == 1 { "problem" } else { "problems" };
            note(&format!("{error}\n\n{count} {plural} found at the step `{}`", error.step));
        }
        Output::Json => {
            print_json(&json!({ "version": 1, "ok": false, "step": error.step, "problems": error.problems }));
        }
    }
    ExitCode::FAILURE
}

/// Reports one thing that is wrong.
pub(super) fn fail_with(what: &str, output: Output) -> ExitCode {
    match output {
        Output::Text => note(&format!("error: {what}")),
        Output::Json => print_json(&json!({ "version": 1, "ok": false, "error": what })),
    }
    ExitCode::FAILURE
}

/// `check`: whether all fits together.
pub(super) fn check(assembly: &Assembly, output: Output) -> ExitCode {
    let report = assembly.report();
    match (assembly.check(), output) {
        (Err(error), _) => return fail(&error, output),
        (Ok(_), Output::Text) => {
            let starters = report.starters.iter().filter(|starter| starter.enabled).count();
            let modules = report.modules.iter().filter(|module| module.enabled).count();
            print(&format!("{report}ok: {starters} starters and {modules} modules fit together"));
        }
        (Ok(_), Output::Json) => {
            print_json(&json!({ "version": 1, "ok": true, "composition": report, "problems": [] }));
        }
    }
    ExitCode::SUCCESS
}

/// `modules`: what is linked, and what each requires and publishes.
pub(super) fn modules(assembly: &Assembly, output: Output) -> ExitCode {
    let CompositionReport { version, modules, .. } = assembly.report();
    if output == Output::Json {
        print_json(&json!({ "version": version, "modules": modules }));
        return ExitCode::SUCCESS;
    }
    let rows = modules.iter().map(|module| {
        [
            module.name.clone(),
            module.site.version.to_owned(),
            if module.enabled { "enabled".to_owned() } else { module.skipped.clone().unwrap_or_default() },
            join(module.publishes.iter()),
            join(module.requires.iter().map(|requirement| short(requirement.what))),
            module.summary.to_owned(),
        ]
    });
    table(["MODULE", "VERSION", "STATE", "PUBLISHES", "REQUIRES", "SUMMARY"], rows);
    ExitCode::SUCCESS
}

/// A starter with all that it registered: what a list of starters says of it is made from this.
#[derive(Serialize)]
struct StarterRow {
    #[serde(flatten)]
    info: StarterInfo,
    bedplate: &'static str,
    needs: Vec<StarterNeed>,
    settings: Schema,
    module_settings: Schema,
}

/// A starter that another one cannot do without.
#[derive(Serialize)]
struct StarterNeed {
    #[serde(rename = "type")]
    type_name: &'static str,
    /// Its name; none where it is not linked.
    starter: Option<&'static str>,
}

impl StarterRow {
    fn of(info: StarterInfo, linked: &[&'static StarterDescriptor]) -> Option<Self> {
        let descriptor = linked.iter().find(|descriptor| descriptor.name == info.name)?;
        let need = |need: &HandleInfo| {
            let starter = linked.iter().find(|other| (other.type_id)() == (need.type_id)());
            StarterNeed { type_name: (need.type_name)(), starter: starter.map(|other| other.name) }
        };
        Some(Self {
            info,
            bedplate: descriptor.bedplate,
            needs: descriptor.needs.iter().map(need).collect(),
            settings: (descriptor.settings.schema)(),
            module_settings: (descriptor.module_settings.schema)(),
        })
    }
}

/// `starters`: what is linked.
pub(super) fn starters(assembly: &Assembly, output: Output) -> ExitCode {
    let CompositionReport { version, starters, .. } = assembly.report();
    if output == Output::Json {
        let rows = starters.into_iter().filter_map(|info| StarterRow::of(info, &assembly.starters));
        print_json(&json!({ "version": version, "starters": rows.collect::<Vec<_>>() }));
        return ExitCode::SUCCESS;
    }
    let rows = starters.iter().map(|starter| {
        [
            starter.name.to_owned(),
            starter.site.version.to_owned(),
            if starter.enabled { "enabled".to_owned() } else { starter.skipped.clone().unwrap_or_default() },
            join(starter.provides.iter().map(|type_name| short(type_name))),
            starter.summary.to_owned(),
        ]
    });
    table(["STARTER", "VERSION", "STATE", "PROVIDES", "SUMMARY"], rows);
    ExitCode::SUCCESS
}

#[derive(Serialize)]
struct ServiceRow {
    contract: &'static str,
    #[serde(rename = "crate")]
    crate_name: &'static str,
    version: &'static str,
    docs: &'static str,
    methods: &'static [crate::service::Method],
    publishers: Vec<String>,
    users: Vec<String>,
}

/// `services`: the contracts, with publishers and users.
pub(super) fn services(assembly: &Assembly, output: Output) -> ExitCode {
    let mut by_contract = BTreeMap::new();
    let mut row = |contract: &'static crate::service::Contract, publisher: Option<&str>, user: Option<&str>| {
        let key = (contract.name, contract.site.crate_name, contract.site.version);
        let row = by_contract.entry(key).or_insert_with(|| ServiceRow {
            contract: contract.name,
            crate_name: contract.site.crate_name,
            version: contract.site.version,
            docs: contract.docs,
            methods: contract.methods,
            publishers: Vec::new(),
            users: Vec::new(),
        });
        row.publishers.extend(publisher.map(str::to_owned));
        row.users.extend(user.map(str::to_owned));
    };
    for module in assembly.modules.iter().filter(|module| assembly.is_module_enabled(module)) {
        for published in &module.publishes {
            row(published.contract, Some(module.name.as_str()), None);
        }
        for required in module.requirements.as_slice() {
            if let RequiredKind::Service { contract, .. } = required.kind {
                row(contract, None, Some(module.name.as_str()));
            }
        }
    }
    let services: Vec<_> = by_contract.into_values().collect();
    if output == Output::Json {
        print_json(&json!({ "version": 1, "services": services }));
        return ExitCode::SUCCESS;
    }
    let rows = services.iter().map(|service| {
        [
            service.contract.to_owned(),
            format!("{} {}", service.crate_name, service.version),
            join(service.publishers.iter()),
            join(service.users.iter()),
            join(service.methods.iter().map(|method| method.name)),
        ]
    });
    table(["CONTRACT", "CRATE", "PUBLISHED BY", "USED BY", "METHODS"], rows);
    ExitCode::SUCCESS
}

/// `settings`: every key, its value, where it came from, its help.
pub(super) fn settings(assembly: &Assembly, output: Output) -> ExitCode {
    let settings: Vec<SettingRow> = assembly.settings.explain(&assembly.known());
    if output == Output::Json {
        print_json(&json!({ "version": 1, "settings": settings }));
        return ExitCode::SUCCESS;
    }
    let rows = settings.iter().map(|setting| {
        [
            setting.key.to_string(),
            setting.value.clone().unwrap_or_else(|| "-".to_owned()),
            setting.origin.to_string(),
            first_sentence(&setting.help),
        ]
    });
    table(["KEY", "VALUE", "FROM", "HELP"], rows);
    ExitCode::SUCCESS
}

/// The first sentence of a help text, on one line.
fn first_sentence(help: &str) -> String {
    let line = help.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    line.split_once(". ").map_or(line.clone(), |(first, _)| format!("{first}."))
}

fn short(type_name: &str) -> &str {
    type_name.rsplit("::").next().unwrap_or(type_name)
}

fn join<T: Display>(items: impl Iterator<Item = T>) -> String {
    let list: Vec<_> = items.map(|item| item.to_string()).collect();
    if list.is_empty() { "-".to_owned() } else { list.join(", ") }
}

/// Prints rows in columns as wide as their widest cell.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    print(&lines.collect::<Vec<_>>().join("\n"));
}

pub(super) fn print_json(value: &serde_json::Value) {
    print(&format!("{value:#}"));
}

pub(super) fn print(text: &str) {
    write(&mut std::io::stdout(), text);
}

pub(super) fn try_print(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}

pub(super) fn note(text: &str) {
    write(&mut std::io::stderr(), text);
}

/// A reader that closed its end (`| head`) is no error.
fn write(to: &mut impl Write, text: &str) {
    let _ = writeln!(to, "{text}");
}
