//! Questions on a terminal. Where there is none, nothing is asked.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use anyhow::{Context, Result};

use crate::failure::Failure;
use crate::market::{Pick, Source};

/// Whether somebody is there to answer.
pub(super) fn somebody_answers() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

fn line(question: &str) -> Result<String> {
    eprint!("{question}");
    stderr().flush().ok();
    let mut answer = String::new();
    let read = stdin().lock().read_line(&mut answer).context("the terminal cannot be read")?;
    if read == 0 {
        // Ctrl-D: whoever was asked has gone.
        eprintln!();
        return Err(Failure::error("not-answered", "there was no answer, and nothing was changed", ""));
    }
    Ok(answer.trim().to_owned())
}

/// Words that somebody picks from a list, by name or by number; `default` where nothing is written.
pub(super) fn pick(question: &str, choices: &[(String, String)], default: &[&str]) -> Result<Vec<String>> {
    eprintln!("{question}");
    for (index, (name, about)) in choices.iter().enumerate() {
        eprintln!("  {:2} {name:12} {about}", index + 1);
    }
    let answer = line(&format!("names or numbers [{}]: ", default.join(" ")))?;
    Ok(picked(&answer, choices, default))
}

fn picked(answer: &str, choices: &[(String, String)], default: &[&str]) -> Vec<String> {
    let words: Vec<&str> = answer.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return default.iter().map(|name| (*name).to_owned()).collect();
    }
    let named = |word: &str| {
        let number = word.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
        number.map_or_else(|| word.to_owned(), |(name, _)| name.clone())
    };
    words.into_iter().map(named).collect()
}

/// Has the code of third parties confirmed, before any of it is built.
///
/// # Errors
///
/// Where somebody says no, or nobody is asked and `--yes` was not given.
pub(crate) fn confirm(picks: &[Pick<'_>], yes: bool) -> Result<()> {
    let theirs: Vec<_> = picks.iter().filter(|pick| pick.entry.source.is_third_party()).collect();
    if theirs.is_empty() || yes {
        return Ok(());
    }
    let shown: Vec<_> = theirs
        .iter()
        .map(|pick| {
            let Pick { list, entry, .. } = pick;
            let version = match entry.source {
                Source::Registry => format!(" {}", entry.version),
                _ => String::new(),
            };
            let pin = list.pin.as_deref().unwrap_or("not pinned");
            format!(
                "`{}`: the crate {}{version}, {} (the list `{}`, {pin})",
                entry.name, entry.package, entry.source, list.name
            )
        })
        .collect();
    let what = format!("this builds and runs code of third parties:\n  {}", shown.join("\n  "));
    if somebody_answers() {
        eprintln!("{what}");
        let answer = line("build it? [y/N] ")?;
        if matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        return Err(Failure::error("not-confirmed", "it was not confirmed, and nothing was changed", ""));
    }
    Err(Failure::error("not-confirmed", what, "look at it, and say so: --yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_picked() {
        let choices = ["http", "sql", "cache"].map(|name| (name.to_owned(), String::new()));
        assert_eq!(picked("1, cache", &choices, &[]), ["http", "cache"]);
        assert_eq!(picked("", &choices, &["http"]), ["http"]);
        // What is no choice is reported by whoever looks it up.
        assert_eq!(picked("4 kafka", &choices, &[]), ["4", "kafka"]);
    }
}
