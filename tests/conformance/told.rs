//! What the suite says of a starter, and of an author's mistakes in telling it about one.

use std::time::Duration;

use bedplate::testing::conformance::{Check, Given, Look, Subject};
use bedplate::{ModuleSpec, Result};

use crate::board;
use crate::subjects::{Nothing, ReleasesNothing};

#[test]
fn a_finding_says_what_was_checked_what_was_seen_and_what_to_do() {
    let finding = Check::ReleaseFreesWhatItGave.run::<ReleasesNothing>().unwrap_err();
    assert_eq!((finding.check(), finding.starter()), (Check::ReleaseFreesWhatItGave, "releases-nothing"));
    assert_eq!(
        finding.to_string(),
        "`release_frees_what_it_gave` does not hold for the starter `releases-nothing`\n  \
         checked: What an instance was given is closed when it is released, even where something still has it.\n  \
         seen: after it was replaced and released, what was given to conformance-a@main#1 is expected to be `Freed`, \
         and is `Works`\n  \
         to do: close in `release` what `provide` gave (the pool, the space, the subscription), and let its handles \
         say so; where generations share it, say `Generations::Shared`, and close it with the last one"
    );
}

#[test]
fn each_check_says_what_it_is_about() {
    for check in Check::ALL {
        assert!(check.what().ends_with('.') && !check.what().contains("  "), "{check}: {}", check.what());
        assert!(!check.help().is_empty() && !check.help().contains("  "), "{check}: {}", check.help());
    }
}

/// Tells about a starter that behaves, with one mistake.
macro_rules! told {
    ($name:ident { $($mistake:tt)* } $module:expr, $seen:expr, $settings:expr, $refused:expr) => {
        struct $name;

        impl Subject for $name {
            type Starter = Nothing;

            const PATIENCE: Duration = Duration::from_secs(3);

            fn module(name: &str) -> ModuleSpec {
                $module(name)
            }

            async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
                $seen(at)
            }

            fn refused_settings() -> Vec<String> {
                $settings
            }

            fn refused_module(name: &str) -> Option<ModuleSpec> {
                $refused(name)
            }

            $($mistake)*
        }
    };
}

/// The same, where it says what becomes of handles.
macro_rules! works {
    ($name:ident $module:expr, $seen:expr, $settings:expr, $refused:expr) => {
        told! {
            $name {
                async fn given(to: &Look<'_>) -> Given {
                    board::given(to)
                }
            }
            $module, $seen, $settings, $refused
        }
    };
}

fn sees(at: &Look<'_>) -> Result<Vec<String>> {
    Ok(board::seen(at))
}

fn sees_nothing(_: &Look<'_>) -> Result<Vec<String>> {
    Ok(Vec::new())
}

fn cannot_look(_: &Look<'_>) -> Result<Vec<String>> {
    anyhow::bail!("it is dark")
}

fn of_one_name(_: &str) -> ModuleSpec {
    board::notes("notes")
}

fn refuses(name: &str) -> Option<ModuleSpec> {
    Some(board::long(name))
}

fn refuses_a_good_one(name: &str) -> Option<ModuleSpec> {
    Some(board::notes(name))
}

fn settings(line: &str) -> Vec<String> {
    vec![format!("[starters.boards-that-behave]\n{line}")]
}

told!(SaysNothingOfHandles {} board::notes, sees, settings("boards = 0"), refuses);
works!(SeesNothing board::notes, sees_nothing, settings("boards = 0"), refuses);
works!(CannotLook board::notes, cannot_look, settings("boards = 0"), refuses);
works!(NamesAllModulesAlike of_one_name, sees, settings("boards = 0"), refuses);
works!(NamesNoSettings board::notes, sees, Vec::new(), refuses);
works!(NamesUnknownSettings board::notes, sees, settings("bords = 0"), refuses);
works!(NamesGoodSettings board::notes, sees, settings("boards = 1"), refuses);
works!(WritesNoToml board::notes, sees, settings("boards ="), refuses);
works!(RefusesAGoodModule board::notes, sees, settings("boards = 0"), refuses_a_good_one);

fn says<S: Subject>(check: Check, text: &str) {
    let finding = check.run::<S>().unwrap_err();
    assert!(finding.seen().contains(text), "{finding}");
}

#[test]
fn a_probe_that_is_blind_is_found_out() {
    says::<SeesNothing>(Check::WhatIsDeployedIsSeen, "conformance-a@main#1 is not found at its place: nothing is");
    says::<SeesNothing>(Check::NothingShowsBeforeTheSwap, "is not found at its place");
    says::<CannotLook>(Check::WhatIsDeployedIsSeen, "could not look at conformance-a@main: it is dark");
}

#[test]
fn handles_that_nobody_looks_at_are_found_out() {
    says::<SaysNothingOfHandles>(Check::ReleaseFreesWhatItGave, "write `given`");
}

#[test]
fn modules_have_the_names_that_the_suite_gives_them() {
    says::<NamesAllModulesAlike>(Check::ModulesAreKeptApart, "makes a module of the name `notes`");
}

#[test]
fn settings_that_it_is_not_for_the_starter_to_refuse_are_found_out() {
    let check = Check::BadSettingsAreRefused;
    says::<NamesNoSettings>(check, "`boards`, `place`, and `Subject::refused_settings` names none");
    says::<NamesUnknownSettings>(check, "it is not the starter that refuses them");
    says::<WritesNoToml>(check, "it is not the starter that refuses them");
    says::<NamesGoodSettings>(check, "the base starts all the same");
}

#[test]
fn a_module_that_is_not_refused_is_found_out() {
    says::<RefusesAGoodModule>(Check::ARefusalLeavesNoTrace, "went live, though it was refused");
}
