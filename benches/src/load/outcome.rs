//! What came of a load.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The shortest and the longest time that is told apart, in nanoseconds.
const RANGE: (u64, u64) = (1_000, 120_000_000_000);

/// How many failures are kept as text.
const SHOWN: usize = 10;

/// An empty histogram of times in nanoseconds, with three digits.
///
/// # Panics
///
/// Never: its bounds are constants.
#[must_use]
pub fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(RANGE.0, RANGE.1, 3).expect("the bounds are valid")
}

/// What came of a load.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// From the time at which a request was meant to be sent to the end of its answer, in nanoseconds.
    pub latency: Histogram<u64>,
    /// By how much the generator itself was late, in nanoseconds: what it adds to the latency.
    pub lateness: Histogram<u64>,
    /// How many requests were sent.
    pub requests: u64,
    /// What failed.
    pub failures: Failures,
    /// How long it took.
    pub elapsed: Duration,
}

/// What failed, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    /// Answers with another status than 200.
    pub status: u64,
    /// Connections that were refused, closed or cut off, and answers that never came.
    pub connection: u64,
    /// Answers that say something wrong, such as that they saw two generations of one module.
    pub answer: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl Outcome {
    /// Nothing yet.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            latency: new_histogram(),
            lateness: new_histogram(),
            requests: 0,
            failures: Failures::default(),
            elapsed: Duration::ZERO,
        }
    }

    /// Takes in another one; the times add up.
    pub fn add(&mut self, other: &Self) {
        // Their bounds are the same.
        let _ = self.latency.add(&other.latency);
        let _ = self.lateness.add(&other.lateness);
        self.requests += other.requests;
        self.failures.add(&other.failures);
        self.elapsed += other.elapsed;
    }

    /// The latency that this part of the requests did not exceed.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.latency.value_at_quantile(part))
    }
}

impl Failures {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.status + self.connection + self.answer
    }

    pub(super) fn keep(&mut self, text: impl FnOnce() -> String) {
        if self.first.len() < SHOWN {
            self.first.push(text());
        }
    }

    fn add(&mut self, other: &Self) {
        self.status += other.status;
        self.connection += other.connection;
        self.answer += other.answer;
        let room = SHOWN.saturating_sub(self.first.len());
        self.first.extend(other.first.iter().take(room).cloned());
    }
}
