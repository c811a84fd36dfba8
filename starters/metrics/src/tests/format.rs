//! A strict reader of the text format: what Prometheus refuses fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// What was read: each sample under its name with its labels, sorted: `name{a="1",b="2"}`.
#[derive(Debug)]
pub(super) struct Scrape {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    pub(super) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut scrape = Self { samples: BTreeMap::new(), types: BTreeMap::new() };
        let (mut helps, mut family, mut finished) = (BTreeSet::new(), String::new(), BTreeSet::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let name = help.split(' ').next().unwrap().to_owned();
                assert!(helps.insert(name), "two helps: {line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram", "summary"].contains(&kind), "{line}");
                assert!(scrape.types.insert(name.to_owned(), kind.to_owned()).is_none(), "two types: {line}");
                finished.insert(std::mem::replace(&mut family, name.to_owned()));
            } else {
                scrape.read_sample(line, &family);
            }
        }
        scrape.check_histograms();
        scrape
    }

    fn read_sample(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let name = series.split('{').next().unwrap();
        let is_name = |text: &str| {
            !text.is_empty()
                && !text.starts_with(|first: char| first.is_ascii_digit())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
        };
        assert!(is_name(name), "no name: {line}");
        let of_family = name.strip_prefix(family).unwrap_or_else(|| panic!("not of the family {family}: {line}"));
        assert!(["", "_bucket", "_sum", "_count"].contains(&of_family), "not of the family {family}: {line}");
        let mut labels: Vec<_> = match series.strip_prefix(name).unwrap() {
            "" => Vec::new(),
            labels => labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap().split(',').collect(),
        };
        for label in &labels {
            let (name, value) = label.split_once('=').unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(name) && value.len() >= 2 && value.starts_with('"') && value.ends_with('"'), "{line}");
        }
        labels.sort_unstable();
        let key = if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) };
        assert!(self.samples.insert(key, value).is_none(), "twice: {line}");
    }

    /// The last bucket of a histogram counts all.
    fn check_histograms(&self) {
        for (series, last) in self.samples.iter().filter(|(series, _)| series.contains("le=\"+Inf\"")) {
            let count = series.replace("_bucket{", "_count{").replace("le=\"+Inf\",", "").replace(",le=\"+Inf\"", "");
            assert_eq!(self.samples.get(&count), Some(last), "{series}");
        }
    }

    /// The value of a series, with its labels in alphabetical order.
    pub(super) fn get(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    pub(super) fn kind(&self, family: &str) -> Option<&str> {
        self.types.get(family).map(String::as_str)
    }

    pub(super) fn series(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }
}
