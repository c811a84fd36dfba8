//! Operating the base from other machines: TLS, and a token with each request.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bedplate::{Result, StarterContext};
use bedplate_admin_client::protocol::Refusal;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::api::Refused;
use crate::caller::{Arrival, Caller, Permissions};
use crate::document::is_digest;
use crate::head::bearer;
use crate::serve::{Accept, Connections};
use crate::settings::{AdminSettings, RemoteSettings, TokenSettings};

/// The shortest token, in characters: below that somebody guesses it.
const SHORTEST_TOKEN: usize = 24;

/// Listens for other machines.
pub(crate) struct RemoteListener {
    listener: TcpListener,
    address: SocketAddr,
    acceptor: TlsAcceptor,
}

impl RemoteListener {
    pub(crate) async fn bind(ctx: &StarterContext, settings: &RemoteSettings) -> Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(tls(ctx, settings)?));
        let address = settings.listen;
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|error| ctx.cannot_listen::<AdminSettings>("remote.listen", address, &error))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, acceptor })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until the base ends. A client may take `patience` to agree on keys.
    pub(crate) async fn accept(self, connections: Connections, patience: Duration) {
        while let Some((stream, room)) = connections.next(&self.listener).await {
            let (connections, acceptor) = (connections.clone(), self.acceptor.clone());
            connections.clone().spawn(async move {
                match connections.unless_ended(timeout(patience, acceptor.accept(stream))).await {
                    Some(Ok(Ok(stream))) => connections.serve(stream, None).await,
                    Some(Ok(Err(error))) => tracing::debug!(target: "bedplate::admin", "no TLS with a client: {error}"),
                    Some(Err(_)) => {
                        tracing::debug!(target: "bedplate::admin", "a client took too long to agree on keys");
                    }
                    None => {}
                }
                drop(room);
            });
        }
    }
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

fn tls(ctx: &StarterContext, settings: &RemoteSettings) -> Result<ServerConfig> {
    let chain = read(ctx, &settings.certificate, "certificate", |pem| {
        CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()
    })?;
    if chain.is_empty() {
        bail!("`starters.admin.remote.certificate`: {} holds no certificate in PEM", settings.certificate.display());
    }
    let key = read(ctx, &settings.key, "key", PrivateKeyDer::from_pem_slice)?;
    let path = ctx.resolve_path(&settings.key);
    if std::fs::metadata(&path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
        tracing::warn!(
            target: "bedplate::admin",
            "other users of this machine can read the private key {}: `chmod 600` it", path.display()
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("`starters.admin.remote`: `certificate` and `key` do not belong together")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read<T>(
    ctx: &StarterContext,
    path: &Path,
    key: &str,
    parse: impl Fn(&[u8]) -> Result<T, rustls::pki_types::pem::Error>,
) -> Result<T> {
    let path = ctx.resolve_path(path);
    let text = std::fs::read(&path)
        .with_context(|| format!("`starters.admin.remote.{key}`: {} cannot be read", path.display()))?;
    parse(&text)
        .with_context(|| format!("`starters.admin.remote.{key}`: {} is no PEM file of that kind", path.display()))
}

/// Asks for a token before anything else.
pub(crate) fn router(api: Router, settings: &RemoteSettings) -> Result<Router> {
    let tokens = Tokens::read(&settings.tokens)?;
    Ok(api.layer(from_fn_with_state(Arc::new(tokens), authenticate)))
}

async fn authenticate(State(tokens): State<Arc<Tokens>>, mut request: Request, next: Next) -> Response {
    let Some(token) = bearer(request.headers()) else {
        return refused("no-token", "the request carries no token", "send `authorization: Bearer <token>`");
    };
    let Some(caller) = tokens.caller(token) else {
        tracing::warn!(target: "bedplate::admin", "a request with an unknown token was turned away");
        return refused("unknown-token", "the base does not know this token", "ask the base's owner for one");
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn refused(code: &'static str, what: &'static str, help: &'static str) -> Response {
    let mut answer = Refused::from((StatusCode::UNAUTHORIZED, Refusal::new(code, what, help))).into_response();
    let scheme = axum::http::HeaderValue::from_static("Bearer");
    answer.headers_mut().insert(axum::http::header::WWW_AUTHENTICATE, scheme);
    answer
}

/// Who may ask, by the hashes of their tokens.
struct Tokens {
    list: Vec<([u8; 32], Caller)>,
}

impl Tokens {
    fn read(settings: &[TokenSettings]) -> Result<Self> {
        if settings.is_empty() {
            bail!("`starters.admin.remote.tokens` is empty: nobody could ask. Add a token, or take the section out");
        }
        let list = settings.iter().map(|token| {
            token_of(token).with_context(|| format!("`starters.admin.remote.tokens`: the token `{}`", token.name))
        });
        let list: Vec<_> = list.collect::<Result<_>>()?;
        for (index, token) in settings.iter().enumerate() {
            if settings[..index].iter().any(|other| other.name == token.name) {
                bail!(
                    "`starters.admin.remote.tokens`: there are two tokens `{}`, and the history could not tell them apart",
                    token.name
                );
            }
            if let Some(other) = list[..index].iter().position(|(hash, _)| *hash == list[index].0) {
                bail!(
                    "`starters.admin.remote.tokens`: `{}` and `{}` are the same token, and it could not be said what \
                     it may: give each a token of its own",
                    settings[other].name,
                    token.name
                );
            }
        }
        Ok(Self { list })
    }

    /// Whose token this is. Takes as long for one that is wrong as for one that is right, whichever it is.
    fn caller(&self, token: &str) -> Option<Caller> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut found = u32::MAX;
        for (index, (own, _)) in (0..).zip(&self.list) {
            let equal: Choice = own.ct_eq(&hash);
            found.conditional_assign(&index, equal);
        }
        usize::try_from(found).ok().and_then(|index| self.list.get(index)).map(|(_, caller)| caller.clone())
    }
}

fn token_of(token: &TokenSettings) -> Result<([u8; 32], Caller)> {
    let hash = match (&token.sha256, &token.secret) {
        (Some(hash), None) => read_hash(hash).context("`sha256` has 64 hexadecimal digits, in lower case")?,
        (None, Some(secret)) if secret.expose().len() >= SHORTEST_TOKEN => {
            Sha256::digest(secret.expose().as_bytes()).into()
        }
        (None, Some(_)) => bail!("`secret` has less than {SHORTEST_TOKEN} characters"),
        _ => bail!("it has either `sha256` or `secret`"),
    };
    let may = token.may.iter().map(|text| text.parse().map_err(anyhow::Error::msg));
    let may = Permissions::Listed(may.collect::<Result<Vec<_>>>()?.into());
    Ok((hash, Caller { who: format!("token {}", token.name), arrival: Arrival::Network, may }))
}

fn read_hash(text: &str) -> Option<[u8; 32]> {
    if !is_digest(text) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use bedplate::Secret;

    use super::*;
    use crate::caller::Action;

    const TOKEN: &str = "a-token-that-is-long-enough";

    fn token(name: &str, sha256: Option<&str>, secret: Option<&str>, may: &[&str]) -> TokenSettings {
        TokenSettings {
            name: name.to_owned(),
            sha256: sha256.map(str::to_owned),
            secret: secret.map(|secret| Secret::new(secret.to_owned())),
            may: may.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn a_token_is_known_by_its_hash_and_named_in_the_history() {
        // printf %s abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let tokens = Tokens::read(&[
            token("ci", Some(abc), None, &["read"]),
            token("anna", None, Some(TOKEN), &["install:comments"]),
        ])
        .unwrap();
        assert_eq!(tokens.caller("abc").unwrap().who, "token ci");
        let anna = tokens.caller(TOKEN).unwrap();
        assert_eq!((anna.who.as_str(), anna.arrival), ("token anna", Arrival::Network));
        assert!(anna.may.allow(Action::Install, Some("comments")) && !anna.may.allow(Action::Read, None));
        for wrong in ["", "ab", "abcd", abc] {
            assert!(tokens.caller(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn tokens_that_are_none_are_named() {
        for (wrong, part) in [
            (token("ci", None, Some("short"), &[]), "less than"),
            (token("ci", Some("AB"), None, &[]), "64 hexadecimal"),
            (token("ci", None, None, &[]), "either"),
            (token("ci", None, Some(TOKEN), &["fly"]), "`fly`"),
        ] {
            let error = format!("{:#}", Tokens::read(&[wrong]).err().unwrap());
            assert!(error.contains("`ci`") && error.contains(part), "{error}");
        }
        assert!(Tokens::read(&[]).is_err());
        let other = "another-token-that-is-long-enough";
        let twice = [token("ci", None, Some(TOKEN), &[]), token("ci", None, Some(other), &[])];
        assert!(Tokens::read(&twice).is_err());
        // Once as it is, and once by its hash.
        let hash: String = Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
        let same = [token("ci", Some(&hash), None, &["*"]), token("anna", None, Some(TOKEN), &["read"])];
        let error = format!("{:#}", Tokens::read(&same).err().unwrap());
        assert!(error.contains("`ci` and `anna` are the same token"), "{error}");
    }
}
