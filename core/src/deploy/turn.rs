//! The line of deployments: one at a time, in the order they came, each told where it stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// The line.
pub(crate) struct Line {
    /// Who is in it, the one at work first.
    waiting: watch::Sender<Vec<u64>>,
    next: AtomicU64,
}

/// A place in the line, until it is dropped.
pub(crate) struct Turn {
    line: Arc<Line>,
    number: u64,
}

impl Line {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { waiting: watch::Sender::new(Vec::new()), next: AtomicU64::new(1) })
    }

    /// How many are in it.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Joins the line. The number of the deployment is that of its place, and is never used again.
    pub(crate) fn join(self: &Arc<Self>) -> Turn {
        let mut number = 0;
        self.waiting.send_modify(|waiting| {
            // Counted under the lock, so that numbers are in the order of the line.
            number = self.next.fetch_add(1, Ordering::Relaxed);
            waiting.push(number);
        });
        Turn { line: self.clone(), number }
    }
}

impl Turn {
    /// The number of the deployment.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Waits until nobody is before it. `moved` is told how many are, at first and whenever that changes.
    pub(crate) async fn comes(&self, moved: impl Fn(usize)) {
        let mut line = self.line.waiting.subscribe();
        let mut told = None;
        loop {
            let before = line.borrow_and_update().iter().position(|number| *number == self.number).unwrap_or(0);
            if before == 0 {
                return;
            }
            if told != Some(before) {
                moved(before);
                told = Some(before);
            }
            if line.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.line.waiting.send_modify(|waiting| waiting.retain(|number| *number != self.number));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_line_moves_in_order_and_tells_each_where_it_stands() {
        let line = Line::new();
        let (first, second, third) = (line.join(), line.join(), line.join());
        assert_eq!([first.number(), second.number(), third.number()], [1, 2, 3]);
        first.comes(|_| panic!("nobody is before the first")).await;
        let told = Mutex::new(Vec::new());
        let mut waiting = Box::pin(third.comes(|before| told.lock().unwrap().push(before)));
        assert!(waiting.as_mut().now_or_never().is_none());
        // One in the middle gives up: whoever is behind it moves up.
        drop(second);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        waiting.await;
        assert_eq!(*told.lock().unwrap(), [2, 1]);
    }
}
