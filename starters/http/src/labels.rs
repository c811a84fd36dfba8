//! What entries are called: `GET /articles/{slug}`, each text kept once.

use std::sync::Mutex;

use axum::http::Method;
use rustc_hash::FxHashSet;

/// The labels of one base's routes.
///
/// A label is kept for ever, so that no request pays for it: there is one for each method and path that
/// a module serves, whatever clients send, and a new generation has those of the one before.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    kept: Mutex<FxHashSet<&'static str>>,
}

impl Labels {
    /// The label for a method and the path of a route.
    pub(crate) fn of(&self, method: &Method, route: &str) -> &'static str {
        let label = format!("{} {route}", word(method));
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(label) = kept.get(label.as_str()) {
            return label;
        }
        let label: &'static str = Box::leak(label.into_boxed_str());
        kept.insert(label);
        label
    }
}

/// The method, if it is one of those that there are: clients can invent any number.
fn word(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::TRACE
        | Method::CONNECT => method.as_str(),
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_kept_once() {
        let labels = Labels::default();
        let one = labels.of(&Method::GET, "/a");
        let other = labels.of(&Method::GET, "/a");
        assert!(std::ptr::eq(one, other));
        assert_eq!(one, "GET /a");
    }

    #[test]
    fn methods_that_a_client_invents_share_one() {
        let labels = Labels::default();
        for name in ["BREW", "WHEN"] {
            assert_eq!(labels.of(&Method::from_bytes(name.as_bytes()).unwrap(), "/a"), "OTHER /a");
        }
    }
}
