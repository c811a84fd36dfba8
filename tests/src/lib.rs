//! End-to-end tests live in the sibling folders.
