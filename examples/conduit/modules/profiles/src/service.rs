//! What profiles answer to other modules.

use std::collections::{BTreeMap, BTreeSet};

use conduit_types::Failure;
use conduit_web::Authenticates;
use identity_contract::{Identity, User, UserId};
use profiles_contract::{Profile, Profiles};

use crate::{ProfilesModule, store};

#[bedplate::scene_service]
impl Profiles for ProfilesModule {
    async fn profiles(&self, users: Vec<UserId>, viewer: Option<UserId>) -> Result<BTreeMap<UserId, Profile>, Failure> {
        let followed = match viewer {
            Some(viewer) => store::followed_among(&self.db, viewer, &users).await?,
            None => BTreeSet::new(),
        };
        let users = self.identity.users(users).await?;
        Ok(users.into_iter().map(|user| (user.id, profile(&followed, user))).collect())
    }

    async fn followed_by(&self, follower: UserId) -> Result<Vec<UserId>, Failure> {
        Ok(store::followed_by(&self.db, follower).await?)
    }
}

fn profile(followed: &BTreeSet<UserId>, user: User) -> Profile {
    let following = followed.contains(&user.id);
    let User { username, bio, image, .. } = user;
    Profile { username, bio, image, following }
}

impl ProfilesModule {
    /// One user's profile, as `viewer` sees it.
    pub(crate) async fn profile_of(&self, user: User, viewer: Option<UserId>) -> Result<Profile, Failure> {
        let followed = match viewer {
            Some(viewer) => store::followed_among(&self.db, viewer, &[user.id]).await?,
            None => BTreeSet::new(),
        };
        Ok(profile(&followed, user))
    }
}

impl Authenticates for ProfilesModule {
    fn identity(&self) -> &dyn Identity {
        &self.identity
    }
}
