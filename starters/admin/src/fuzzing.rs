//! What reads bytes of strangers, with what must hold of each result. For fuzzing: it changes without notice.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use bedplate::ModuleName;
use bedplate_admin_client::protocol::{LARGEST_DOCUMENT, Operation};

use crate::document::{deployment, is_digest};
use crate::head::{Hosts, bearer, check_head, is_local_name, name_of};

/// A document is understood or refused, and what is understood says the same when it is written again.
///
/// # Panics
///
/// Where that does not hold.
pub fn document(bytes: &[u8]) {
    let request = match deployment(bytes) {
        Ok(request) => request,
        Err(refusal) => {
            assert!(!refusal.code.is_empty() && !refusal.what.is_empty() && !refusal.help.is_empty(), "{refusal:?}");
            return;
        }
    };
    assert!(bytes.len() <= LARGEST_DOCUMENT, "a document of {} bytes was read", bytes.len());
    if let Operation::Install { artifacts } = &request.operation {
        assert!(artifacts.iter().all(|artifact| is_digest(&artifact.digest)), "{artifacts:?}");
    }
    let modules = request.operation.modules();
    assert!(modules.iter().all(|module| ModuleName::new(module.as_str()).is_ok()), "{modules:?}");
    let again = serde_json::to_vec(&request).expect("a request that was read can be written");
    assert_eq!(deployment(&again).as_ref(), Ok(&request));
}

/// A head is let through only where it names this base, and comes from no page of another one.
///
/// # Panics
///
/// Where that does not hold.
pub fn request(bytes: &[u8]) {
    let headers = head(bytes);
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let named = "deploy.example.com";
    for (accepted, is_ours) in [
        (Hosts::Local, is_local_name as fn(&str) -> bool),
        (Hosts::Named(vec![named.to_owned()]), |name: &str| {
            name.eq_ignore_ascii_case("deploy.example.com") || name.parse::<std::net::IpAddr>().is_ok()
        }),
    ] {
        if check_head(&headers, &accepted).is_ok() {
            let [host] = hosts.as_slice() else { panic!("{} hosts were let through", hosts.len()) };
            let host = host.to_str().expect("a host that was let through is text");
            assert!(is_ours(name_of(host)), "{host} was let through");
            let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().collect();
            let is_own = |origin: &&HeaderValue| {
                origin.to_str().is_ok_and(|origin| {
                    origin.to_ascii_lowercase().ends_with(&format!("://{}", host.to_ascii_lowercase()))
                })
            };
            assert!(origins.len() <= 1 && origins.iter().all(is_own), "{origins:?} were let through");
        }
    }
    if let Some(token) = bearer(&headers) {
        assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()), "{token:?} is no token");
        assert_eq!(headers.get_all(header::AUTHORIZATION).iter().count(), 1);
    }
}

/// The lines that are headers, as the parser of HTTP gives them on: names and values of allowed bytes.
fn head(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        let value = value.trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// A file is an object of bedplate, or all that keeps it from being one is said.
///
/// # Panics
///
/// Where that does not hold.
pub fn object(bytes: &[u8]) {
    match bedplate::deploy::image::inspect(bytes) {
        Ok(file) => {
            assert!(!file.label().crate_name.is_empty() || file.label().module.is_some(), "an object without a name");
        }
        Err(flaws) => assert!(!flaws.is_empty(), "a file was refused without a reason"),
    }
}
