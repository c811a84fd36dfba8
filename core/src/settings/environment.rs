//! Environment variables as settings: `BEDPLATE__MODULES__COMMENTS__MAX_LENGTH=80`.

use super::node::{Entry, Naming, Node, Table, Value};
use super::{KeyPath, Origin, SettingProblem};

/// What a variable that is a setting begins with; two underscores separate the segments after it.
pub(super) const PREFIX: &str = "BEDPLATE__";

/// The layers of the variables that are settings, one each, ordered by name.
pub(super) fn layers(variables: Vec<(String, String)>, problems: &mut Vec<SettingProblem>) -> Vec<Table> {
    let mut ours: Vec<_> = variables.into_iter().filter(|(name, _)| is_ours(name)).collect();
    ours.sort();
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut layers = Vec::new();
    for (name, value) in ours {
        let key = name[PREFIX.len()..].to_lowercase();
        let path = KeyPath::of(key.split("__"));
        let origin = Origin::Environment { name: name.clone() };
        if path.segments().iter().any(String::is_empty) {
            problems.push(SettingProblem {
                code: "setting-variable",
                key: KeyPath::root(),
                what: format!("the environment variable {name} names no setting: a segment is empty"),
                origin: Some(origin),
                declared: None,
                help: format!("write it as {PREFIX}SECTION__KEY, with two underscores between the segments"),
            });
        } else if let Some((_, first)) = seen.iter().find(|(other, _)| *other == key) {
            problems.push(SettingProblem {
                code: "setting-variable",
                key: path,
                what: format!("the environment variables {first} and {name} set the same key"),
                origin: Some(origin),
                declared: None,
                help: "remove one of them".to_owned(),
            });
        } else {
            layers.push(single(&path, Naming::Loose, Node::text(&value, origin)));
            seen.push((key, name));
        }
    }
    layers
}

/// A layer that holds one value.
pub(super) fn single(path: &KeyPath, naming: Naming, value: Node) -> Table {
    let origin = value.origin.clone();
    let mut node = value;
    let mut layer = Table::default();
    for (index, segment) in path.segments().iter().enumerate().rev() {
        let entry = Entry { naming, key_origin: origin.clone(), node };
        let mut table = Table::default();
        table.insert(segment.clone(), entry);
        if index == 0 {
            layer = table;
            break;
        }
        node = Node { value: Value::Table(table), origin: origin.clone() };
    }
    layer
}

fn is_ours(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_of_others_are_passed_over() {
        let mut problems = Vec::new();
        let others = variables(&[("PATH", "/bin"), ("BEDPLATE_PROFILE", "dev"), ("Ä", "")]);
        assert!(layers(others, &mut problems).is_empty());
        assert!(problems.is_empty());
    }

    #[test]
    fn an_empty_segment_and_a_variable_set_twice_are_both_reported() {
        let mut problems = Vec::new();
        let list = variables(&[("BEDPLATE__A____B", "1"), ("BEDPLATE__C", "1"), ("bedplate__c", "2")]);
        assert_eq!(layers(list, &mut problems).len(), 1);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].what.contains("BEDPLATE__A____B"));
        assert!(problems[1].what.contains("BEDPLATE__C and bedplate__c"));
    }
}
