//! What the settings promise, promise by promise.

mod defaults;
mod explained;
mod layers;
mod problems;
mod secrets;
mod values;

use super::{KeyPath, Known, SettingProblem, Settings, Sources, Tree};

fn path(text: &str) -> KeyPath {
    text.parse().unwrap()
}

fn tree(toml: &str) -> Tree {
    loaded(Sources::new().text("bedplate.toml", toml))
}

fn loaded(sources: Sources) -> Tree {
    sources.load().unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// A source of environment variables.
fn environment(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read_or_problems<S: Settings>(tree: &Tree, section: &str) -> Result<S, Vec<SettingProblem>> {
    let mut problems = Vec::new();
    match tree.read(&[path(section)], &mut problems) {
        Some(settings) => {
            assert!(problems.is_empty(), "{problems:#?}");
            Ok(settings)
        }
        None => {
            assert!(!problems.is_empty(), "a failed reading says why");
            SettingProblem::arrange(&mut problems);
            Err(problems)
        }
    }
}

fn read<S: Settings>(tree: &Tree, section: &str) -> S {
    read_or_problems(tree, section).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn problems<S: Settings>(tree: &Tree, section: &str) -> Vec<SettingProblem> {
    read_or_problems::<S>(tree, section).err().expect("problems")
}

fn only(problems: Vec<SettingProblem>) -> SettingProblem {
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.into_iter().next().unwrap()
}

fn place(problem: &SettingProblem) -> String {
    problem.origin.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn known<S: Settings>(section: &str) -> Known {
    Known::new().section(path(section), S::schema())
}
