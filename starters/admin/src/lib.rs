//! Starter admin.
