//! The contract of one generated module.

use super::{File, Names, package};

/// The crate of the contract.
pub(super) fn files(names: &Names) -> Vec<File> {
    let folder = format!("contracts/{}", names.module);
    let description = format!("Contract: what {} answers to other modules.", names.module);
    let manifest = package(&names.contract_package, &description, Some("contract"))
        + "bedplate.workspace = true\nserde.workspace = true\n";
    let code = CODE.replace("Subject", &names.capital).replace("subject", &names.module);
    vec![(format!("{folder}/Cargo.toml"), manifest), (format!("{folder}/src/lib.rs"), code)]
}

const CODE: &str = r#"//! The contract of `subject`.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use bedplate::CallError;
use serde::{Deserialize, Serialize};

/// What others learn of one thing that `subject` keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectSummary {
    /// Its number.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// What it comes to, in cents.
    pub total_cents: i64,
}

/// What `subject` answers to other modules.
#[bedplate::service]
pub trait SubjectDirectory {
    /// Which revision of the code answers.
    async fn revision(&self) -> Result<u64, CallError>;

    /// One thing; `None` where there is none.
    async fn summary(&self, id: u64) -> Result<Option<SubjectSummary>, CallError>;

    /// Those of these that are there.
    async fn known(&self, ids: Vec<u64>) -> Result<BTreeMap<u64, SubjectSummary>, CallError>;
}
"#;
