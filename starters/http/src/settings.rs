//! The settings of the starter, and those that a module has for it.

use std::net::SocketAddr;
use std::time::Duration;

use bedplate::settings::{ByteSize, Settings};

/// `[starters.http]`: where and how the base serves HTTP.
#[derive(Debug, Clone, Settings)]
#[setting(check = "HttpSettings::check")]
pub struct HttpSettings {
    /// The address that the base listens on. Port 0 takes any port that is free.
    #[setting(default = "127.0.0.1:8080")]
    pub address: SocketAddr,
    /// A path before the routes of all modules, such as `/api`.
    #[setting(default)]
    pub prefix: String,
    /// The largest body of a request; a larger one is answered with 413.
    #[setting(default = "2MB")]
    pub body_limit: ByteSize,
    /// How long a request may take until its response begins; then it is given up and answered with
    /// 504. `0s` for no limit.
    #[setting(default = "30s")]
    pub timeout: Duration,
    /// How long a connection may be without a request, and a request's head may take to arrive.
    #[setting(default = "75s")]
    pub idle_timeout: Duration,
    /// How long idle connections stay open when the base ends, so that a request that is on its way
    /// is still answered.
    #[setting(default = "250ms")]
    pub linger: Duration,
    /// Whether responses are compressed (gzip) for clients that accept it.
    #[setting(default = false)]
    pub compression: bool,
    /// Whether each request is logged, under the target `bedplate::access`.
    #[setting(default = true)]
    pub access_log: bool,
    /// Whether handlers can extract the client's address: `ConnectInfo<SocketAddr>`.
    #[setting(default = false)]
    pub peer_address: bool,
    /// What pages of other origins may do; nothing, where no origin is named.
    #[setting(nested)]
    pub cors: CorsSettings,
}

/// `[starters.http.cors]`: which pages of other origins may call the base.
#[derive(Debug, Clone, Settings)]
#[setting(check = "CorsSettings::check")]
pub struct CorsSettings {
    /// The origins that may, such as `https://example.com`; `*` for all.
    #[setting(default)]
    pub origins: Vec<String>,
    /// The methods that they may use.
    #[setting(default = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].map(String::from).to_vec())]
    pub methods: Vec<String>,
    /// The request headers that they may send; `*` for all.
    #[setting(default = ["authorization", "content-type", "x-request-id"].map(String::from).to_vec())]
    pub headers: Vec<String>,
    /// The response headers that they may read.
    #[setting(default = vec!["x-request-id".to_owned()])]
    pub expose: Vec<String>,
    /// Whether browsers send cookies along. Not together with `*`.
    #[setting(default = false)]
    pub credentials: bool,
    /// How long a browser may remember the answer.
    #[setting(default = "10m")]
    pub max_age: Duration,
}

/// `[modules.<module>.http]`: how the routes of one module are mounted.
#[derive(Debug, Clone, Default, Settings)]
#[setting(check = "MountSettings::check")]
pub struct MountSettings {
    /// A path before the module's routes, below that of the base.
    #[setting(default)]
    pub prefix: String,
    /// The largest body of a request to the module; by default `starters.http.body_limit`.
    pub body_limit: Option<ByteSize>,
    /// How long a request to the module may take; by default `starters.http.timeout`.
    pub timeout: Option<Duration>,
}

impl HttpSettings {
    fn check(&self) -> Result<(), String> {
        check_prefix(&self.prefix)
    }
}

impl MountSettings {
    fn check(&self) -> Result<(), String> {
        check_prefix(&self.prefix)
    }
}

impl CorsSettings {
    fn check(&self) -> Result<(), String> {
        let any = |list: &[String]| list.iter().any(|entry| entry == "*");
        if self.credentials && (any(&self.origins) || any(&self.headers)) {
            return Err("`credentials` and `*` do not go together: name the origins and headers".to_owned());
        }
        crate::stack::cors_layer(self).map(|_| ())
    }
}

/// Whether a path can stand before routes: empty, or `/a/b`.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), String> {
    let fault = if prefix.is_empty() {
        return Ok(());
    } else if !prefix.starts_with('/') {
        "it begins with `/`"
    } else if prefix.ends_with('/') {
        "it does not end with `/`; for the root leave it empty"
    } else if prefix.contains("//") {
        "no part of it is empty"
    } else if prefix.contains("{*")
        || prefix.contains(['?', '#', '*'])
        || prefix.split('/').any(|part| part.starts_with(':'))
    {
        "it has no wildcards; `{name}` captures one part of the path"
    } else if prefix.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        "it has no spaces"
    } else {
        return Ok(());
    };
    Err(format!("the prefix `{prefix}` is no path that routes can stand below: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::check_prefix;

    #[test]
    fn prefixes_that_can_be_mounted() {
        for prefix in ["", "/api", "/a/b", "/{tenant}", "/v1.2"] {
            assert_eq!(check_prefix(prefix), Ok(()), "{prefix}");
        }
    }

    #[test]
    fn prefixes_that_cannot() {
        for prefix in ["/", "api", "/api/", "/a//b", "/{*rest}", "/:id", "/a b", "/*"] {
            assert!(check_prefix(prefix).is_err(), "{prefix}");
        }
    }
}
