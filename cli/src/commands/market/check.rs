//! `market check`: whether the lists are true of the starters.

use std::process::ExitCode;

use anyhow::Result;
use clap::ArgMatches;
use serde_json::json;

use super::{counted, open, working_folder};
use crate::market::{Difference, Pick, Place, compare, of_entries};
use crate::output::Output;
use crate::project::confirm;

/// `market check`. The status is 1 where a list is not true.
pub(super) fn check(matches: &ArgMatches, output: Output) -> Result<ExitCode> {
    let market = open(matches)?;
    let mut lists = Vec::new();
    match matches.get_many::<String>("checked") {
        Some(names) => {
            for name in names {
                lists.push(market.list(name)?);
            }
        }
        // Whoever names a list on the command line asks about that one.
        None => {
            let named = matches.get_many::<String>("list").map_or(0, |named| named.len());
            let first = if named == 0 { 0 } else { market.lists.len() - named };
            lists.extend(&market.lists[first..]);
        }
    }
    let picks: Vec<_> =
        lists.iter().flat_map(|list| list.entries.iter().map(|entry| Pick { list, entry, needed_by: None })).collect();
    confirm(&picks, matches.get_flag("yes"))?;
    let place = Place::of(&working_folder(matches)?)?;
    let mut is_true = true;
    let mut told = Vec::new();
    for list in lists {
        let described = of_entries(&list.entries, &place, output)?;
        let differences = compare(&list.entries, described.iter().map(|described| &described.entry));
        let starters = counted(list.entries.len(), "starter");
        match differences.len() {
            0 => output.line(format!("list `{}`: {starters}, all as the list says", list.name)),
            count => output.line(format!(
                "list `{}`: {starters}, and {} from what the list says",
                list.name,
                counted(count, "difference")
            )),
        }
        for difference in &differences {
            output.line(shown(difference));
        }
        is_true &= differences.is_empty();
        let differences: Vec<_> = differences
            .iter()
            .map(|Difference { starter, field, one, other }| {
                json!({ "starter": starter, "field": field, "listed": one, "actual": other })
            })
            .collect();
        told.push(json!({ "name": list.name, "ok": differences.is_empty(), "differences": differences }));
    }
    if !is_true {
        output.line("help: make the list anew: cargo bedplate market generate FOLDER… --out FILE");
    }
    output.object(&json!({ "version": 1, "ok": is_true, "lists": told }));
    Ok(if is_true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shown(difference: &Difference) -> String {
    let Difference { starter, field, one, other } = difference;
    let said = |text: &Option<String>| text.as_ref().map_or("nothing".to_owned(), |text| format!("`{text}`"));
    match (field.as_str(), one) {
        ("starter", Some(package)) => format!("  {starter}: the crate `{package}` registers no starter of this name"),
        ("starter", None) => format!("  {starter}: {} registers it, and the list does not have it", said(other)),
        _ => format!("  {starter}, {field}: the list says {}, and it is {}", said(one), said(other)),
    }
}
