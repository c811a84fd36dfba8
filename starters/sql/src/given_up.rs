//! Whether anybody still waits for a migration.

use tokio::sync::watch;

/// Held by whoever waits for a migration. Dropped, it gives the migration up.
#[derive(Debug)]
pub(crate) struct Waits {
    _alive: watch::Sender<()>,
}

/// Tells a migration whether it was given up.
#[derive(Debug, Clone)]
pub struct GivenUp(watch::Receiver<()>);

impl GivenUp {
    /// Both ends.
    pub(crate) fn new() -> (Waits, Self) {
        let (sender, receiver) = watch::channel(());
        (Waits { _alive: sender }, Self(receiver))
    }

    /// Whether it was given up. For threads that do not wait.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "SQLite alone works on threads"))]
    pub(crate) fn is_so(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Waits until it is given up.
    pub(crate) async fn wait(mut self) {
        // Nothing is ever sent: it ends when the other end is gone.
        let _ = self.0.changed().await;
    }
}
