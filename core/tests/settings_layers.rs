//! For any layers: a key has the value of the highest layer that has it, and its origin says which.

use std::collections::BTreeMap;

use bedplate::settings::{KeyPath, Known, Origin, Settings, Sources};
use proptest::prelude::*;

/// The keys of the section, some of them in tables below it.
const KEYS: [&str; 6] = ["alpha", "beta-key", "gamma_key", "table.delta", "table.epsilon", "table.inner.zeta"];

/// The paths that are read over each other: the second is the more specific one.
const SECTIONS: [&str; 2] = ["modules.my-shop", "scenes.retail.modules.my-shop"];

#[derive(Debug, Settings)]
struct Shop {
    alpha: Option<i64>,
    #[setting(rename = "beta-key")]
    beta: Option<i64>,
    #[setting(default = -1)]
    gamma_key: i64,
    #[setting(nested)]
    table: Table,
}

#[derive(Debug, Settings)]
struct Table {
    delta: Option<i64>,
    #[setting(default = -1)]
    epsilon: i64,
    #[setting(nested)]
    inner: Inner,
}

#[derive(Debug, Settings)]
struct Inner {
    zeta: Option<i64>,
}

impl Shop {
    fn get(&self, key: &str) -> Option<i64> {
        match key {
            "alpha" => self.alpha,
            "beta-key" => self.beta,
            "gamma_key" => Some(self.gamma_key),
            "table.delta" => self.table.delta,
            "table.epsilon" => Some(self.table.epsilon),
            _ => self.table.inner.zeta,
        }
    }
}

fn default_of(key: &str) -> Option<i64> {
    matches!(key, "gamma_key" | "table.epsilon").then_some(-1)
}

/// The place of a value: the numbers of its section and its key.
type At = (usize, usize);

/// The values that one layer gives.
type Layer = BTreeMap<At, i64>;

fn layer() -> impl Strategy<Value = Layer> {
    prop::collection::btree_map((0..SECTIONS.len(), 0..KEYS.len()), 0_i64..1_000_000, 0..8)
}

/// How a file writes its tables.
#[derive(Clone, Copy, Debug)]
enum Writing {
    DottedKeys,
    Headers,
    InlineTables,
}

fn writing() -> impl Strategy<Value = Writing> {
    prop::sample::select(vec![Writing::DottedKeys, Writing::Headers, Writing::InlineTables])
}

/// The file, with the line of each value.
fn file(layer: &Layer, writing: Writing) -> (String, BTreeMap<At, usize>) {
    let mut lines: Vec<String> = Vec::new();
    let mut places = BTreeMap::new();
    match writing {
        Writing::DottedKeys => {
            for (at, value) in layer {
                lines.push(format!("{}.{} = {value}", SECTIONS[at.0], KEYS[at.1]));
                places.insert(*at, lines.len());
            }
        }
        Writing::Headers => {
            let mut tables: BTreeMap<String, Vec<(At, &str, i64)>> = BTreeMap::new();
            for (at, value) in layer {
                let path = KEYS[at.1].rsplit_once('.');
                let (table, key) = path.map_or((String::new(), KEYS[at.1]), |(table, key)| (format!(".{table}"), key));
                tables.entry(format!("{}{table}", SECTIONS[at.0])).or_default().push((*at, key, *value));
            }
            for (table, entries) in tables {
                lines.push(format!("[{table}]"));
                for (at, key, value) in entries {
                    lines.push(format!("{key} = {value}"));
                    places.insert(at, lines.len());
                }
            }
        }
        Writing::InlineTables => {
            for (index, section) in SECTIONS.iter().enumerate() {
                let entries: Vec<_> = layer.iter().filter(|(at, _)| at.0 == index).collect();
                let line: Vec<_> = entries.iter().map(|(at, value)| format!("{} = {value}", KEYS[at.1])).collect();
                lines.push(format!("{section} = {{ {} }}", line.join(", ")));
                places.extend(entries.iter().map(|(at, _)| (**at, lines.len())));
            }
        }
    }
    (lines.join("\n"), places)
}

fn variable(at: At) -> String {
    let path = format!("{}.{}", SECTIONS[at.0], KEYS[at.1]);
    format!("BEDPLATE__{}", path.replace('.', "__").replace('-', "_").to_uppercase())
}

fn argument(at: At) -> String {
    format!("{}.{}", SECTIONS[at.0], KEYS[at.1])
}

proptest! {
    #[test]
    fn a_key_has_the_value_of_the_highest_layer(
        below in layer(),
        above in layer(),
        environment in layer(),
        arguments in layer(),
        ways in (writing(), writing()),
    ) {
        let (below_text, below_lines) = file(&below, ways.0);
        let (above_text, above_lines) = file(&above, ways.1);
        let mut sources = Sources::new()
            .text("bedplate.toml", below_text)
            .text("bedplate.dev.toml", above_text)
            .environment(environment.iter().map(|(at, value)| (variable(*at), value.to_string())));
        for (at, value) in &arguments {
            sources = sources.set(format!("{}={value}", argument(*at)));
        }
        let tree = sources.load().map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;

        // What the layers say about one key of one section, without any of the code under test.
        let in_section = |at: At| -> Option<(i64, Origin)> {
            let file = |layer: &Layer, lines: &BTreeMap<At, usize>, path: &str| {
                let origin = |line: &usize| Origin::File { path: path.to_owned(), line: *line, column: 0 };
                layer.get(&at).map(|value| (*value, origin(&lines[&at])))
            };
            arguments.get(&at).map(|value| (*value, Origin::CommandLine { text: argument(at) }))
                .or_else(|| environment.get(&at).map(|value| (*value, Origin::Environment { name: variable(at) })))
                .or_else(|| file(&above, &above_lines, "bedplate.dev.toml"))
                .or_else(|| file(&below, &below_lines, "bedplate.toml"))
        };

        // Read over both paths: the more specific one goes first, whatever the layer.
        let paths = SECTIONS.map(|path| path.parse::<KeyPath>().expect("a path"));
        let mut problems = Vec::new();
        let shop = tree.read::<Shop>(&paths, &mut problems);
        prop_assert!(problems.is_empty(), "{problems:?}");
        let shop = shop.expect("no problems were found");
        for (index, key) in KEYS.iter().enumerate() {
            let expected = in_section((1, index)).or_else(|| in_section((0, index)));
            let expected = expected.map(|(value, _)| value).or_else(|| default_of(key));
            prop_assert_eq!(shop.get(key), expected, "{}", key);
        }

        // Explained: each section by itself, with origins.
        let known = Known::new()
            .section(paths[0].clone(), Shop::schema())
            .section("scenes.*.modules.my-shop".parse().expect("a path"), Shop::schema());
        prop_assert_eq!(tree.unknown(&known), vec![]);
        let rows: BTreeMap<_, _> = tree
            .explain(&known)
            .into_iter()
            .map(|row| (row.key.to_string(), (row.value, row.origin)))
            .collect();
        for (section, path) in SECTIONS.iter().enumerate() {
            for (index, key) in KEYS.iter().enumerate() {
                let row = rows.get(&format!("{path}.{key}"));
                match in_section((section, index)) {
                    Some((value, origin)) => {
                        let (shown, from) = row.expect("what is set is shown");
                        prop_assert_eq!(shown.clone(), Some(value.to_string()));
                        prop_assert_eq!(without_column(from), origin);
                    }
                    None if section == 0 => {
                        let (shown, from) = row.expect("every key of a plain section is shown");
                        prop_assert_eq!(shown.clone(), default_of(key).map(|value| value.to_string()));
                        let origin = if default_of(key).is_some() { Origin::Default } else { Origin::Unset };
                        prop_assert_eq!(from.clone(), origin);
                    }
                    None => prop_assert!(row.is_none(), "a pattern shows only what is set"),
                }
            }
        }
    }
}

fn without_column(origin: &Origin) -> Origin {
    match origin {
        Origin::File { path, line, .. } => Origin::File { path: path.clone(), line: *line, column: 0 },
        other => other.clone(),
    }
}
