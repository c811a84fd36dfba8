//! The contract of identity: who is calling, and who is who.

#![forbid(unsafe_code)]

use conduit_types::Failure;
use serde::{Deserialize, Serialize};

/// A user's number. It stays when the name changes, and is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

/// What everybody may know of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The number.
    pub id: UserId,
    /// The name: unique, and free to change.
    pub username: String,
    /// What the user says about themselves.
    pub bio: Option<String>,
    /// The address of a picture.
    pub image: Option<String>,
}

/// Who is calling, and who is who.
#[bedplate::service]
pub trait Identity {
    /// The user that a token was made out for; `None` where the token is no good: forged, expired,
    /// or of a user who is not there.
    async fn authenticate(&self, token: String) -> Result<Option<UserId>, Failure>;

    /// The user of this name.
    async fn user_named(&self, username: String) -> Result<Option<User>, Failure>;

    /// The users of these numbers, in no order. Who is not there is left out.
    async fn users(&self, ids: Vec<UserId>) -> Result<Vec<User>, Failure>;
}
