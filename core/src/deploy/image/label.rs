//! The label of an object: what it was built from and for, in a section of its file.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::identity::hex;

/// The version of the label's form that this base writes and reads.
pub const LABEL_FORMAT: u32 = 1;

/// The section of an ELF file that holds the label, as JSON.
pub const LABEL_SECTION: &str = ".bedplate";

/// The section of a Mach-O file that holds the label, in the segment `__DATA`.
pub const LABEL_SECTION_MACHO: &str = "__bedplate";

/// The symbol of a module's object through which the base finds the module:
/// `extern "C" fn() -> *const ModuleDescriptor`.
pub const ENTRY_SYMBOL: &str = "bedplate_module_v1";

/// What an object was built from and for: a module's, or the base library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLabel {
    /// The version of this form: [`LABEL_FORMAT`].
    pub format: u32,
    /// The module; absent in the label of a base library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The crate that the object was built from.
    #[serde(rename = "crate")]
    pub crate_name: String,
    /// Its version.
    pub version: String,
    /// The version of bedplate that it was built with.
    pub bedplate: String,
    /// The compiler, as `rustc --version` says it.
    pub compiler: String,
    /// The target triple.
    pub target: String,
    /// The profile: `dev`, `release`.
    pub profile: String,
    /// The flags of code generation that two objects must share, sorted.
    pub flags: Vec<String>,
    /// The name of the base that it belongs to.
    pub base: String,
    /// The [fingerprint](Self::fingerprint) of that base's label.
    pub base_fingerprint: String,
    /// All crates that the object is made of: those that it carries, and those that it finds in the base library.
    pub crates: Vec<CrateLabel>,
    /// The revision that it was built from.
    #[serde(default)]
    pub source: SourceLabel,
}

/// One crate that an object is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CrateLabel {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its features, sorted.
    pub features: Vec<String>,
    /// The SHA-256 of its metadata, in hexadecimal digits: changes with all that other crates see of it.
    pub metadata: String,
    /// Whether it lives in the base library; else the object carries it.
    pub in_base: bool,
    /// What it is for.
    pub kind: CrateKind,
}

/// What a crate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrateKind {
    /// A contract, or what a contract is written with.
    Contract,
    /// Used by several objects.
    Shared,
    /// Used by one object.
    Private,
    /// Something that this version of bedplate does not know.
    #[serde(other)]
    Other,
}

/// The revision that an object was built from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLabel {
    /// The commit.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// Whether files had changes that were not committed.
    #[serde(default)]
    pub dirty: bool,
}

impl ObjectLabel {
    /// Reads a label.
    ///
    /// # Errors
    ///
    /// Where the text is no label.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The label as it stands in the section of an object.
    ///
    /// # Panics
    ///
    /// Never: all its parts are texts, numbers and lists.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a label is texts, numbers and lists")
    }

    /// The SHA-256, in hexadecimal digits, of what must be the same for a module to fit: compiler, target, profile,
    /// flags and crates. Revision and names of the object do not count, and neither does an order.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut flags = self.flags.clone();
        flags.sort();
        let mut crates: Vec<_> = self.crates.iter().collect();
        crates.sort();
        let mut text = String::new();
        // Each part with its length, so that no two labels give one text. Writing to a string does not fail.
        let mut part = |name: &str, value: &str| {
            let _ = writeln!(text, "{name} {} {value}", value.len());
        };
        part("compiler", &self.compiler);
        part("target", &self.target);
        part("profile", &self.profile);
        flags.iter().for_each(|flag| part("flag", flag));
        for one in crates {
            part("crate", &one.name);
            part("version", &one.version);
            let mut features = one.features.clone();
            features.sort();
            features.iter().for_each(|feature| part("feature", feature));
            part("metadata", &one.metadata);
        }
        hex(&Sha256::digest(text.as_bytes()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A crate of a label.
    pub(crate) fn a_crate(name: &str, version: &str, metadata: &str, in_base: bool) -> CrateLabel {
        CrateLabel {
            name: name.to_owned(),
            version: version.to_owned(),
            features: vec!["std".to_owned()],
            metadata: metadata.repeat(64),
            in_base,
            kind: CrateKind::Shared,
        }
    }

    /// The label of a base of two crates.
    pub(crate) fn a_base_label() -> ObjectLabel {
        let mut label = ObjectLabel {
            format: LABEL_FORMAT,
            module: None,
            crate_name: "conduit".to_owned(),
            version: "0.1.0".to_owned(),
            bedplate: env!("CARGO_PKG_VERSION").to_owned(),
            compiler: "rustc 1.95.0 (59807616e 2026-04-14)".to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            profile: "dev".to_owned(),
            flags: vec!["opt-level=0".to_owned()],
            base: "conduit".to_owned(),
            base_fingerprint: String::new(),
            crates: vec![a_crate("serde", "1.0.229", "a", true), a_crate("tokio", "1.54.0", "b", true)],
            source: SourceLabel::default(),
        };
        label.base_fingerprint = label.fingerprint();
        label
    }

    /// The label of a module's object that fits [`a_base_label`].
    pub(crate) fn a_module_label(module: &str) -> ObjectLabel {
        let base = a_base_label();
        let mut crates = base.crates.clone();
        crates.push(a_crate("profiles", "0.1.0", "c", false));
        ObjectLabel { module: Some(module.to_owned()), crate_name: module.to_owned(), crates, ..base }
    }

    #[test]
    fn a_label_is_read_as_it_is_written() {
        let label = a_module_label("comments");
        assert_eq!(ObjectLabel::from_json(&label.to_json()).unwrap(), label);
        let json: serde_json::Value = serde_json::from_str(&label.to_json()).unwrap();
        assert_eq!(json["crate"], "comments");
        assert_eq!(json["crates"][0]["kind"], "shared");
        assert!(a_base_label().to_json().find("\"module\"").is_none());
    }

    #[test]
    fn the_fingerprint_is_that_of_what_matters() {
        let label = a_base_label();
        let mut same = label.clone();
        same.crates.reverse();
        same.source.commit = Some("abc".to_owned());
        same.base = "other".to_owned();
        assert_eq!(same.fingerprint(), label.fingerprint());

        let changed: [fn(&mut ObjectLabel); 7] = [
            |label| label.compiler.push('1'),
            |label| label.target.push('1'),
            |label| label.profile.push('1'),
            |label| label.flags.push("lto".to_owned()),
            |label| label.crates[0].version.push('1'),
            |label| label.crates[0].features.push("derive".to_owned()),
            |label| label.crates[0].metadata.push('1'),
        ];
        for change in changed {
            let mut other = label.clone();
            change(&mut other);
            assert_ne!(other.fingerprint(), label.fingerprint(), "{other:?}");
        }
    }

    #[test]
    fn a_kind_of_a_later_version_is_read() {
        let json = a_module_label("comments").to_json().replace("\"kind\":\"shared\"", "\"kind\":\"wasm\"");
        assert_eq!(ObjectLabel::from_json(&json).unwrap().crates[0].kind, CrateKind::Other);
    }
}
