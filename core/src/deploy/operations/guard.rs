//! The last look before the pointer moves: whether what was checked still holds, now that it is the deployment's turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bundled::Bundled;
use super::incoming::disagreeing;
use crate::Result;
use crate::base::known_sections;
use crate::compose::{CompositionError, Problem};
use crate::deploy::image::Digest;
use crate::deploy::journal::{Approved, Asked, Committed, Guard};
use crate::deploy::store::outdated;
use crate::deploy::{Committing, Occasion};
use crate::descriptors::linked_starters;
use crate::settings::Tree;

/// Approves what is about to serve.
pub(super) struct LastLook {
    pub(super) bundled: Arc<Bundled>,
}

impl Guard for LastLook {
    fn approve(&self, committing: &Committing, last: Option<&Committed>) -> Result<Approved> {
        let specs = committing.members.iter().map(|(_, spec)| &**spec);
        let mut problems = disagreeing(specs);
        let last = last.map(|last| last.sequences.clone()).unwrap_or_default();
        let sequences = self.sequences(committing, last, &mut problems);
        if !problems.is_empty() {
            return Err(CompositionError { step: "record", problems }.into());
        }
        let settings = committing.settings.as_deref().map(|tree| digest_of(tree, committing));
        Ok(Approved { bundle: self.bundled.digests(), sequences, settings })
    }
}

impl LastLook {
    /// The sequences from now on. Only a rollback lowers one.
    fn sequences(
        &self,
        committing: &Committing,
        mut sequences: BTreeMap<String, u64>,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<String, u64> {
        let asked: Asked = committing
            .source
            .as_ref()
            .and_then(|source| serde_json::from_value(source.clone()).ok())
            .unwrap_or_default();
        let may_lower = asked.operation == "rollback" || committing.occasion == Occasion::Start;
        let came: BTreeSet<_> = committing.came.iter().chain(&committing.revived).collect();
        for (id, spec) in &committing.members {
            let signature = spec.origin().object().and_then(|object| self.bundled.store.artifact(object.digest()));
            let Some(signature) = signature.and_then(|artifact| artifact.signature) else { continue };
            if !came.contains(id) {
                continue;
            }
            let known = sequences.entry(id.module.to_string()).or_insert(signature.sequence);
            if signature.sequence < *known && !may_lower {
                problems.push(outdated(id.module.as_str(), signature.sequence, *known));
            } else {
                *known = signature.sequence;
            }
        }
        sequences
    }
}

/// A digest of all settings that the members and the starters know. Secrets are masked in it.
fn digest_of(tree: &Tree, committing: &Committing) -> Digest {
    let known = known_sections(&linked_starters(), committing.members.iter().map(|(_, spec)| &**spec));
    let rows = tree.explain(&known);
    let lines: Vec<_> =
        rows.iter().map(|row| format!("{} = {}", row.key, row.value.as_deref().unwrap_or(""))).collect();
    Digest::of(lines.join("\n").as_bytes())
}
