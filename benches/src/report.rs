//! How benchmarks show what they measured: tables for people, one JSON document for programs.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::machine::Machine;

/// What a benchmark measured.
#[derive(Debug)]
pub struct Report {
    bench: &'static str,
    machine: Machine,
    is_json: bool,
    tables: Vec<Table>,
    notes: Vec<String>,
}

/// A table: what each column is called, for programs and for people.
#[derive(Debug)]
pub struct Table {
    name: String,
    columns: Vec<(&'static str, &'static str)>,
    rows: Vec<Vec<Cell>>,
}

/// One field of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    value: Value,
}

impl Report {
    /// Begins a report, and looks at the machine before it has work to do.
    #[must_use]
    pub fn begin(bench: &'static str, matches: &ArgMatches) -> Self {
        let machine = Machine::look();
        Self { bench, machine, is_json: matches.get_flag("json"), tables: Vec::new(), notes: Vec::new() }
    }

    /// Tells people what goes on; programs read the end alone.
    pub fn progress(&self, what: &str) {
        if !self.is_json {
            // Whoever does not read on misses nothing of the result.
            let _ = writeln!(std::io::stderr(), "… {what}");
        }
    }

    /// Adds a table.
    pub fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Adds a sentence below the tables.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// Where the output is closed.
    pub fn end(self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if self.is_json {
            let tables: Map<_, _> = self.tables.iter().map(|table| (table.name.clone(), table.json())).collect();
            let all = json!({
                "version": 1, "bench": self.bench, "machine": self.machine, "tables": tables, "notes": self.notes,
            });
            writeln!(out, "{all}")?;
            return Ok(());
        }
        writeln!(out, "{} ({})", self.bench, self.machine.line())?;
        for table in &self.tables {
            writeln!(out, "\n{}", table.text())?;
        }
        for note in &self.notes {
            writeln!(out, "{note}")?;
        }
        Ok(())
    }
}

impl Table {
    /// A table without rows. Columns are pairs: the name for programs, the heading for people.
    #[must_use]
    pub fn new(name: impl Into<String>, columns: &[(&'static str, &'static str)]) -> Self {
        Self { name: name.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn json(&self) -> Value {
        let row = |cells: &Vec<Cell>| -> Map<String, Value> {
            self.columns.iter().zip(cells).map(|((name, _), cell)| ((*name).to_owned(), cell.value.clone())).collect()
        };
        json!(self.rows.iter().map(row).collect::<Vec<_>>())
    }

    fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count());
            cells.chain([self.columns[column].1.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let line = |texts: Vec<&str>| {
            let mut line = String::new();
            for (index, (text, width)) in texts.into_iter().zip(&widths).enumerate() {
                // The first column names the row, and the others are numbers.
                line += &if index == 0 { format!("{text:width$}") } else { format!("  {text:>width$}") };
            }
            line.trim_end().to_owned()
        };
        let mut lines = vec![self.name.clone(), line(self.columns.iter().map(|(_, heading)| *heading).collect())];
        lines.extend(self.rows.iter().map(|row| line(row.iter().map(|cell| cell.text.as_str()).collect())));
        lines.join("\n") + "\n"
    }
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { value: json!(text), text }
    }

    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { text: String::new(), value: Value::Null }
    }

    /// A whole number.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self { text: count.to_string(), value: json!(count) }
    }

    /// A time; milliseconds for programs.
    #[must_use]
    pub fn time(time: Duration) -> Self {
        let value = json!((time.as_secs_f64() * 1e6).round() / 1e3);
        let text = match time.as_micros() {
            0..10_000 => format!("{:.2} ms", time.as_secs_f64() * 1e3),
            10_000..1_000_000 => format!("{:.0} ms", time.as_secs_f64() * 1e3),
            _ => format!("{:.2} s", time.as_secs_f64()),
        };
        Self { text, value }
    }

    /// A number of bytes.
    #[must_use]
    pub fn bytes(bytes: u64) -> Self {
        let text = match bytes {
            0..10_000_000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
            _ => format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0),
        };
        Self { text, value: json!(bytes) }
    }

    /// A number with a fraction, such as a ratio.
    #[must_use]
    pub fn ratio(ratio: f64) -> Self {
        Self { text: format!("{ratio:.2}"), value: json!((ratio * 1e3).round() / 1e3) }
    }
}

/// The median of some times; zero where there are none.
#[must_use]
pub fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    match (sorted.len(), sorted.get(sorted.len() / 2)) {
        (count, Some(middle)) if count % 2 == 0 => (sorted[count / 2 - 1] + *middle) / 2,
        (_, middle) => middle.copied().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_has_names_for_programs() {
        let mut table = Table::new("times", &[("what", "what"), ("median_ms", "median"), ("ratio", "ratio")]);
        table.row([Cell::text("bare"), Cell::time(Duration::from_millis(400)), Cell::none()]);
        table.row([Cell::text("through the tool"), Cell::time(Duration::from_micros(1_500)), Cell::ratio(1.234)]);
        assert_eq!(
            table.text(),
            "times\nwhat               median  ratio\nbare               400 ms\nthrough the tool  1.50 ms   1.23\n"
        );
        assert_eq!(
            table.json(),
            json!([
                { "what": "bare", "median_ms": 400.0, "ratio": null },
                { "what": "through the tool", "median_ms": 1.5, "ratio": 1.234 },
            ])
        );
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let seconds = |seconds: &[u64]| seconds.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
        assert_eq!(median(&seconds(&[5, 1, 3])), Duration::from_secs(3));
        assert_eq!(median(&seconds(&[4, 1, 2, 9])), Duration::from_secs(3));
        assert_eq!(median(&[]), Duration::ZERO);
    }
}
