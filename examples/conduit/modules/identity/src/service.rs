//! What identity answers to other modules.

use conduit_types::Failure;
use conduit_web::Authenticates;
use identity_contract::{Identity, User, UserId};

use crate::{IdentityModule, store};

#[bedplate::scene_service]
impl Identity for IdentityModule {
    async fn authenticate(&self, token: String) -> Result<Option<UserId>, Failure> {
        let Some(user) = self.keys().tokens.read(&token) else { return Ok(None) };
        Ok(store::exists(&self.db, user).await?.then_some(user))
    }

    async fn user_named(&self, username: String) -> Result<Option<User>, Failure> {
        Ok(store::user_named(&self.db, &username).await?)
    }

    async fn users(&self, ids: Vec<UserId>) -> Result<Vec<User>, Failure> {
        Ok(store::users(&self.db, &ids).await?)
    }
}

impl Authenticates for IdentityModule {
    fn identity(&self) -> &dyn Identity {
        self
    }
}
