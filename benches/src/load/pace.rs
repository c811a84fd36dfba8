//! The clock of an open loop: it releases each request at its time, from a thread of its own, since the timers of
//! the runtime know milliseconds only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Semaphore;

use super::new_histogram;

/// How long a load lasts.
#[derive(Debug, Clone)]
pub enum Until {
    /// For this time.
    For(Duration),
    /// Until it is told to end.
    Told(Arc<AtomicBool>),
}

impl Until {
    fn is_over(&self, elapsed: Duration) -> bool {
        match self {
            Self::For(limit) => elapsed >= *limit,
            Self::Told(told) => told.load(Ordering::Acquire),
        }
    }
}

/// The times at which requests are meant to be sent.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    interval: Duration,
    gate: Semaphore,
    next: AtomicU64,
    /// How many there are in all; as many as can be, until that is known.
    total: AtomicU64,
}

impl Pace {
    /// A clock that begins a moment from now.
    pub(super) fn new(rate: f64) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now() + Duration::from_millis(20),
            interval: Duration::from_secs_f64(1.0 / rate.max(0.1)),
            gate: Semaphore::new(0),
            next: AtomicU64::new(0),
            total: AtomicU64::new(u64::MAX),
        })
    }

    /// Waits for the next request's time, and returns it; `None` when there are no more.
    pub(super) async fn next(&self) -> Option<(u64, Instant)> {
        self.gate.acquire().await.ok()?.forget();
        let number = self.next.fetch_add(1, Ordering::AcqRel);
        (number < self.total.load(Ordering::Acquire)).then(|| (number, self.time_of(number)))
    }

    fn time_of(&self, number: u64) -> Instant {
        self.start
            + Duration::from_nanos(u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX).saturating_mul(number))
    }

    /// Releases requests until it is over, then lets `waiters` know. Returns by how much it was late itself, for
    /// each time that it woke up.
    pub(super) fn run(&self, until: &Until, waiters: usize) -> Histogram<u64> {
        let mut lateness = new_histogram();
        let mut released: u64 = 0;
        loop {
            let now = Instant::now();
            let elapsed = now.saturating_duration_since(self.start);
            let due = match now < self.start {
                true => 0,
                false => u64::try_from(elapsed.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u64::MAX) + 1,
            };
            if due > released {
                let late = now.saturating_duration_since(self.time_of(released));
                lateness.saturating_record(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX));
                self.gate.add_permits(usize::try_from(due - released).unwrap_or(usize::MAX >> 4));
                released = due;
            }
            if until.is_over(elapsed) {
                self.total.store(released, Ordering::Release);
                self.gate.add_permits(waiters);
                return lateness;
            }
            thread::sleep(self.time_of(released).saturating_duration_since(Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_request_has_its_time_and_then_all_end() {
        let pace = Pace::new(10_000.0);
        let clock = pace.clone();
        let told = Arc::new(AtomicBool::new(false));
        let until = Until::Told(told.clone());
        let thread = thread::spawn(move || clock.run(&until, 1));
        let mut last = None;
        for expected in 0..100 {
            let (number, time) = pace.next().await.unwrap();
            assert_eq!(number, expected);
            assert!(Instant::now() >= time, "it is released at its time, not before");
            if let Some(last) = last {
                assert_eq!(time - last, Duration::from_micros(100));
            }
            last = Some(time);
        }
        told.store(true, Ordering::Release);
        // What was released before is still there; after it comes the end.
        while pace.next().await.is_some() {}
        assert!(!thread.join().unwrap().is_empty());
    }
}
