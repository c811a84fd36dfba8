//! favorites-contract
