//! Starter metrics.
