//! What the head of a request must say before anything else is looked at.
//!
//! A page in a browser can make its own name lead to an address of this machine (DNS rebinding), and send
//! requests there. The `Host` header still carries the page's name, and `Origin` the page's place.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use bedplate_admin_client::protocol::Refusal;

/// The names under which a base may be asked.
#[derive(Debug, Clone)]
pub(crate) enum Hosts {
    /// This machine's own: what listens is reachable from here only.
    Local,
    /// These names, and every address: a page that was reached by an address is the base's own.
    Named(Vec<String>),
}

/// Whether a request may be looked at: it names this base in its one `Host`, and comes from no page of another one.
///
/// # Errors
///
/// Why not.
pub(crate) fn check_head(headers: &HeaderMap, hosts: &Hosts) -> Result<(), Refusal> {
    let host = single(headers, &header::HOST).filter(|host| hosts.allow(name_of(host)));
    let Some(host) = host else {
        let help = match hosts {
            Hosts::Local => "ask for `localhost`",
            Hosts::Named(_) => "ask for a name of `starters.admin.remote.hosts`, or for an address",
        };
        return Err(Refusal::new("foreign-host", "the `Host` header names another machine, or none", help));
    };
    if !headers.contains_key(header::ORIGIN) {
        return Ok(());
    }
    match single(headers, &header::ORIGIN).is_some_and(|origin| is_same(origin, host)) {
        true => Ok(()),
        false => Err(Refusal::new(
            "foreign-origin",
            "the request comes from a page of another origin",
            "use the base's own commands, or the tool",
        )),
    }
}

impl Hosts {
    fn allow(&self, name: &str) -> bool {
        match self {
            Self::Local => is_local_name(name),
            Self::Named(names) => {
                name.parse::<IpAddr>().is_ok() || names.iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// Whether a name leads to this machine, whoever resolves it.
#[must_use]
pub(crate) fn is_local_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Browsers and resolvers keep `localhost` and all below it on this machine.
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The name in a `Host` header, without the port.
#[must_use]
pub(crate) fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

/// Whether an origin is that of the host itself.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    matches!(scheme, "http" | "https") && rest.eq_ignore_ascii_case(host)
}

/// The token of an `Authorization: Bearer …` header, where there is one and only one.
#[must_use]
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = single(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    let fits = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && fits(token)).then_some(token)
}

/// The value of a header that is there once, as text.
pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(list: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).fold(
            HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            },
        )
    }

    fn refused(list: &[(header::HeaderName, &'static str)], hosts: &Hosts) -> Option<String> {
        check_head(&headers(list), hosts).err().map(|refusal| refusal.code)
    }

    #[test]
    fn names_of_this_machine_and_of_others() {
        for host in ["localhost", "LOCALHOST:9090", "127.0.0.1", "127.0.0.2:80", "[::1]:9090", "conduit.localhost:1"] {
            assert_eq!(refused(&[(header::HOST, host)], &Hosts::Local), None, "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:1", "10.0.0.1", "[2001:db8::1]", ""]
        {
            assert_eq!(refused(&[(header::HOST, host)], &Hosts::Local).as_deref(), Some("foreign-host"), "{host}");
        }
        assert_eq!(refused(&[], &Hosts::Local).as_deref(), Some("foreign-host"));
        let twice = [(header::HOST, "localhost"), (header::HOST, "evil.example")];
        assert_eq!(refused(&twice, &Hosts::Local).as_deref(), Some("foreign-host"));
    }

    #[test]
    fn over_the_network_names_are_those_of_the_settings() {
        let hosts = Hosts::Named(vec!["deploy.example.com".to_owned()]);
        for host in ["deploy.example.com:9443", "DEPLOY.example.com", "10.0.0.1:9443", "[2001:db8::1]"] {
            assert_eq!(refused(&[(header::HOST, host)], &hosts), None, "{host}");
        }
        for host in ["evil.example", "localhost", "deploy.example.com.evil.example"] {
            assert_eq!(refused(&[(header::HOST, host)], &hosts).as_deref(), Some("foreign-host"), "{host}");
        }
    }

    #[test]
    fn an_origin_must_be_the_hosts_own() {
        let asked = |origin| refused(&[(header::HOST, "localhost:1"), (header::ORIGIN, origin)], &Hosts::Local);
        assert_eq!(asked("http://localhost:1"), None);
        for origin in
            ["http://evil.example", "null", "http://localhost:2", "file://localhost:1", "http://localhost:1/x"]
        {
            assert_eq!(asked(origin).as_deref(), Some("foreign-origin"), "{origin}");
        }
    }

    #[test]
    fn a_token_is_read_from_one_header_of_the_right_kind() {
        let token = |values: &[&'static str]| {
            let list: Vec<_> = values.iter().map(|value| (header::AUTHORIZATION, *value)).collect();
            bearer(&headers(&list)).map(str::to_owned)
        };
        assert_eq!(token(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(token(&["bearer abc"]).as_deref(), Some("abc"));
        for wrong in [&["Basic abc"][..], &["Bearer "], &["Bearer a b"], &["Bearer"], &["Bearer a", "Bearer a"], &[]] {
            assert_eq!(token(wrong), None, "{wrong:?}");
        }
    }
}
