//! What a starter says when it cannot listen on the address that its settings give.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use crate::compose::{CompositionError, Place, Problem};
use crate::settings::{KeyPath, Known, Settings};
use crate::starter::StarterContext;

impl StarterContext {
    /// The error for an address that cannot be bound: names the address, the setting `key` of the starter
    /// (whose settings are of type `S`) with the place it comes from, and what to do.
    #[must_use]
    pub fn cannot_listen<S: Settings>(&self, key: &str, address: SocketAddr, error: &io::Error) -> CompositionError {
        let section = KeyPath::of(["starters", self.name()]);
        let key = section.join(key);
        let known = Known::new().section(section, S::schema());
        let row = self.base().settings().explain(&known).into_iter().find(|row| row.key == key);
        let at = row.map_or_else(|| "default".to_owned(), |row| row.origin.to_string());
        CompositionError::new("start", vec![problem(&key, at, address, error)])
    }
}

fn problem(key: &KeyPath, at: String, address: SocketAddr, error: &io::Error) -> Problem {
    let port = address.port();
    let another = format!("set `{key}` to another address; port 0 takes any that is free");
    let (code, what, help) = match error.kind() {
        ErrorKind::AddrInUse => (
            "address-in-use",
            format!("the address {address} is in use: another program listens there"),
            format!("end that program (`ss -ltnp 'sport = :{port}'` names it), or {another}"),
        ),
        ErrorKind::PermissionDenied => (
            "address-forbidden",
            format!("this process may not listen on {address}: {error}"),
            format!("ports below 1024 take a privilege; {another}"),
        ),
        ErrorKind::AddrNotAvailable => (
            "address-not-here",
            format!("the address {address} is none of this machine's: {error}"),
            format!("{another}; `0.0.0.0` stands for all of the machine's addresses"),
        ),
        _ => ("address-failed", format!("the base cannot listen on {address}: {error}"), another),
    };
    Problem { code, what, places: vec![Place { what: format!("setting `{key}`"), at }], help }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_address_names_setting_place_and_help() {
        let key = KeyPath::of(["starters", "http", "address"]);
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let error = io::Error::from(ErrorKind::AddrInUse);
        let text = problem(&key, "bedplate.toml:2:11".to_owned(), address, &error).to_string();
        for part in ["127.0.0.1:8080", "starters.http.address", "bedplate.toml:2:11", "sport = :8080", "port 0"] {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
    }
}
