//! comments-contract
