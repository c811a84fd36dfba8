//! Starter telemetry.
