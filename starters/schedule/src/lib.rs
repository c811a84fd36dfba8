//! Starter schedule.
