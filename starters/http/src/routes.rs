//! What a module exports to be served: plain axum routers.

use std::sync::{Mutex, PoisonError};

use axum::Router;
use bedplate::{Export, Exports};

/// The routes of a module.
///
/// ```
/// use axum::Router;
/// use axum::routing::get;
/// use bedplate_starter_http::Routes;
///
/// let routes = Routes::new(Router::new().route("/{name}", get(|| async { "hello" }))).prefix("/greetings");
/// # let _ = routes;
/// ```
#[derive(Debug)]
pub struct Routes {
    /// Taken when it is mounted: what is served is the mounted one.
    router: Mutex<Router>,
    pub(crate) prefix: String,
}

impl Routes {
    /// Routes of a router that needs no more state. Call
    /// [`Router::with_state`] first where it does.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self { router: Mutex::new(router), prefix: String::new() }
    }

    /// The same routes below a path, which comes after the base's prefix and the module's.
    ///
    /// As with [`Router::nest`], handlers see the path without it. A prefix that is no path, such as
    /// one that ends with `/`, is refused when the module is deployed.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Takes the router, so that no route of it is cloned.
    pub(crate) fn take(&self) -> Router {
        std::mem::take(&mut *self.router.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self::new(router)
    }
}

impl Export for Routes {}

/// Adds `to.routes(…)` to what a module exports.
pub trait RoutesExt {
    /// Exports routes. They are served as soon as the module's composition is.
    fn routes(&mut self, routes: impl Into<Routes>) -> &mut Self;
}

impl RoutesExt for Exports {
    fn routes(&mut self, routes: impl Into<Routes>) -> &mut Self {
        self.add(routes.into())
    }
}
