//! The name of a symbol as people know it, and the crate that it belongs to.

/// A symbol's name without its hash, and its crate where it is Rust.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SymbolName {
    pub(super) text: String,
    pub(super) crate_name: Option<String>,
}

/// What is shown of a name. The longest ones are made by generics, and say no more.
const LONGEST: usize = 300;

impl SymbolName {
    /// Reads a name as it stands in a symbol table.
    pub(super) fn of(raw: &[u8]) -> Self {
        let raw = String::from_utf8_lossy(&raw[..raw.len().min(4096)]).into_owned();
        let Ok(demangled) = rustc_demangle::try_demangle(&raw) else {
            return Self { text: shortened(&raw), crate_name: None };
        };
        let text = format!("{demangled:#}");
        let crate_name = crate_of(&text).map(str::to_owned);
        Self { text: shortened(&text), crate_name }
    }

    /// Whether the path begins with its crate, as that of a static does: no implementation, nothing generic.
    pub(super) fn is_plain_path(&self) -> bool {
        self.crate_name.as_deref().is_some_and(|name| self.text.starts_with(name)) && !self.text.contains('<')
    }
}

/// The crate at the beginning of a path: `comments::post`, `<comments::Comments as …>::start`.
fn crate_of(path: &str) -> Option<&str> {
    let path = path.trim_start_matches(|first: char| !(first.is_alphanumeric() || first == '_'));
    let path = path.strip_prefix("mut ").or_else(|| path.strip_prefix("dyn ")).unwrap_or(path);
    let (name, _) = path.split_once("::")?;
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    is_name.then_some(name)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_of_a_symbol_is_found() {
        let early = SymbolName::of(b"_ZN1m4INIT5early17h013029e5e60ae79dE");
        assert_eq!(early, SymbolName { text: "m::INIT::early".to_owned(), crate_name: Some("m".to_owned()) });
        assert!(early.is_plain_path());
        let v0 = SymbolName::of(b"_RNvNtCsgEmfK2I1SDS_4core9panicking9panic_fmt");
        assert_eq!(v0.crate_name.as_deref(), Some("core"));
        assert_eq!(crate_of("<comments::Comments as bedplate::Module>::start"), Some("comments"));
        assert_eq!(crate_of("<&mut comments::Comments as core::fmt::Debug>::fmt"), Some("comments"));
    }

    #[test]
    fn what_is_not_rust_has_no_crate() {
        assert_eq!(SymbolName::of(b"frame_dummy"), SymbolName { text: "frame_dummy".to_owned(), crate_name: None });
        assert_eq!(SymbolName::of(b"\xff\xfe").crate_name, None);
        assert_eq!(SymbolName::of(b"").text, "");
    }

    #[test]
    fn an_endless_name_is_cut() {
        let text = SymbolName::of(&[b'a'; 100_000]).text;
        assert_eq!(text.chars().count(), LONGEST + 1);
    }
}
