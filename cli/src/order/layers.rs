//! Where each module stands in the picture: whoever calls stands left of whom it calls.

use std::collections::BTreeMap;

/// How often the rows are sorted anew; after that nothing moves in graphs of a readable size.
const ROUNDS: usize = 8;

/// What stands at a place of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand<'g> {
    /// A module, by its name.
    Module(&'g str),
    /// The line of a call that leads over this column, by the call's number.
    Passing(usize),
}

/// The columns, from left to right, with what stands in each from top to bottom. A call, as user and publisher, that
/// closes a circle leads back, by the same kind of way; the first ones decide.
pub(super) fn layers<'g>(names: &[&'g str], calls: &[(&'g str, &'g str)]) -> Vec<Vec<Stand<'g>>> {
    let index: BTreeMap<&str, usize> = names.iter().enumerate().map(|(index, name)| (*name, index)).collect();
    let ahead = ahead(names.len(), calls, &index);
    let depth = depths(names.len(), &ahead);
    let mut grid = Grid {
        stands: names.iter().map(|name| Stand::Module(name)).collect(),
        neighbours: vec![Vec::new(); names.len()],
        columns: vec![Vec::new(); depth.iter().max().map_or(0, |deepest| deepest + 1)],
    };
    for (module, column) in depth.iter().enumerate() {
        grid.columns[*column].push(module);
    }
    for (call, from, to) in ahead {
        let mut last = from;
        for column in depth[from] + 1..depth[to] {
            let passing = grid.stands.len();
            grid.stands.push(Stand::Passing(call));
            grid.neighbours.push(Vec::new());
            grid.columns[column].push(passing);
            grid.join(last, passing);
            last = passing;
        }
        grid.join(last, to);
    }
    grid.sort();
    let stands = |column: &Vec<usize>| column.iter().map(|place| grid.stands[*place]).collect();
    grid.columns.iter().map(stands).collect()
}

/// The calls with their left and their right end. One that would close a circle has them the other way around.
fn ahead(count: usize, calls: &[(&str, &str)], index: &BTreeMap<&str, usize>) -> Vec<(usize, usize, usize)> {
    let mut next = vec![Vec::new(); count];
    let mut ahead = Vec::new();
    for (call, (user, publisher)) in calls.iter().enumerate() {
        let (Some(&from), Some(&to)) = (index.get(user), index.get(publisher)) else { continue };
        if from == to {
            continue;
        }
        let (left, right) = if reaches(&next, to, from) { (to, from) } else { (from, to) };
        next[left].push(right);
        ahead.push((call, left, right));
    }
    ahead
}

fn reaches(next: &[Vec<usize>], from: usize, to: usize) -> bool {
    let mut seen = vec![false; next.len()];
    let mut open = vec![from];
    while let Some(place) = open.pop() {
        if place == to {
            return true;
        }
        if !std::mem::replace(&mut seen[place], true) {
            open.extend(&next[place]);
        }
    }
    false
}

/// How many calls lead to each module, at most.
fn depths(count: usize, ahead: &[(usize, usize, usize)]) -> Vec<usize> {
    let mut depth = vec![0; count];
    // The longest way has fewer calls than there are modules.
    for _ in 0..count {
        for (_, from, to) in ahead {
            depth[*to] = depth[*to].max(depth[*from] + 1);
        }
    }
    depth
}

/// What stands where, by numbers.
struct Grid<'g> {
    stands: Vec<Stand<'g>>,
    neighbours: Vec<Vec<usize>>,
    columns: Vec<Vec<usize>>,
}

impl Grid<'_> {
    fn join(&mut self, one: usize, other: usize) {
        self.neighbours[one].push(other);
        self.neighbours[other].push(one);
    }

    /// Sorts each column by the mean row of its neighbours, so that fewer lines cross.
    fn sort(&mut self) {
        let mut row = vec![0; self.stands.len()];
        for _ in 0..ROUNDS {
            for column in &mut self.columns {
                let wanted = |place: usize, now: usize| {
                    let around = &self.neighbours[place];
                    let sum: usize = around.iter().map(|neighbour| row[*neighbour]).sum();
                    // In thousandths, so that whole numbers sort.
                    (sum * 1000).checked_div(around.len()).unwrap_or(now * 1000)
                };
                let mut places: Vec<_> =
                    column.iter().enumerate().map(|(now, place)| (wanted(*place, now), now, *place)).collect();
                places.sort_unstable();
                *column = places.into_iter().map(|(.., place)| place).collect();
                for (now, place) in column.iter().enumerate() {
                    row[*place] = now;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stand::{Module, Passing};
    use super::*;

    #[test]
    fn whoever_calls_stands_left_and_long_lines_have_a_place() {
        let calls = [("comments", "articles"), ("articles", "profiles"), ("comments", "profiles")];
        let columns = layers(&["profiles", "articles", "comments"], &calls);
        assert_eq!(columns, [vec![Module("comments")], vec![Module("articles"), Passing(2)], vec![Module("profiles")]]);
    }

    #[test]
    fn a_circle_and_a_stranger_have_a_place() {
        let calls = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "nobody"), ("a", "a")];
        let columns = layers(&["a", "b", "c"], &calls);
        assert_eq!(columns, [vec![Module("a")], vec![Module("b"), Passing(2)], vec![Module("c")]]);
        assert!(layers(&[], &[]).is_empty());
    }
}
