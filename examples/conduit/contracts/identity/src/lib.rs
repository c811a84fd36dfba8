//! identity-contract
