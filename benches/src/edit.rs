//! An edit that can be seen from outside: a number in a source file, which an answer shows.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A number in a source file.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The module that the file belongs to.
    pub module: String,
    /// The file, from the workspace's root.
    pub file: PathBuf,
    /// What stands around the number in the source.
    pub source: (String, String),
    /// Where the answer is.
    pub route: String,
    /// What stands around the number in the answer.
    pub answer: (String, String),
}

impl Edit {
    /// The revision of a generated module.
    #[must_use]
    pub fn generated(module: &str) -> Self {
        Self {
            module: module.to_owned(),
            file: format!("modules/{module}/src/overview.rs").into(),
            source: ("const REVISION: u64 = ".to_owned(), ";".to_owned()),
            route: format!("/{module}/revision"),
            answer: ("revision ".to_owned(), ".".to_owned()),
        }
    }

    /// What Conduit's smallest module says of somebody whom it does not know.
    #[must_use]
    pub fn conduit() -> Self {
        Self {
            module: "profiles".to_owned(),
            file: "conduit/modules/profiles/src/routes.rs".into(),
            source: ("ConduitError::not_found(\"profile".to_owned(), "\")".to_owned()),
            route: "/api/profiles/nobody".to_owned(),
            answer: ("\"profile".to_owned(), "\"".to_owned()),
        }
    }

    /// Saves the file with another number.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or written, or has no such place.
    pub fn save(&self, root: &Path, number: u64) -> Result<()> {
        let file = root.join(&self.file);
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let edited = replaced(&text, &self.source, number)
            .with_context(|| format!("{} has no `{}…{}`", file.display(), self.source.0, self.source.1))?;
        fs::write(&file, edited).with_context(|| format!("{} cannot be written", file.display()))
    }

    /// Whether an answer is that of the code with this number.
    #[must_use]
    pub fn is_answer(&self, answer: &str, number: u64) -> bool {
        answer.contains(&format!("{}{number}{}", self.answer.0, self.answer.1))
    }
}

/// The text with another number between the two, which may have had none.
fn replaced(text: &str, around: &(String, String), number: u64) -> Option<String> {
    let (before, rest) = text.split_once(&around.0)?;
    let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    rest.starts_with(&around.1).then(|| format!("{before}{}{number}{rest}", around.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_replaced_or_put_where_none_was() {
        let around = ("R = ".to_owned(), ";".to_owned());
        assert_eq!(replaced("const R = 41; // R", &around, 42).as_deref(), Some("const R = 42; // R"));
        assert_eq!(replaced("const R = ;", &around, 7).as_deref(), Some("const R = 7;"));
        assert_eq!(replaced("const R = 41 + 1;", &around, 7), None);
        assert_eq!(replaced("nothing", &around, 7), None);
    }

    #[test]
    fn the_place_in_conduit_is_there() {
        let edit = Edit::conduit();
        let text = fs::read_to_string(crate::project::repository().join("examples").join(&edit.file)).unwrap();
        let once = replaced(&text, &edit.source, 3).unwrap();
        assert_ne!(once, text);
        assert!(edit.is_answer("{\"errors\":{\"profile3\":[\"not found\"]}}", 3));
    }
}
