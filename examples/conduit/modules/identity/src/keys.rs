//! What identity signs and hashes with, made at its start.

use bedplate::Result;
use sqlx::SqlitePool;
use uuid::Uuid;

use crate::password::Passwords;
use crate::settings::IdentitySettings;
use crate::store;
use crate::token::Tokens;

/// The tools of the module.
pub(crate) struct Keys {
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
}

impl Keys {
    /// Takes the secret from the settings, else from the database, else makes one.
    pub(crate) async fn load(db: &SqlitePool, settings: &IdentitySettings) -> Result<Self> {
        let secret = match &settings.token_secret {
            Some(secret) => secret.expose().clone(),
            None => kept_secret(db).await?,
        };
        Ok(Self {
            tokens: Tokens::new(secret.as_bytes(), settings.token_lifetime),
            passwords: Passwords::new(settings.password)?,
        })
    }
}

async fn kept_secret(db: &SqlitePool) -> Result<String> {
    // Two random UUIDs: 244 bits that the system's generator gave.
    let fresh = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let kept = store::keep_secret(db, &fresh).await?;
    if kept == fresh {
        tracing::info!(
            "no `modules.identity.token_secret` is set: a random one was made, and is kept in the module's database"
        );
    } else {
        tracing::debug!("tokens are signed with the secret that is kept in the module's database");
    }
    Ok(kept)
}
