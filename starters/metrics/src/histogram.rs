//! A histogram of durations that any thread may add to: one addition each for bucket and sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of buckets, ascending.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// As they were written, in seconds.
    seconds: Arc<[f64]>,
    nanoseconds: Arc<[u64]>,
}

impl Bounds {
    /// The bounds of the settings, which have been checked: positive, finite, ascending.
    pub(crate) fn new(seconds: &[f64]) -> Self {
        let nanoseconds = |bound: &f64| Duration::try_from_secs_f64(*bound).map_or(u64::MAX, in_nanoseconds);
        Self { seconds: seconds.into(), nanoseconds: seconds.iter().map(nanoseconds).collect() }
    }
}

/// A histogram of durations.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: Bounds,
    /// One for each bound, and one for all the rest.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, PartialEq)]
pub(crate) struct HistogramSnapshot {
    /// How many durations are at most as long as each bound, in seconds.
    pub(crate) buckets: Vec<(f64, u64)>,
    /// How many there are.
    pub(crate) count: u64,
    /// How long they are together.
    pub(crate) sum: Duration,
}

impl Histogram {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let counts = (0..=bounds.nanoseconds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds: bounds.clone(), counts, sum: AtomicU64::new(0) }
    }

    pub(crate) fn record(&self, duration: Duration) {
        let duration = in_nanoseconds(duration);
        let bucket = self.bounds.nanoseconds.partition_point(|bound| *bound < duration);
        self.counts[bucket].fetch_add(1, Relaxed);
        self.sum.fetch_add(duration, Relaxed);
    }

    /// The count is that of the buckets, so that a snapshot taken between two additions adds up.
    pub(crate) fn snapshot(&self) -> HistogramSnapshot {
        let mut count = 0;
        let mut buckets = Vec::with_capacity(self.counts.len());
        for (index, of_bucket) in self.counts.iter().enumerate() {
            count += of_bucket.load(Relaxed);
            if let Some(bound) = self.bounds.seconds.get(index) {
                buckets.push((*bound, count));
            }
        }
        HistogramSnapshot { buckets, count, sum: Duration::from_nanos(self.sum.load(Relaxed)) }
    }
}

fn in_nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(&Bounds::new(&[0.001, 0.01]));
        for microseconds in [1, 1000, 1001, 10_000, 10_001] {
            histogram.record(Duration::from_micros(microseconds));
        }
        let expected = HistogramSnapshot {
            buckets: vec![(0.001, 2), (0.01, 4)],
            count: 5,
            sum: Duration::from_micros(1 + 1000 + 1001 + 10_000 + 10_001),
        };
        assert_eq!(histogram.snapshot(), expected);
    }
}
