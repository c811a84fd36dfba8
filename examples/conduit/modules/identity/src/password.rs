//! Passwords: hashed with Argon2id, away from the threads that serve, a few at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use bedplate::Result;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::settings::PasswordSettings;

/// The shortest new password, in characters.
pub(crate) const SHORTEST: usize = 8;
/// The longest password, in characters: longer ones are no safer.
pub(crate) const LONGEST: usize = 1024;

/// Hashes passwords and compares them.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    /// Each hash fills its memory: this bounds how much of it is filled at once.
    turns: Arc<Semaphore>,
}

impl PasswordSettings {
    pub(crate) fn params(self) -> Result<Params, argon2::Error> {
        let kibibytes = u32::try_from(self.memory.bytes() / 1024).unwrap_or(u32::MAX);
        Params::new(kibibytes, self.rounds, Params::DEFAULT_P_COST, None)
    }
}

impl Passwords {
    pub(crate) fn new(settings: PasswordSettings) -> Result<Self> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, settings.params()?);
        Ok(Self { argon2, turns: Arc::new(Semaphore::new(settings.at_once)) })
    }

    /// The hash of a password, with a salt of its own.
    pub(crate) async fn hash(&self, password: String) -> Result<String> {
        self.take_turn(move |argon2| {
            let hash: PasswordHash = argon2.hash_password(password.as_bytes())?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether this is the password of the hash. Where there is no hash it is not, and takes as
    /// long to find out: an answer's time does not tell who has an account.
    pub(crate) async fn matches(&self, password: String, hash: Option<String>) -> Result<bool> {
        let Some(hash) = hash else {
            self.hash(password).await?;
            return Ok(false);
        };
        self.take_turn(move |argon2| {
            let hash = PasswordHash::new(&hash)?;
            Ok(argon2.verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn take_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turns.clone().acquire_owned().await?;
        let argon2 = self.argon2.clone();
        spawn_blocking(move || {
            // Held until the hash is done, even where nobody waits for it any more.
            let _turn = turn;
            work(&argon2)
        })
        .await?
    }
}

/// What is wrong with a new password, if anything is.
pub(crate) fn objection(password: &str) -> Option<String> {
    match password.chars().count() {
        length if length < SHORTEST => Some(format!("is too short (minimum is {SHORTEST} characters)")),
        length if length > LONGEST => Some(format!("is too long (maximum is {LONGEST} characters)")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bedplate::ByteSize;

    use super::*;

    fn cheap() -> Passwords {
        Passwords::new(PasswordSettings { memory: ByteSize::new(64 * 1024), rounds: 1, at_once: 1 }).unwrap()
    }

    #[tokio::test]
    async fn a_password_matches_its_hash_alone() {
        let passwords = cheap();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(passwords.matches("correct horse".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches("wrong horse".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches("correct horse".to_owned(), None).await.unwrap());
        assert_ne!(hash, passwords.hash("correct horse".to_owned()).await.unwrap(), "a salt is used once");
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(objection("1234567").is_some_and(|text| text.contains("too short")));
        assert_eq!(objection("äöüäöüäö"), None);
        assert_eq!(objection(&"x".repeat(64)), None);
        assert_eq!(objection("        "), None);
        assert!(objection(&"x".repeat(LONGEST + 1)).is_some_and(|text| text.contains("too long")));
    }
}
