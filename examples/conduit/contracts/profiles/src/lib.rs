//! profiles-contract
