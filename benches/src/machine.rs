//! The machine that was measured on, and whether something else ran there.

use serde::Serialize;

/// What has to be known of a machine to read its numbers.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processors that a process can use.
    pub cores: usize,
    /// How many threads wanted to run in the minute before, as the kernel counts; `None` where it does not.
    pub load_before: Option<f64>,
    /// Whether that was more than a fifth of the processors: then the ratios tell more than the times.
    pub was_shared: bool,
}

impl Machine {
    /// Looks at it now: before anything is measured.
    #[must_use]
    pub fn look() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let load_before = std::fs::read_to_string("/proc/loadavg")
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
        Self { cores, load_before, was_shared: load_before.is_some_and(|load| load > cores as f64 / 5.0) }
    }

    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let load = self.load_before.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.2}"));
        let shared =
            if self.was_shared { ": the machine was shared, so trust the ratios more than the times" } else { "" };
        format!("{} cores, load {load} in the minute before{shared}", self.cores)
    }
}
