//! What is served of one composition: the routers of all modules, merged into one.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use bedplate::Composition;
use bedplate::compose::{CompositionError, Problem};
use serde_json::{Value, json};

use crate::listing;
use crate::mount::{Mounted, describe, is_fallback};
use crate::quiet::quietly;

/// What the http starter serves of one composition.
pub struct RouteTable {
    pub(crate) router: Router,
    mounted: Vec<Arc<Mounted>>,
}

impl RouteTable {
    /// Merges the routers of all modules, one at a time, and names those that do not go together.
    pub(crate) fn merge(all: Vec<Arc<Mounted>>) -> Result<Self, CompositionError> {
        let mut problems = Vec::new();
        let mut mounted: Vec<Arc<Mounted>> = Vec::with_capacity(all.len());
        let mut router = root();
        for next in all {
            match quietly(|| router.merge(next.router.clone())) {
                Ok(merged) => {
                    router = merged;
                    mounted.push(next);
                }
                Err(text) => {
                    problems.push(conflict(&mounted, &next, &text));
                    // The panic took the router with it. The deployment fails, but goes on to find
                    // what else is wrong.
                    router = mounted.iter().fold(root(), |router, mounted| router.merge(mounted.router.clone()));
                }
            }
        }
        if problems.is_empty() {
            Ok(Self { router, mounted })
        } else {
            Err(CompositionError { step: "prepare", problems })
        }
    }

    /// The routes, with the module that serves each.
    pub(crate) fn list(&self, now: &Composition) -> Value {
        let serves = |mounted: &&Arc<Mounted>| now.holds(mounted.mount.instance.uid());
        let mut routes: Vec<_> = self
            .mounted
            .iter()
            .filter(serves)
            .flat_map(|mounted| {
                listing::list(&mounted.router).into_iter().map(move |route| (route, mounted.mount.id()))
            })
            .collect();
        routes.sort_by(|one, other| one.0.cmp(&other.0));
        let routes: Vec<_> = routes
            .iter()
            .map(|(route, id)| {
                json!({
                    "methods": route.methods,
                    "path": route.path,
                    "module": id.module,
                    "scene": id.scene,
                    "generation": id.generation,
                })
            })
            .collect();
        json!({ "version": 1, "routes": routes })
    }
}

impl std::fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteTable").field("modules", &self.mounted.len()).finish_non_exhaustive()
    }
}

/// A router of nothing but the base's own fallback, so that axum refuses a module's.
pub(crate) fn root() -> Router {
    Router::new().fallback(|| async { StatusCode::NOT_FOUND }).with_state(())
}

fn conflict(mounted: &[Arc<Mounted>], next: &Mounted, text: &str) -> Problem {
    let name = next.mount.instance.module();
    let clash = |other: &Mounted| quietly(|| root().merge(other.router.clone()).merge(next.router.clone())).err();
    let other = mounted.iter().find_map(|other| Some((other, clash(other)?)));
    let Some((other, text)) = other else {
        return alone(next, text);
    };
    let places = vec![other.mount.place(), next.mount.place()];
    let other_name = other.mount.instance.module();
    let (what, help) = if is_fallback(&text) {
        (
            format!("`{other_name}` and `{name}` both have a fallback below the prefix `{}`", next.mount.prefix),
            format!(
                "take one fallback out, or give the module another prefix: `[modules.{name}.http] prefix = \"/{name}\"`"
            ),
        )
    } else {
        (
            format!("`{other_name}` and `{name}` claim the same route: {}", describe(&text)),
            format!(
                "take the route out of one of them, or give one a prefix: `[modules.{name}.http] prefix = \"/{name}\"`; \
                 what serves now is unchanged"
            ),
        )
    };
    Problem { code: "route-conflict", what, places, help }
}

/// A module that does not even go together with the base's own fallback.
fn alone(next: &Mounted, text: &str) -> Problem {
    let name = next.mount.instance.module();
    let places = vec![next.mount.place()];
    if is_fallback(text) {
        return Problem {
            code: "fallback-at-root",
            what: format!("`{name}` has a fallback at the root, where it would answer for every other module"),
            places,
            help: format!(
                "give the module a prefix: `[modules.{name}.http] prefix = \"/{name}\"`, or `Routes::prefix`; \
                 or take the fallback out"
            ),
        };
    }
    Problem {
        code: "route-conflict",
        what: format!("the routes of `{name}` cannot be served: {}", describe(text)),
        places,
        help: "mend the route that is named".to_owned(),
    }
}
