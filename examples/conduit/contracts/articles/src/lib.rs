//! articles-contract
