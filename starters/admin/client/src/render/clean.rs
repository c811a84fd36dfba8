//! Keeps what a module wrote from steering the terminal.

/// The text without control characters: each is shown as `\u{1b}` would be in source. Tabs become spaces.
///
/// A log line carries what strangers sent to a module, and a terminal obeys escape sequences.
#[must_use]
pub fn clean(text: &str) -> String {
    if !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => cleaned.push(' '),
            c if is_unsafe(c) => cleaned.extend(c.escape_unicode()),
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// Control characters, and those that turn the direction of the text around them.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_and_not_obeyed() {
        assert_eq!(clean("a\u{1b}[2Jb\tc\n"), "a\\u{1b}[2Jb c\\u{a}");
        assert_eq!(clean("grün ✓"), "grün ✓");
        assert_eq!(clean("a\u{202e}b"), "a\\u{202e}b");
    }
}
