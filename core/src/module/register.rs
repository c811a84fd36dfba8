//! What the code of `#[module]` calls: small parts, so that the macro writes little.

use std::sync::{Mutex, PoisonError};

use crate::module::{DeclaredModule, ModuleParts, module_parts};

/// The version of bedplate that a crate is built with.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The parts of a declared module. Its one bound is what the macro implements, so that a missing
/// `Module` is reported once.
#[must_use]
pub fn declared_parts<M: DeclaredModule>() -> ModuleParts {
    module_parts::<M>()
}

/// Whether `module_path!()` is that of a crate's root.
#[must_use]
pub const fn is_crate_root(module_path: &str) -> bool {
    let bytes = module_path.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] == b':' {
            return false;
        }
        index += 1;
    }
    true
}

/// The arguments of a function module, filled when the instance is made and given away when it
/// exports.
#[derive(Debug)]
pub struct Arguments<A>(Mutex<Option<A>>);

impl<A> Arguments<A> {
    /// Keeps the arguments.
    pub const fn new(arguments: A) -> Self {
        Self(Mutex::new(Some(arguments)))
    }

    /// Gives them away, to the first who asks.
    ///
    /// # Errors
    ///
    /// Where they have been given away.
    pub fn take(&self) -> crate::Result<A> {
        let mut arguments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arguments.take().ok_or_else(|| anyhow::anyhow!("an instance of a function module exports once"))
    }
}

/// Declares the slice of what a crate's module publishes.
///
/// The macro is here, not in the procedural macro: linkme writes `unsafe` attributes through a
/// `macro_rules!` of the slice's own, and only when that one has its origin in another crate does
/// `#![forbid(unsafe_code)]` leave it alone.
#[doc(hidden)]
#[macro_export]
macro_rules! __services_slice {
    ($name:ident) => {
        #[doc(hidden)]
        #[$crate::__private::linkme::distributed_slice]
        #[linkme(crate = $crate::__private::linkme)]
        pub(crate) static $name: [$crate::__private::ServiceDescriptor];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_has_no_parent() {
        assert!(is_crate_root("comments"));
        assert!(!is_crate_root("comments::inner"));
    }

    #[test]
    fn arguments_are_given_away_once() {
        let arguments = Arguments::new(3);
        assert_eq!(arguments.take().unwrap(), 3);
        assert!(arguments.take().is_err());
    }
}
