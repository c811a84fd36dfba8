//! SQL in words, names and signs, without its comments.

use crate::breaking::Dialect;

/// A part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword, a number, or a name without quotes.
    Word(&'a str),
    /// A name in quotes, without them.
    Name(&'a str),
    /// A string, without what it stands in.
    Text(&'a str),
    /// Any other sign.
    Symbol(char),
}

impl<'a> Token<'a> {
    /// Whether it is this keyword.
    pub(super) fn is(self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// What it names, where it can be a name.
    pub(super) fn name(self) -> Option<&'a str> {
        match self {
            Self::Word(name) | Self::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// Takes SQL apart. What is not closed goes to the end.
pub(super) fn tokens(sql: &str, dialect: Dialect) -> Vec<Token<'_>> {
    let mut cursor = Cursor { rest: sql, dialect };
    std::iter::from_fn(|| cursor.token()).collect()
}

struct Cursor<'a> {
    rest: &'a str,
    dialect: Dialect,
}

impl<'a> Cursor<'a> {
    fn token(&mut self) -> Option<Token<'a>> {
        loop {
            self.rest = self.rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
            if let Some(comment) = self.rest.strip_prefix("--") {
                self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = self.after_comment(comment);
            } else {
                break;
            }
        }
        let first = self.rest.chars().next()?;
        Some(match first {
            '\'' => Token::Text(self.until_quote('\'', false)),
            '"' => Token::Name(self.until_quote('"', false)),
            '`' if self.dialect == Dialect::Sqlite => Token::Name(self.until_quote('`', false)),
            '[' if self.dialect == Dialect::Sqlite => Token::Name(self.until_bracket()),
            'e' | 'E' if self.dialect == Dialect::Postgres && self.rest[1..].starts_with('\'') => {
                self.rest = &self.rest[1..];
                Token::Text(self.until_quote('\'', true))
            }
            '$' if self.dialect == Dialect::Postgres => match self.dollar_quoted() {
                Some(text) => Token::Text(text),
                None => self.symbol(first),
            },
            first if is_word(first) => {
                let end = self.rest.find(|letter| !is_word(letter) && letter != '$').unwrap_or(self.rest.len());
                Token::Word(self.take(end))
            }
            first => self.symbol(first),
        })
    }

    fn symbol(&mut self, symbol: char) -> Token<'a> {
        self.rest = &self.rest[symbol.len_utf8()..];
        Token::Symbol(symbol)
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// What follows a comment, which in PostgreSQL may have others in it.
    fn after_comment(&self, mut text: &'a str) -> &'a str {
        let mut depth = 1;
        while depth > 0 {
            let Some(end) = text.find("*/") else { return "" };
            match text.find("/*").filter(|begin| *begin < end && self.dialect == Dialect::Postgres) {
                Some(begin) => (depth, text) = (depth + 1, &text[begin + 2..]),
                None => (depth, text) = (depth - 1, &text[end + 2..]),
            }
        }
        text
    }

    /// What stands between quotes. One that is doubled is part of it, and one behind a backslash where that escapes.
    fn until_quote(&mut self, quote: char, backslash_escapes: bool) -> &'a str {
        let text = &self.rest[1..];
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if backslash_escapes && letter == '\\' {
                letters.next();
            } else if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
                self.rest = &text[at + 1..];
                return &text[..at];
            }
        }
        self.rest = "";
        text
    }

    fn until_bracket(&mut self) -> &'a str {
        let (name, rest) = self.rest[1..].split_once(']').unwrap_or((&self.rest[1..], ""));
        self.rest = rest;
        name
    }

    /// `$$…$$` or `$tag$…$tag$`. A dollar and a number is a parameter.
    fn dollar_quoted(&mut self) -> Option<&'a str> {
        let end = self.rest[1..].find('$')?;
        let tag = &self.rest[1..=end];
        if tag.chars().next().is_some_and(|first| first.is_ascii_digit()) || !tag.chars().all(is_word) {
            return None;
        }
        let delimiter = &self.rest[..end + 2];
        let text = &self.rest[delimiter.len()..];
        let (text, rest) = text.split_once(delimiter).unwrap_or((text, ""));
        self.rest = rest;
        Some(text)
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
