//! Who starts before whom, and what goes round in a circle.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::module::{ModuleSpec, Need, RequiredKind};
use crate::scene::SceneName;

/// For each module, the modules whose required services it needs in a scene, by index.
pub(crate) fn required_by_index(scene: &SceneName, specs: &[Arc<ModuleSpec>]) -> Vec<BTreeSet<usize>> {
    let members: Vec<_> = specs.iter().map(|spec| (scene, &**spec)).collect();
    required_among(&members)
}

/// For each module in its scene, the modules whose required services it needs there, by index.
pub(crate) fn required_among(members: &[(&SceneName, &ModuleSpec)]) -> Vec<BTreeSet<usize>> {
    let mut publishers: FxHashMap<(&SceneName, TypeId), Vec<usize>> = FxHashMap::default();
    let mut by_name: FxHashMap<(&SceneName, &str), usize> = FxHashMap::default();
    for (index, (scene, spec)) in members.iter().enumerate() {
        by_name.insert((scene, spec.name.as_str()), index);
        for published in spec.publishes_in(scene) {
            publishers.entry((scene, published.contract_type)).or_default().push(index);
        }
    }
    let publishes = |index: &usize, contract: TypeId| {
        let (scene, spec) = members[*index];
        spec.publishes_in(scene).any(|published| published.contract_type == contract)
    };
    members
        .iter()
        .map(|(scene, spec)| {
            let mut needs = BTreeSet::new();
            for required in spec.requirements.as_slice() {
                let RequiredKind::Service { contract_type, need: Need::Required, .. } = required.kind else { continue };
                match required.field.from {
                    Some(name) => {
                        needs.extend(by_name.get(&(*scene, name)).filter(|index| publishes(index, contract_type)));
                    }
                    None => needs.extend(publishers.get(&(*scene, contract_type)).into_iter().flatten()),
                }
            }
            needs
        })
        .collect()
}

/// An order in which everything comes after what it needs; or the circles that prevent one, each
/// as the indices along it.
pub(crate) fn start_order(needs: &[BTreeSet<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    let mut walk = Walk {
        needs,
        state: vec![State::Unseen; needs.len()],
        path: Vec::new(),
        order: Vec::new(),
        circles: Vec::new(),
    };
    for index in 0..needs.len() {
        walk.visit(index);
    }
    if walk.circles.is_empty() { Ok(walk.order) } else { Err(walk.circles) }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unseen,
    OnPath,
    Done,
}

struct Walk<'a> {
    needs: &'a [BTreeSet<usize>],
    state: Vec<State>,
    path: Vec<usize>,
    order: Vec<usize>,
    circles: Vec<Vec<usize>>,
}

impl Walk<'_> {
    /// Depth first, with a stack of its own: a chain of a thousand modules must not need one of
    /// the thread's.
    fn visit(&mut self, root: usize) {
        if self.state[root] != State::Unseen {
            return;
        }
        let mut stack = vec![(root, self.needs[root].iter())];
        self.state[root] = State::OnPath;
        self.path.push(root);
        while let Some((index, needs)) = stack.last_mut() {
            match needs.next() {
                Some(&next) => match self.state[next] {
                    State::Unseen => {
                        self.state[next] = State::OnPath;
                        self.path.push(next);
                        stack.push((next, self.needs[next].iter()));
                    }
                    State::OnPath => {
                        let start = self.path.iter().position(|on_path| *on_path == next).unwrap_or(0);
                        self.circles.push(self.path[start..].to_vec());
                    }
                    State::Done => {}
                },
                None => {
                    self.state[*index] = State::Done;
                    self.order.push(*index);
                    self.path.pop();
                    stack.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(list: &[&[usize]]) -> Vec<BTreeSet<usize>> {
        list.iter().map(|needs| needs.iter().copied().collect()).collect()
    }

    #[test]
    fn what_is_needed_comes_first() {
        assert_eq!(start_order(&needs(&[&[2], &[0], &[]])), Ok(vec![2, 0, 1]));
    }

    #[test]
    fn a_circle_is_named_along_its_way() {
        assert_eq!(start_order(&needs(&[&[1], &[2], &[1], &[]])), Err(vec![vec![1, 2]]));
        assert_eq!(start_order(&needs(&[&[0]])), Err(vec![vec![0]]));
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let chain: Vec<BTreeSet<usize>> =
            (0..100_000).map(|index| (index > 0).then(|| index - 1).into_iter().collect()).collect();
        assert_eq!(start_order(&chain).map(|order| order.len()), Ok(100_000));
    }
}
