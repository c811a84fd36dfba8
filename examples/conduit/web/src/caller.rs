//! Who is calling: extractors for the token of a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use identity_contract::{Identity, UserId};

use crate::ConduitError;

/// A module whose handlers ask who is calling.
pub trait Authenticates: Send + Sync + 'static {
    /// Who knows: usually the module's reference to the contract.
    fn identity(&self) -> &dyn Identity;
}

/// The user who is calling. Without a good token the request is a 401.
///
/// It is the first argument after the state: authorization is checked before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller(pub UserId);

/// The user who is looking, if they say so: `None` without a token. A token that is no good is a
/// 401, so that a client whose token has expired hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewer(pub Option<UserId>);

impl<M: Authenticates> FromRequestParts<Arc<M>> for Caller {
    type Rejection = ConduitError;

    async fn from_request_parts(parts: &mut Parts, module: &Arc<M>) -> Result<Self, ConduitError> {
        let Viewer(viewer) = Viewer::from_request_parts(parts, module).await?;
        viewer.map(Self).ok_or_else(ConduitError::no_token)
    }
}

impl<M: Authenticates> FromRequestParts<Arc<M>> for Viewer {
    type Rejection = ConduitError;

    async fn from_request_parts(parts: &mut Parts, module: &Arc<M>) -> Result<Self, ConduitError> {
        let Some(token) = token(parts)? else { return Ok(Self(None)) };
        let user = module.identity().authenticate(token.to_owned()).await?;
        user.map(|user| Self(Some(user))).ok_or_else(ConduitError::no_token)
    }
}

impl Viewer {
    /// What was extracted, with a token that is no good taken for none: for what is answered to
    /// everybody.
    ///
    /// # Errors
    ///
    /// Where nobody could say whether the token is good.
    pub fn or_nobody(extracted: Result<Self, ConduitError>) -> Result<Self, ConduitError> {
        match extracted {
            Err(error) if error == ConduitError::no_token() => Ok(Self(None)),
            other => other,
        }
    }
}

/// The token in `Authorization: Token <jwt>`. Another scheme is none of ours.
fn token(parts: &Parts) -> Result<Option<&str>, ConduitError> {
    let Some(header) = parts.headers.get(AUTHORIZATION) else { return Ok(None) };
    let header = header.to_str().map_err(|_| ConduitError::no_token())?;
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("token") => Ok(Some(token.trim())),
        _ if header.eq_ignore_ascii_case("token") => Err(ConduitError::no_token()),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use conduit_types::Failure;
    use identity_contract::User;

    use super::*;

    /// Knows one token.
    struct Door;

    #[bedplate::service]
    impl Identity for Door {
        async fn authenticate(&self, token: String) -> Result<Option<UserId>, Failure> {
            Ok((token == "good").then_some(UserId(7)))
        }
        async fn user_named(&self, _: String) -> Result<Option<User>, Failure> {
            Ok(None)
        }
        async fn users(&self, _: Vec<UserId>) -> Result<Vec<User>, Failure> {
            Ok(Vec::new())
        }
    }

    impl Authenticates for Door {
        fn identity(&self) -> &dyn Identity {
            self
        }
    }

    async fn viewer(authorization: Option<&str>) -> Result<Viewer, ConduitError> {
        let request =
            authorization.iter().fold(Request::builder(), |request, value| request.header(AUTHORIZATION, *value));
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        Viewer::from_request_parts(&mut parts, &Arc::new(Door)).await
    }

    #[tokio::test]
    async fn a_good_token_says_who_is_looking() {
        for header in ["Token good", "token  good"] {
            assert_eq!(viewer(Some(header)).await, Ok(Viewer(Some(UserId(7)))), "{header}");
        }
    }

    #[tokio::test]
    async fn no_token_is_nobody() {
        for header in [None, Some("Bearer good"), Some("Basic Z29vZA=="), Some("")] {
            assert_eq!(viewer(header).await, Ok(Viewer(None)), "{header:?}");
        }
    }

    #[tokio::test]
    async fn a_bad_token_is_a_401() {
        for header in ["Token bad", "Token ", "Token", "Token good good"] {
            assert_eq!(viewer(Some(header)).await, Err(ConduitError::no_token()), "{header}");
            assert_eq!(Viewer::or_nobody(viewer(Some(header)).await), Ok(Viewer(None)));
        }
    }

    #[tokio::test]
    async fn who_must_say_who_they_are_has_a_token() {
        let (mut parts, ()) = Request::new(()).into_parts();
        let caller = Caller::from_request_parts(&mut parts, &Arc::new(Door)).await;
        assert_eq!(caller, Err(ConduitError::no_token()));
    }
}
