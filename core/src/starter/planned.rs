//! What a starter would do for a deployment that is only planned.

use serde::{Deserialize, Serialize};

/// One thing that a starter would do to bring an instance up, besides serving it: a migration, say.
///
/// What [`Starter::plan`](crate::Starter::plan) returns, for people who decide whether to deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Planned {
    /// What kind of thing it is, stable for tools: `migration`.
    pub kind: String,
    /// The thing, in words: ``migration 3 `add index` of `notes` ``.
    pub what: String,
    /// Whether it takes away what a generation before may still use: a table, a column. The deployment is
    /// then refused, unless breaking changes are allowed.
    pub breaking: bool,
    /// What about it is breaking, or else worth knowing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Planned {
    /// Something harmless of this kind.
    #[must_use]
    pub fn new(kind: impl Into<String>, what: impl Into<String>) -> Self {
        Self { kind: kind.into(), what: what.into(), breaking: false, detail: None }
    }

    /// The same, with what is worth knowing about it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same, breaking, with the reason.
    #[must_use]
    pub fn breaking(mut self, reason: impl Into<String>) -> Self {
        self.breaking = true;
        self.detail(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_its_way_as_json() {
        let planned = [
            Planned::new("migration", "migration 1 `notes`"),
            Planned::new("migration", "migration 2 `no body`").breaking("drops the column `body` of `notes`"),
        ];
        let json = serde_json::to_value(&planned).unwrap();
        assert_eq!(json[0], serde_json::json!({"kind": "migration", "what": "migration 1 `notes`", "breaking": false}));
        assert_eq!(json[1]["breaking"], true);
        assert_eq!(serde_json::from_value::<Vec<Planned>>(json).unwrap(), planned);
    }
}
