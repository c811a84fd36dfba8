//! The base of the tests of redeploying: all it is stands in its Cargo.toml.

#![forbid(unsafe_code)]

use common as _;

bedplate::base!();
