//! The contract of profiles: users as others see them, and who follows whom.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use conduit_types::Failure;
use identity_contract::UserId;
use serde::{Deserialize, Serialize};

/// A user as another one sees them. Serializes to the profile of the public interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The user's name.
    pub username: String,
    /// What the user says about themselves.
    pub bio: Option<String>,
    /// The address of a picture.
    pub image: Option<String>,
    /// Whether the viewer follows the user.
    pub following: bool,
}

/// Users as others see them, and who follows whom.
#[bedplate::service]
pub trait Profiles {
    /// The profiles of these users as `viewer` sees them: all of a page's authors in one call. Who
    /// is not there is left out.
    async fn profiles(&self, users: Vec<UserId>, viewer: Option<UserId>) -> Result<BTreeMap<UserId, Profile>, Failure>;

    /// The users whom this one follows, in no order.
    async fn followed_by(&self, follower: UserId) -> Result<Vec<UserId>, Failure>;
}
