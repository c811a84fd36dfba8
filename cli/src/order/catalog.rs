//! `catalog`: the contracts that modules call each other through, so that people reuse and do not rebuild.

use std::fmt::Write;

use anyhow::Result;
use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use crate::order::composed::{Composed, Contract};
use crate::order::written;
use crate::output::Output;

/// The arguments of `catalog`, without those of every command.
pub(crate) fn command() -> Command {
    Command::new("catalog")
        .about("Lists the contracts with their docs, versions, publishers and users, as Markdown")
        .arg(written::argument())
        .arg(
            Arg::new("words")
                .value_name("WORD")
                .num_args(0..)
                .help("Only the contracts in which all of these words stand"),
        )
}

/// Runs `catalog`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let (composed, _) = Composed::ask(matches, output)?;
    let words: Vec<_> =
        matches.get_many::<String>("words").into_iter().flatten().map(|word| word.to_lowercase()).collect();
    let found: Vec<_> = composed.contracts.iter().filter(|contract| has(contract, &words)).collect();
    if output == Output::Json {
        output.object(&json!({ "version": 1, "base": composed.base, "contracts": found }));
        return Ok(());
    }
    let text = write(&composed.base, &found);
    written::write(matches, output, &text)?;
    Ok(())
}

/// Whether all words stand in a contract's name, its methods or their docs.
fn has(contract: &Contract, words: &[String]) -> bool {
    let methods = contract.methods.iter().flat_map(|method| [&method.signature, &method.docs]);
    let all: Vec<_> = [&contract.name, &contract.package, &contract.docs].into_iter().chain(methods).cloned().collect();
    let text = all.join("\n").to_lowercase();
    words.iter().all(|word| text.contains(word))
}

fn write(base: &str, contracts: &[&Contract]) -> String {
    let mut text = format!("# Contracts of {base}\n");
    if contracts.is_empty() {
        text.push_str("\nThere are none.\n");
    }
    for contract in contracts {
        let _ =
            write!(text, "\n## {} {}\n\n{}\n", contract.name, contract.version, or_none(&contract.docs, "(no docs)"));
        let _ = write!(text, "\n- crate: `{}`\n", contract.package);
        let _ = writeln!(text, "- published by: {}", list(&contract.publishers));
        let _ = writeln!(text, "- used by: {}", list(&contract.users));
        for method in &contract.methods {
            let _ = write!(text, "\n```rust\n{}\n```\n", method.signature);
            if !method.docs.is_empty() {
                let _ = writeln!(text, "{}", method.docs);
            }
        }
    }
    text
}

fn list(names: &[String]) -> String {
    or_none(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "), "nobody").to_owned()
}

fn or_none<'t>(text: &'t str, none: &'t str) -> &'t str {
    if text.trim().is_empty() { none } else { text.trim() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::composed::Method;

    fn contract() -> Contract {
        Contract {
            name: "Profiles".into(),
            package: "profiles-contract".into(),
            version: "1.2.0".into(),
            docs: "Who people are.".into(),
            methods: vec![Method {
                name: "find".into(),
                signature: "async fn find(&self, id: u64) -> Result<Profile, CallError>".into(),
                docs: "By number.".into(),
            }],
            publishers: vec!["profiles".into()],
            users: Vec::new(),
        }
    }

    #[test]
    fn says_what_it_is_and_whose() {
        let contract = contract();
        let text = write("shop", &[&contract]);
        for part in [
            "# Contracts of shop",
            "## Profiles 1.2.0\n\nWho people are.",
            "- published by: `profiles`",
            "- used by: nobody",
            "async fn find",
            "By number.",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn is_searched_by_all_words() {
        let contract = contract();
        let search = |words: &[&str]| has(&contract, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert!(search(&[]) && search(&["people"]) && search(&["number", "profiles"]));
        assert!(!search(&["people", "articles"]));
    }
}
