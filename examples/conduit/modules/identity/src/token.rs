//! Tokens: JSON web tokens that say which user is calling.

use std::time::Duration;

use bedplate::Result;
use conduit_types::Timestamp;
use identity_contract::UserId;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

/// Signs tokens, and reads them back.
pub(crate) struct Tokens {
    signing: EncodingKey,
    reading: DecodingKey,
    lifetime: Duration,
    validation: Validation,
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The user's number.
    sub: String,
    /// When it was signed, in seconds since 1970.
    iat: u64,
    /// When it is no good any more, in seconds since 1970.
    exp: u64,
}

impl Tokens {
    pub(crate) fn new(secret: &[u8], lifetime: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The clock that reads is the clock that signed.
        validation.leeway = 0;
        Self {
            signing: EncodingKey::from_secret(secret),
            reading: DecodingKey::from_secret(secret),
            lifetime,
            validation,
        }
    }

    /// A token for this user, from now on.
    pub(crate) fn issue(&self, user: UserId) -> Result<String> {
        let now = u64::try_from(Timestamp::now().as_milliseconds() / 1000)?;
        let exp = now.saturating_add(self.lifetime.as_secs());
        let claims = Claims { sub: user.0.to_string(), iat: now, exp };
        Ok(encode(&Header::new(Algorithm::HS256), &claims, &self.signing)?)
    }

    /// The user that a token was signed for, unless it is forged or has expired.
    pub(crate) fn read(&self, token: &str) -> Option<UserId> {
        let claims = decode::<Claims>(token, &self.reading, &self.validation).ok()?.claims;
        claims.sub.parse().ok().map(UserId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret for tests, 32 bytes long";
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn what_was_signed_is_read() {
        let tokens = Tokens::new(SECRET, HOUR);
        let token = tokens.issue(UserId(42)).unwrap();
        assert_eq!(tokens.read(&token), Some(UserId(42)));
    }

    #[test]
    fn what_was_not_signed_here_is_no_good() {
        let tokens = Tokens::new(SECRET, HOUR);
        let foreign = Tokens::new(b"another secret, and as long as it", HOUR).issue(UserId(42)).unwrap();
        let token = tokens.issue(UserId(42)).unwrap();
        let (body, signature) = token.rsplit_once('.').unwrap();
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiIsImlhdCI6MCwiZXhwIjo5OTk5OTk5OTk5fQ.";
        for bad in [foreign.as_str(), &format!("{body}x.{signature}"), unsigned, "", "a.b.c", "nonsense"] {
            assert_eq!(tokens.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_has_expired_is_no_good() {
        let tokens = Tokens::new(SECRET, HOUR);
        let claims = Claims { sub: "42".to_owned(), iat: 1_000, exp: 2_000 };
        let expired = encode(&Header::new(Algorithm::HS256), &claims, &tokens.signing).unwrap();
        assert_eq!(tokens.read(&expired), None);
    }
}
