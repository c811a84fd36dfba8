//! The deployments of a base, as people and tools read them.

use serde::{Deserialize, Serialize};

use super::entry::{Asked, Committed, Ended, Entry, Member, Outcome, ProblemRecord, StepRecord};

/// One deployment that was, over all processes of a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its number, counted from 1 over all processes; `None` for one that was not committed.
    pub number: Option<u64>,
    /// When it was committed, or failed, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who asked for it, and for what.
    pub asked: Asked,
    /// What came of it.
    pub outcome: Outcome,
    /// The modules that it changed, with what serves of them since.
    pub members: Vec<Member>,
    /// The modules that it changed and that did not serve afterwards.
    pub removed: Vec<String>,
    /// What was wrong, where it failed.
    pub problems: Vec<ProblemRecord>,
    /// Its steps.
    pub steps: Vec<StepRecord>,
    /// The steps in the end of what it replaced.
    pub later: Vec<StepRecord>,
}

/// The deployments in these entries, the oldest first.
pub(super) fn deployments<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Vec<Deployment> {
    let mut found: Vec<Deployment> = Vec::new();
    // The number of a deployment in its process, with its place in what was found: numbers begin anew in each process.
    let mut of_process: Vec<(u64, usize)> = Vec::new();
    for entry in entries {
        let place = |number: u64| of_process.iter().rfind(|(known, _)| *known == number).map(|(_, place)| *place);
        match entry {
            Entry::Started(_) => of_process.clear(),
            Entry::Committed(committed) => {
                of_process.push((committed.deployment, found.len()));
                found.push(begun(committed));
            }
            Entry::Ended(ended) => match place(ended.deployment) {
                Some(place) => end(&mut found[place], ended),
                None => {
                    of_process.push((ended.deployment, found.len()));
                    found.push(failed(ended));
                }
            },
            Entry::Later(later) => {
                if let Some(place) = place(later.deployment) {
                    found[place].later.push(later.step.clone());
                }
            }
        }
    }
    found
}

fn begun(committed: &Committed) -> Deployment {
    let changed = |member: &&Member| committed.changed.contains(&member.module);
    let members: Vec<_> = committed.members.iter().filter(changed).cloned().collect();
    let serves = |name: &&String| !members.iter().any(|member| member.module == **name);
    Deployment {
        number: Some(committed.number),
        at_ms: committed.at_ms,
        asked: committed.asked.clone(),
        outcome: Outcome::Committed,
        removed: committed.changed.iter().filter(serves).cloned().collect(),
        members,
        problems: Vec::new(),
        steps: Vec::new(),
        later: Vec::new(),
    }
}

fn failed(ended: &Ended) -> Deployment {
    let mut deployment = Deployment {
        number: None,
        at_ms: ended.at_ms,
        asked: ended.asked.clone(),
        outcome: ended.outcome,
        members: Vec::new(),
        removed: Vec::new(),
        problems: Vec::new(),
        steps: Vec::new(),
        later: Vec::new(),
    };
    end(&mut deployment, ended);
    deployment
}

fn end(deployment: &mut Deployment, ended: &Ended) {
    deployment.outcome = ended.outcome;
    deployment.problems.clone_from(&ended.problems);
    let loaded = ended.asked.loaded_us.map(|took_us| StepRecord {
        name: "load".to_owned(),
        took_us,
        instance: None,
        trouble: None,
    });
    deployment.steps = loaded.into_iter().chain(ended.steps.iter().cloned()).collect();
}
