//! The routes of a router, for people and tools.
//!
//! axum has no way to list the routes of a `Router`. Its `Debug` output names them, so that is read, for
//! display alone: nothing is decided by it, and what it does not recognise is left out. A test fails
//! where axum changes it.

use axum::Router;
use serde::Serialize;

/// One route as it is served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct RouteInfo {
    pub(crate) path: String,
    /// The methods; `*` for any.
    pub(crate) methods: Vec<&'static str>,
}

const METHODS: [(&str, &str); 9] = [
    ("get", "GET"),
    ("head", "HEAD"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("patch", "PATCH"),
    ("post", "POST"),
    ("put", "PUT"),
    ("trace", "TRACE"),
    ("connect", "CONNECT"),
];

const ANY: &str = "*";

/// What axum names the rest of a path after a nested service, and after a fallback's prefix.
const TAILS: [&str; 2] = ["{*__private__axum_nest_tail_param}", "{*__private__axum_fallback}"];

/// The routes of a router, by path.
pub(crate) fn list(router: &Router) -> Vec<RouteInfo> {
    let text = format!("{router:?}");
    let Some((routes, fallbacks)) = text.split_once(", fallback_router: ") else { return Vec::new() };
    let mut list = read(routes);
    let own = |route: &RouteInfo| route.path != "/" && route.path != "/*";
    list.extend(read(fallbacks).into_iter().filter(|route| own(route) && route.path.ends_with("/*")));
    let wholes: Vec<_> = list.iter().filter_map(|route| route.path.strip_suffix("/*").map(str::to_owned)).collect();
    list.retain(|route| {
        route.methods != [ANY]
            || route.path.ends_with("/*")
            || !wholes.iter().any(|whole| *whole == route.path.trim_end_matches('/'))
    });
    list.sort();
    list.dedup();
    list
}

/// The routes of one `PathRouter { routes: {…}, node: Node { paths: {…} } }`.
fn read(text: &str) -> Vec<RouteInfo> {
    let Some((routes, paths)) = text.split_once("}, node: Node { paths: {") else { return Vec::new() };
    let Some((_, routes)) = routes.split_once("routes: {") else { return Vec::new() };
    let endpoints: Vec<_> = by_id(routes).collect();
    by_id(paths)
        .filter_map(|(id, value)| {
            let (_, endpoint) = endpoints.iter().find(|(other, _)| *other == id)?;
            Some(RouteInfo { path: path(value)?, methods: methods(endpoint) })
        })
        .collect()
}

/// Splits `RouteId(1): …, RouteId(2): …`.
fn by_id(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("RouteId(").skip(1).filter_map(|entry| entry.split_once("): "))
}

/// Reads `"/a/{id}"` at the beginning of a text.
fn path(value: &str) -> Option<String> {
    let mut path = String::new();
    let mut letters = value.strip_prefix('"')?.chars();
    loop {
        match letters.next()? {
            '"' => break,
            '\\' => path.push(letters.next()?),
            letter => path.push(letter),
        }
    }
    for tail in TAILS {
        if let Some(whole) = path.strip_suffix(tail) {
            return Some(format!("{whole}*"));
        }
    }
    Some(path)
}

/// Reads `MethodRouter(MethodRouter { get: BoxedHandler, head: None, … })`, or `Route(Route)`.
fn methods(endpoint: &str) -> Vec<&'static str> {
    if !endpoint.starts_with("MethodRouter") || endpoint.contains("allow_header: Skip") {
        return vec![ANY];
    }
    let serves = |field: &str| !endpoint.contains(&format!(" {field}: None"));
    METHODS.iter().filter(|(field, _)| serves(field)).map(|(_, method)| *method).collect()
}

#[cfg(test)]
mod tests {
    use axum::routing::{any, get, put};

    use super::*;

    fn route(path: &str, methods: &[&'static str]) -> RouteInfo {
        RouteInfo { path: path.to_owned(), methods: methods.to_vec() }
    }

    fn example() -> Router {
        Router::new()
            .route("/a/{id}", get(|| async {}).post(|| async {}))
            .route("/any", any(|| async {}))
            .route_service("/service", get(|| async {}))
            .nest("/n", Router::new().route("/", put(|| async {})).fallback(|| async {}))
            .nest_service("/s", Router::new().route("/q", get(|| async {})))
    }

    fn expected() -> Vec<RouteInfo> {
        vec![
            route("/a/{id}", &["GET", "POST"]),
            route("/any", &["*"]),
            route("/n", &["PUT"]),
            route("/n/*", &["*"]),
            route("/s/*", &["*"]),
            route("/service", &["*"]),
        ]
    }

    #[test]
    fn axum_still_shows_its_routes() {
        assert_eq!(list(&example()), expected());
    }

    #[test]
    fn layers_and_state_do_not_hide_them() {
        let router: Router = example().layer(tower::layer::util::Identity::new()).with_state(());
        assert_eq!(list(&router), expected());
    }

    #[test]
    fn a_router_without_routes_has_none() {
        assert_eq!(list(&Router::new()), []);
        assert_eq!(list(&Router::new().fallback(|| async {})), []);
    }

    #[test]
    fn quotes_in_a_path_are_read() {
        assert_eq!(list(&Router::new().route("/\"x\"", get(|| async {}))), [route("/\"x\"", &["GET"])]);
    }
}
