//! The settings of identity: how long tokens last, what a password costs.

use std::time::Duration;

use bedplate::{ByteSize, Secret, Settings};

/// HMAC with SHA-256 wants a key as long as its output.
const SHORTEST_SECRET: usize = 32;

/// `[modules.identity]`: tokens and passwords.
#[derive(Debug, Settings)]
#[setting(check = "IdentitySettings::check")]
pub(crate) struct IdentitySettings {
    /// How long a token is good for.
    #[setting(default = Duration::from_hours(7 * 24))]
    pub(crate) token_lifetime: Duration,
    /// What tokens are signed with: 32 bytes at least. Without one, a random secret is made at the
    /// first start, and kept in the module's database. Bases that share tokens share it.
    pub(crate) token_secret: Option<Secret<String>>,
    /// What the hash of a password costs: one, and whoever tries to guess.
    #[setting(nested)]
    pub(crate) password: PasswordSettings,
}

/// `[modules.identity.password]`: the cost of a password's hash (Argon2id).
#[derive(Debug, Clone, Copy, Settings)]
pub(crate) struct PasswordSettings {
    /// The memory that one hash fills.
    #[setting(default = "19MiB")]
    pub(crate) memory: ByteSize,
    /// How often it is filled.
    #[setting(default = 2, range = 1..=100)]
    pub(crate) rounds: u32,
    /// How many hashes are computed at once; more wait for their turn.
    #[setting(default = 4, range = 1..=256)]
    pub(crate) at_once: usize,
}

impl IdentitySettings {
    fn check(&self) -> Result<(), String> {
        let short = self.token_secret.as_ref().is_some_and(|secret| secret.expose().len() < SHORTEST_SECRET);
        let short = short.then(|| {
            format!("`token_secret` is shorter than {SHORTEST_SECRET} bytes: `openssl rand -hex 32` makes a good one")
        });
        let costly = self.password.params().err().map(|error| format!("`password` will not do: {error}"));
        let faults: Vec<_> = short.into_iter().chain(costly).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }
}
