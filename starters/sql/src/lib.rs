//! Starter sql.
