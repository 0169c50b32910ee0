//! What a path names. What is no id of the kind that stands there is not there.

use crate::problem::{Code, Problem};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use messaging::Channel;
use store::Id;

/// The id in the path's `{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathId<I>(pub(crate) I);

impl<S: Send + Sync, I: Id> FromRequestParts<S> for PathId<I> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::new(Code::NotFound, "there is nothing with this id");
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| missing())?;
        let id = params.iter().find(|(name, _)| *name == "id").map(|(_, id)| id);
        id.and_then(|id| I::parse(id).ok()).map(Self).ok_or_else(missing)
    }
}

/// The name in the path's `{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretName(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for SecretName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::not_found("secret");
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| missing())?;
        let name = params.iter().find(|(name, _)| *name == "name").map(|(_, name)| name.to_owned());
        name.map(Self).ok_or_else(missing)
    }
}

/// The channel in the path's `{channel}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelName(pub(crate) Channel);

impl<S: Send + Sync> FromRequestParts<S> for ChannelName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::not_found("channel");
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| missing())?;
        let name = params.iter().find(|(name, _)| *name == "channel").map(|(_, name)| name);
        name.and_then(|name| name.parse().ok()).map(Self).ok_or_else(missing)
    }
}
