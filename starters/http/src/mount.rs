//! The routes of one instance, mounted below their prefix and behind the instance's gate.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bedplate::compose::{Place, Problem};
use bedplate::{Exports, Instance, InstanceId};

use crate::gate::GateLayer;
use crate::labels::Labels;
use crate::quiet::quietly;
use crate::routes::Routes;
use crate::settings::{HttpSettings, MountSettings, check_prefix};

/// One instance as it is served.
pub(crate) struct Mount {
    pub(crate) instance: Arc<Instance>,
    pub(crate) labels: Arc<Labels>,
    /// The module's prefix, the base's included.
    pub(crate) prefix: String,
    /// The largest body of a request, in bytes.
    pub(crate) body_limit: usize,
    pub(crate) timeout: Option<Duration>,
}

/// An instance and the router over all that it exports.
pub(crate) struct Mounted {
    pub(crate) mount: Arc<Mount>,
    pub(crate) router: Router,
}

impl Mount {
    pub(crate) fn id(&self) -> &InstanceId {
        self.instance.id()
    }

    /// Where the module is registered.
    pub(crate) fn place(&self) -> Place {
        Place::source(format!("the module `{}`", self.instance.module()), self.instance.spec().site())
    }
}

impl Mounted {
    /// Mounts what an instance exports; `None` where that is nothing.
    pub(crate) fn build(
        instance: &Arc<Instance>,
        base: &HttpSettings,
        module: &MountSettings,
        labels: &Arc<Labels>,
    ) -> Result<Option<Self>, Problem> {
        let exported: Vec<&Routes> = instance.exports().into_iter().flat_map(Exports::of::<Routes>).collect();
        if exported.is_empty() {
            return Ok(None);
        }
        let timeout = module.timeout.unwrap_or(base.timeout);
        let mount = Arc::new(Mount {
            instance: instance.clone(),
            labels: labels.clone(),
            prefix: format!("{}{}", base.prefix, module.prefix),
            body_limit: module.body_limit.unwrap_or(base.body_limit).as_usize(),
            timeout: (!timeout.is_zero()).then_some(timeout),
        });
        let mut routers = Vec::with_capacity(exported.len());
        for routes in exported {
            routers.push(mount.gated(routes)?);
        }
        let router = mount.merged(routers)?;
        Ok(Some(Self { mount, router }))
    }
}

impl Mount {
    /// A module's router, with its gate around each route, below its prefix.
    fn gated(self: &Arc<Self>, routes: &Routes) -> Result<Router, Problem> {
        check_prefix(&routes.prefix).map_err(|fault| Problem {
            code: "invalid-prefix",
            what: format!("the routes of `{}` cannot be mounted: {fault}", self.instance.module()),
            places: vec![self.place()],
            help: "give `Routes::prefix` a path such as `/comments`".to_owned(),
        })?;
        let prefix = format!("{}{}", self.prefix, routes.prefix);
        let gate = GateLayer::new(self.clone());
        // Handlers become services once, here, and not for every request.
        let router: Router = routes.take().with_state(());
        Ok(match prefix.as_str() {
            // The fallback is left as it is: the default one belongs to nobody, and merging a router
            // that has one of its own into the base's is refused.
            "" if router.has_routes() => router.route_layer(gate),
            "" => router,
            prefix => quietly(|| Router::new().nest(prefix, router.layer(gate))).map_err(|text| self.refused(&text))?,
        })
    }

    /// One router over all that the module exports.
    fn merged(&self, routers: Vec<Router>) -> Result<Router, Problem> {
        let mut routers = routers.into_iter();
        let first = routers.next().unwrap_or_default();
        routers.try_fold(first, |merged, next| quietly(|| merged.merge(next))).map_err(|text| self.refused(&text))
    }

    fn refused(&self, text: &str) -> Problem {
        Problem {
            code: "route-conflict",
            what: format!("`{}` has routes that do not go together: {}", self.instance.module(), describe(text)),
            places: vec![self.place()],
            help: "take one of them out, or export them below different prefixes: `Routes::prefix`".to_owned(),
        }
    }
}

/// What axum says about a conflict, shortened to the routes in question.
pub(crate) fn describe(text: &str) -> String {
    let conflict = |text: &str| -> Option<String> {
        let (_, rest) = text.split_once("Overlapping method route. Handler for `")?;
        Some(format!("`{}` is served already", rest.split_once('`')?.0))
    };
    let pattern = |text: &str| -> Option<String> {
        let (_, rest) = text.split_once("Invalid route \"")?;
        let (path, rest) = rest.split_once('"')?;
        let (_, other) = rest.split_once("previously registered route: ")?;
        Some(if path == other {
            format!("`{path}` is served already")
        } else {
            format!("`{path}` and `{other}` match the same paths")
        })
    };
    conflict(text).or_else(|| pattern(text)).unwrap_or_else(|| text.to_owned())
}

/// Whether axum refused a second fallback.
pub(crate) fn is_fallback(text: &str) -> bool {
    text.contains("fallback")
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    fn conflict(one: Router, other: Router) -> String {
        quietly(|| one.merge(other)).map(|_| ()).unwrap_err()
    }

    #[test]
    fn axum_still_names_the_route() {
        let router = |path: &str| Router::<()>::new().route(path, get(|| async {}));
        assert_eq!(describe(&conflict(router("/a"), router("/a"))), "`GET /a` is served already");
        let two = conflict(router("/a/{id}"), router("/a/{slug}"));
        assert_eq!(describe(&two), "`/a/{slug}` and `/a/{id}` match the same paths");
        let service = Router::<()>::new().route_service("/a", get(|| async {}));
        assert_eq!(describe(&conflict(router("/a"), service)), "`/a` is served already");
    }

    #[test]
    fn axum_still_refuses_a_second_fallback() {
        let router = || Router::<()>::new().fallback(|| async {});
        assert!(is_fallback(&conflict(router(), router())));
        let nested = || Router::<()>::new().fallback(|| async {}).nest("/a", router());
        assert!(is_fallback(&conflict(nested(), Router::new().nest("/a", router()))));
    }
}
