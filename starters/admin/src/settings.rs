//! The settings of the starter.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bedplate::settings::{ByteSize, Secret, Settings};
use serde::Deserialize;

/// `[starters.admin]`: where health, readiness and what runs can be asked for, and where the base is operated.
#[derive(Debug, Clone, Settings)]
pub struct AdminSettings {
    /// The address of health, readiness and what runs. Nothing can be changed there, but whoever reaches it
    /// can see what runs: keep it on the loopback interface, or in a network that only operators reach.
    /// Port 0 takes any that is free.
    #[setting(default = "127.0.0.1:9090")]
    pub address: SocketAddr,
    /// Whether the base can be operated through `admin.sock` in its state folder (`deploy.folder`). The
    /// socket is for the user that the base runs as, and for root.
    #[setting(default = true)]
    pub socket: bool,
    /// The largest object that can be uploaded.
    #[setting(default = "256MiB")]
    pub upload_limit: ByteSize,
    /// How long a client may take for a request's head, or for the next piece of its body.
    #[setting(default = Duration::from_secs(10))]
    pub patience: Duration,
    /// How long an answer may wait for news of a deployment, or of the log. A client asks again.
    #[setting(default = Duration::from_secs(25), range = Duration::from_millis(1)..=Duration::from_secs(30))]
    pub news: Duration,
    /// Operating the base from other machines; from none where this is absent.
    #[setting(nested)]
    pub remote: Option<RemoteSettings>,
}

/// `[starters.admin.remote]`: operating the base from other machines, over TLS, with tokens.
///
/// Loading code is code execution: every object that arrives here must be signed by one of `deploy.trusted_keys`.
#[derive(Debug, Clone, Settings)]
pub struct RemoteSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The file with the certificate chain, in PEM.
    pub certificate: PathBuf,
    /// The file with the certificate's private key, in PEM.
    pub key: PathBuf,
    /// The names under which clients may ask for this base, beside its addresses.
    #[setting(default = Vec::new())]
    pub hosts: Vec<String>,
    /// Who may do what.
    pub tokens: Vec<TokenSettings>,
}

/// One token: `{ name = "ci", sha256 = "…", may = ["read", "install:comments"] }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Its name, which the history shows.
    pub name: String,
    /// The SHA-256 of the token, in hexadecimal: what is in the settings does not open the door.
    pub sha256: Option<String>,
    /// The token itself, instead of its hash.
    pub secret: Option<Secret<String>>,
    /// What it may do: `operation` or `operation:module`, where either may be `*`. The operations are `read`,
    /// `install`, `redeploy`, `rollback`, `uninstall`, `settings` and `snapshot`.
    pub may: Vec<String>,
}
