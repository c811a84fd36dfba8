//! Starter http.
