//! The text format of Prometheus, version 0.0.4: families of samples with help and type.

use std::fmt::{self, Write};

/// The media type of the format.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4";

/// What a family's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Label and value of a sample. Values are names of modules, scenes, kinds and states, in which
/// there is nothing to escape.
pub(crate) type Label<'a> = (&'static str, &'a str);

/// A text that grows by families.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

impl Exposition {
    /// Begins a family: all samples until the next one belong to it.
    pub(crate) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str()));
        Family { name, exposition: self }
    }

    /// Appends what is in this format already.
    pub(crate) fn append(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn put(&mut self, arguments: fmt::Arguments<'_>) {
        self.text.write_fmt(arguments).expect("a string takes what is written to it");
    }
}

/// A family that is being written.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    name: &'static str,
    exposition: &'a mut Exposition,
}

impl Family<'_> {
    /// Adds one sample.
    pub(crate) fn sample(&mut self, labels: &[Label<'_>], value: impl fmt::Display) {
        self.part("", labels, value);
    }

    /// Adds one sample of a part of the family: `_bucket`, `_sum`, `_count`.
    pub(crate) fn part(&mut self, suffix: &str, labels: &[Label<'_>], value: impl fmt::Display) {
        self.exposition.put(format_args!("{}{suffix}", self.name));
        for (index, (name, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            self.exposition.put(format_args!("{before}{name}=\"{text}\""));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        self.exposition.put(format_args!("{after} {value}\n"));
    }
}
