//! A clock that stands still until the test moves it.

use std::sync::mpsc;
use std::time::Duration;

/// How many pieces an advance is cut into, so that what repeats within it does.
const PIECES: u32 = 64;

/// How often other tasks get their turn after a piece.
const TURNS: u32 = 16;

/// Keeps tokio from advancing a paused clock by itself: it does not while a blocking task runs,
/// so one does for as long as this lives.
pub(super) struct Standstill {
    _ends: mpsc::Sender<()>,
}

impl Standstill {
    /// Begins it, on the current runtime.
    pub(super) fn begin() -> Self {
        let (ends, ended) = mpsc::channel::<()>();
        // Ends with an error when the sender is dropped: that is the signal.
        tokio::task::spawn_blocking(move || ended.recv());
        Self { _ends: ends }
    }
}

/// Moves the paused clock, in pieces, and lets what became due run after each.
pub(super) async fn advance(by: Duration) {
    let piece = by / PIECES;
    let rest = by - piece * PIECES;
    for step in std::iter::repeat_n(piece, PIECES as usize).chain([rest]).filter(|step| !step.is_zero()) {
        tokio::time::advance(step).await;
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }
}
