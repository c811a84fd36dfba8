//! Questions that people and tools ask of a running base, and that a starter answers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Result;
use crate::base::Base;

/// A question to the starters of a base: a name, and parameters.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What is asked for: `logs`.
    pub name: &'a str,
    /// With what: `module`, `after`.
    pub parameters: &'a BTreeMap<String, String>,
}

impl Base {
    /// Asks the starters, in the order of their start, until one knows the answer. It may take until there
    /// is news, so give it a time limit; it may be dropped at any time.
    ///
    /// `None` where no starter of this base answers such questions.
    ///
    /// # Errors
    ///
    /// What the starter has against the question: a parameter that is missing, a module that it does not know.
    pub async fn answer(&self, question: &Question<'_>) -> Option<Result<Value>> {
        for starter in self.shared.starters().iter() {
            if let Some(answer) = starter.calls.answer(question).await {
                return Some(answer);
            }
        }
        None
    }
}
