//! A base on another machine: TLS, and a token with each request.

use std::fmt;
use std::io;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{ClientError, at};

/// A base on another machine.
#[derive(Clone)]
pub struct Remote {
    /// `host:port`.
    address: String,
    name: ServerName<'static>,
    host: HeaderValue,
    authorization: HeaderValue,
    connector: TlsConnector,
}

impl Remote {
    /// The base at `address` (`deploy.example.com:9443`), asked with `token`. Its certificate must be signed by
    /// one of those in `trusted`, in PEM, or be one of them.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] where one of them cannot be used.
    pub fn new(address: &str, token: &str, trusted: &[u8]) -> Result<Self, ClientError> {
        let refused = |what: String, help: &str| {
            ClientError::Refused(at("invalid-remote", what, ("the base's address", address.to_owned()), help))
        };
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host)
            .map_err(|error| refused(format!("it is no name of a host: {error}"), "write `host:port`"))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(trusted) {
            let certificate = certificate.map_err(|error| error.to_string());
            certificate.and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string())).map_err(
                |error| refused(format!("a trusted certificate cannot be read: {error}"), "name a PEM file"),
            )?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(error.to_string(), "use another build of this program"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| refused("the token has characters that no token has".to_owned(), "copy it again"))?;
        authorization.set_sensitive(true);
        let host =
            HeaderValue::from_str(address).map_err(|_| refused("it is no address".to_owned(), "write `host:port`"))?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { address: address.to_owned(), name, host, authorization, connector })
    }

    pub(crate) async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(&self.address).await?;
        self.connector.connect(self.name.clone(), stream).await
    }

    pub(crate) fn identify(&self, headers: &mut HeaderMap) {
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.address)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("address", &self.address).finish_non_exhaustive()
    }
}
