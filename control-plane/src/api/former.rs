//! Requests of the former systems, which name the company in their body: `companyId`, by an id or by its slug. Who may not act
//! for it is answered as if it were not there.

use super::{
    body::{self, Body, Check},
    caller::caller_of,
    need::Need,
    once::Once,
    op::{NamedInBody, Op},
};
use crate::{problem::Problem, shared::Shared};
use axum::extract::{FromRequest, FromRequestParts, Request};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The names that the company has in bodies.
const COMPANY: [&str; 4] = ["companyId", "organizationId", "orgId", "company"];

/// An operation and its body, which may name the tenant that it is for.
pub(crate) struct Former<N, T> {
    pub(crate) op: Op<N>,
    pub(crate) body: Body<T>,
}

impl<N: Need, T: DeserializeOwned + Check> FromRequest<Arc<Shared>> for Former<N, T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // Nobody's body is read before it is known who sends it.
        caller_of(&parts, shared).await?;
        let (mut parts, bytes) = body::read(Request::from_parts(parts, body), shared).await?;
        // What cannot be read names nobody; what is wrong with it is said to those who may ask.
        let fields = body::parse::<Map<String, Value>>(&bytes).unwrap_or_default();
        if let Some(Value::String(company)) = COMPANY.iter().find_map(|name| fields.get(*name)) {
            parts.extensions.insert(NamedInBody(company.clone()));
        }
        let op = Op::from_request_parts(&mut parts, shared).await?;
        body::check_type(&parts)?;
        let value = body::parse(&bytes)?;
        body::checked(&value)?;
        Ok(Self { op, body: Body { value, once: Once::of(&parts, &bytes)? } })
    }
}
