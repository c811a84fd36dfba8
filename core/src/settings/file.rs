//! Reads TOML text into nodes that know their line and column.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{Entry, Naming, Node, Table, Value};
use super::{KeyPath, Origin, SettingProblem};

/// Most syntax errors that are reported of one file: later ones are mostly caused by earlier ones.
const SYNTAX_ERRORS: usize = 10;

/// Reads a settings file; `name` is what messages call it.
pub(super) fn read(name: &str, text: &str) -> Result<Table, Vec<SettingProblem>> {
    // Some editors begin a file with a byte order mark, which is no part of TOML.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source { name, lines: line_starts(text), text };
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<_> = errors
        .iter()
        .take(SYNTAX_ERRORS)
        .map(|error| source.syntax_problem(error.span(), error.message().lines().next().unwrap_or_default()))
        .collect();
    let table = table(document.get_ref(), &|span| source.place(&span), &mut |span| {
        problems.push(source.syntax_problem(Some(span), "the number is too large"));
    });
    if problems.is_empty() { Ok(table) } else { Err(problems) }
}

/// What a text from the environment or the command line means as a TOML value, where it is one.
///
/// Quoted strings and dates stay text: such a value is taken as it was written.
pub(super) fn value_of_text(text: &str, origin: &Origin) -> Option<Node> {
    let value = DeValue::parse(text.trim()).ok()?;
    if matches!(value.get_ref(), DeValue::String(_) | DeValue::Datetime(_)) {
        return None;
    }
    let mut exact = true;
    let node = node(&value, &|_| origin.clone(), &mut |_| exact = false);
    exact.then_some(node)
}

struct Source<'t> {
    name: &'t str,
    text: &'t str,
    lines: Vec<usize>,
}

impl Source<'_> {
    fn place(&self, span: &Range<usize>) -> Origin {
        let start = span.start.min(self.text.len());
        let line = self.lines.partition_point(|first| *first <= start).max(1);
        let before = self.text.get(self.lines[line - 1]..start).unwrap_or_default();
        Origin::File { path: self.name.to_owned(), line, column: before.chars().count() + 1 }
    }

    fn syntax_problem(&self, span: Option<Range<usize>>, message: &str) -> SettingProblem {
        SettingProblem {
            code: "setting-syntax",
            key: KeyPath::root(),
            what: format!("{} is not valid TOML: {message}", self.name),
            origin: Some(self.place(&span.unwrap_or(0..0))),
            declared: None,
            help: "correct the line; TOML is described at https://toml.io".to_owned(),
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect()
}

type PlaceOf<'f> = &'f dyn Fn(Range<usize>) -> Origin;
type TooLarge<'f> = &'f mut dyn FnMut(Range<usize>);

fn table(table: &DeTable<'_>, place: PlaceOf<'_>, too_large: TooLarge<'_>) -> Table {
    let mut entries = Table::default();
    for (key, value) in table {
        let entry = Entry { naming: Naming::Exact, key_origin: place(key.span()), node: node(value, place, too_large) };
        entries.insert(key.get_ref().to_string(), entry);
    }
    entries
}

fn node(value: &Spanned<DeValue<'_>>, place: PlaceOf<'_>, too_large: TooLarge<'_>) -> Node {
    let converted = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => {
                too_large(value.span());
                Value::Integer(0)
            }
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => {
                too_large(value.span());
                Value::Float(0.0)
            }
        },
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(value) => Value::Datetime(value.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| node(item, place, too_large)).collect()),
        DeValue::Table(entries) => Value::Table(table(entries, place, too_large)),
    };
    Node { value: converted, origin: place(value.span()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_names_file_line_and_column() {
        let problems = read("bedplate.toml", "a = 1\n\n[b\nc = 2\n").err().unwrap();
        assert_eq!(problems[0].code, "setting-syntax");
        assert!(problems[0].what.contains("bedplate.toml is not valid TOML"), "{}", problems[0]);
        let Some(Origin::File { line, column, .. }) = problems[0].origin else { panic!("{problems:?}") };
        assert_eq!((line, column), (3, 3));
    }

    #[test]
    fn several_syntax_errors_are_reported_at_once() {
        let problems = read("bedplate.toml", "a = \nb = 1\nb = 2\n").err().unwrap();
        let lines: Vec<_> = problems.iter().map(|problem| problem.origin.clone().unwrap().to_string()).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(lines[0].starts_with("bedplate.toml:1:"), "{lines:?}");
        assert!(lines[1].starts_with("bedplate.toml:3:"), "{lines:?}");
    }

    #[test]
    fn columns_count_characters_and_a_byte_order_mark_is_passed_over() {
        let table = read("x.toml", "\u{feff}ä = { b = 1 }").err();
        assert!(table.is_some(), "a bare key of other letters is an error in TOML");
        let table = read("x.toml", "\u{feff}\"ä\" = { b = 1 }").unwrap_or_else(|problems| panic!("{problems:?}"));
        let outer = table.get("ä").unwrap();
        let inner = outer.node.as_table().unwrap().get("b").unwrap();
        assert_eq!(inner.key_origin.to_string(), "x.toml:1:9");
    }

    #[test]
    fn a_number_beyond_every_integer_is_reported() {
        let problems = read("x.toml", "a = 999999999999999999999999999999999999999999").err().unwrap();
        assert!(problems[0].what.contains("too large"));
    }

    #[test]
    fn text_is_a_toml_value_only_where_it_is_not_a_string() {
        let origin = Origin::CommandLine { text: "a".to_owned() };
        assert!(value_of_text("[1, 2]", &origin).is_some());
        assert!(value_of_text("12", &origin).is_some());
        assert!(value_of_text("plain", &origin).is_none());
        assert!(value_of_text("\"quoted\"", &origin).is_none());
    }
}
