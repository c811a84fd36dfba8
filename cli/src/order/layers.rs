//! Where each module stands in the picture: whoever calls stands left of whom it calls.

use std::collections::BTreeMap;

use crate::order::graph::Graph;

/// How often the rows are sorted anew; after that nothing moves in graphs of a readable size.
const ROUNDS: usize = 8;

/// The columns, from left to right, with the modules of each from top to bottom.
pub(super) fn layers(graph: &Graph) -> Vec<Vec<&str>> {
    let names: Vec<&str> = graph.modules.iter().map(|node| node.name.as_str()).collect();
    let calls: Vec<(&str, &str)> = graph
        .calls
        .iter()
        .filter(|call| call.user != call.publisher)
        .map(|call| (call.user.as_str(), call.publisher.as_str()))
        .collect();
    let depth = depths(&names, &calls);
    let deepest = depth.values().copied().max().unwrap_or_default();
    let mut layers = vec![Vec::new(); deepest + 1];
    for name in names {
        layers[depth[name]].push(name);
    }
    layers.retain(|layer: &Vec<&str>| !layer.is_empty());
    sort(&mut layers, &calls);
    layers
}

/// How many calls lead to each module, at most. Contracts may be called in a circle, where one side is
/// optional: a round more than there are modules means that, and stops.
fn depths<'n>(names: &[&'n str], calls: &[(&'n str, &'n str)]) -> BTreeMap<&'n str, usize> {
    let mut depth: BTreeMap<_, _> = names.iter().map(|name| (*name, 0)).collect();
    for _ in 0..names.len() {
        let mut has_moved = false;
        for (user, publisher) in calls {
            let (Some(&from), Some(&to)) = (depth.get(user), depth.get(publisher)) else { continue };
            if to <= from && from + 1 < names.len().max(1) {
                depth.insert(publisher, from + 1);
                has_moved = true;
            }
        }
        if !has_moved {
            break;
        }
    }
    depth
}

/// Sorts each column by the mean place of its neighbours, so that fewer lines cross.
fn sort<'n>(layers: &mut [Vec<&'n str>], calls: &[(&'n str, &'n str)]) {
    for _ in 0..ROUNDS {
        for index in 0..layers.len() {
            let place: BTreeMap<&str, usize> = layers
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .flat_map(|(_, layer)| layer.iter().enumerate().map(|(row, name)| (*name, row)))
                .collect();
            let wanted = |name: &str| {
                let neighbours = calls.iter().filter_map(|(user, publisher)| match () {
                    () if *user == name => place.get(publisher),
                    () if *publisher == name => place.get(user),
                    () => None,
                });
                let (sum, count) = neighbours.fold((0, 0), |(sum, count), row| (sum + row, count + 1));
                // In thousandths, so that whole numbers sort.
                (count > 0).then(|| sum * 1000 / count)
            };
            let mut rows: Vec<_> = layers[index]
                .iter()
                .enumerate()
                .map(|(row, name)| (wanted(name).unwrap_or(row * 1000), *name))
                .collect();
            rows.sort();
            layers[index] = rows.into_iter().map(|(_, name)| name).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::graph::{Call, example};

    #[test]
    fn whoever_calls_stands_left() {
        assert_eq!(layers(&example()), [vec!["comments"], vec!["articles"], vec!["profiles"]]);
    }

    #[test]
    fn a_circle_and_a_stranger_have_a_place() {
        let mut graph = example();
        graph.calls.push(Call {
            user: "profiles".into(),
            publisher: "comments".into(),
            contract: "Comments".into(),
            version: "1.0.0".into(),
            optional: true,
        });
        graph.calls.push(Call {
            user: "profiles".into(),
            publisher: "nobody".into(),
            contract: "Nothing".into(),
            version: "1.0.0".into(),
            optional: true,
        });
        let all: usize = layers(&graph).iter().map(Vec::len).sum();
        assert_eq!(all, 3);
    }
}
