//! The name of this build: the tests write another one.

pub(crate) const MARK: &str = "one";
