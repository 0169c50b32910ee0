//! How often a tenant may ask, by what it costs: one tenant's haste must not slow another. The decider is a value that
//! is told the time (the generic cell rate algorithm: one instant per tenant and cost); what is left stands in the
//! answer's headers as draft-ietf-httpapi-ratelimit-headers has it.

use crate::{
    problem::{Code, Problem},
    settings::{RateLimit, RateLimits},
    shared::Shared,
};
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, request::Parts},
    middleware::Next,
    response::Response,
};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::Instant;

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cost {
    /// It reads.
    Read,
    /// It writes.
    Write,
    /// It costs money, or goes out to a provider.
    Spend,
}

impl Cost {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Spend => "spend",
        }
    }

    const fn limit(self, limits: &RateLimits) -> RateLimit {
        match self {
            Self::Read => limits.read,
            Self::Write => limits.write,
            Self::Spend => limits.spend,
        }
    }
}

/// Decides whether a request is served now.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    /// When all that was asked so far would have been due, had it come at an even pace.
    due: HashMap<(String, Cost), Instant>,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Requests that would be served now.
    pub(crate) requests: u32,
    /// Until all of them would be again.
    pub(crate) full_in: Duration,
}

impl Limiter {
    /// Serves a request, or says how long it must wait.
    pub(crate) fn admit(
        &mut self,
        who: &str,
        cost: Cost,
        limit: RateLimit,
        now: Instant,
    ) -> Result<Left, Duration> {
        let pace = limit.window / limit.requests.max(1);
        let due = self.due.entry((who.to_owned(), cost)).or_insert(now);
        let next = (*due).max(now) + pace;
        let ahead = next - now;
        if ahead > limit.window {
            return Err(ahead - limit.window);
        }
        *due = next;
        let left = (limit.window - ahead).as_nanos() / pace.as_nanos().max(1);
        Ok(Left { requests: u32::try_from(left).unwrap_or(u32::MAX), full_in: ahead })
    }

    /// Forgets those who have all of their limit again.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.due.retain(|_, due| *due > now);
    }
}

/// A request's place in its tenant's limits, for the answer's headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<OnceLock<Spent>>);

#[derive(Clone, Copy, Debug)]
struct Spent {
    cost: Cost,
    limit: RateLimit,
    left: Left,
}

impl Budget {
    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// Takes one request off the limit of `who`.
    pub(crate) fn spend(&self, shared: &Shared, who: &str, cost: Cost) -> Result<(), Problem> {
        let limit = cost.limit(&shared.limits.rate);
        let admitted = shared.rate.lock().admit(who, cost, limit, Instant::now());
        let (left, refused) = match admitted {
            Ok(left) => (left, None),
            Err(wait) => (Left { requests: 0, full_in: limit.window }, Some(wait)),
        };
        // Only the first cost of a request is shown; there is no second.
        self.0.get_or_init(|| Spent { cost, limit, left });
        match refused {
            None => Ok(()),
            Some(wait) => {
                let detail = format!(
                    "at most {} requests of the kind {} in {} s are served",
                    limit.requests,
                    cost.as_str(),
                    limit.window.as_secs()
                );
                Err(Problem::new(Code::RateLimited, detail).retry_after(wait))
            }
        }
    }

    fn show(&self, headers: &mut HeaderMap) {
        let Some(Spent { cost, limit, left }) = self.0.get() else { return };
        let policy = format!("\"{}\";q={};w={}", cost.as_str(), limit.requests, limit.window.as_secs());
        let state =
            format!("\"{}\";r={};t={}", cost.as_str(), left.requests, left.full_in.as_secs_f64().ceil());
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Shows in each answer what is left of its limit.
pub(crate) async fn with_rate_limit(mut request: Request, next: Next) -> Response {
    let budget = Budget::default();
    request.extensions_mut().insert(budget.clone());
    let mut response = next.run(request).await;
    budget.show(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: RateLimit = RateLimit { requests: 10, window: Duration::from_secs(10) };

    #[test]
    fn a_burst_is_served_and_then_one_at_a_time() {
        let mut limiter = Limiter::default();
        let start = Instant::now();
        let left: Vec<_> =
            (0..10).map(|_| limiter.admit("a", Cost::Read, LIMIT, start).unwrap().requests).collect();
        assert_eq!(left, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(limiter.admit("a", Cost::Read, LIMIT, start), Err(Duration::from_secs(1)));
        assert!(limiter.admit("a", Cost::Write, LIMIT, start).is_ok(), "another cost has its own limit");
        assert!(limiter.admit("b", Cost::Read, LIMIT, start).is_ok(), "another tenant has its own limit");
        let later = start + Duration::from_secs(1);
        assert_eq!(limiter.admit("a", Cost::Read, LIMIT, later).unwrap().requests, 0);
        assert!(limiter.admit("a", Cost::Read, LIMIT, later).is_err());
    }

    #[test]
    fn nothing_is_remembered_of_those_who_have_not_asked_for_long() {
        let mut limiter = Limiter::default();
        let start = Instant::now();
        limiter.admit("a", Cost::Read, LIMIT, start).unwrap();
        limiter.sweep(start);
        assert_eq!(limiter.due.len(), 1);
        limiter.sweep(start + LIMIT.window);
        assert!(limiter.due.is_empty());
    }

    proptest! {
        #[test]
        fn no_window_serves_more_than_twice_the_limit(gaps in prop::collection::vec(0_u64..2_000, 1..200)) {
            let mut limiter = Limiter::default();
            let mut now = Instant::now();
            let mut served: Vec<Instant> = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                match limiter.admit("a", Cost::Read, LIMIT, now) {
                    Ok(_) => served.push(now),
                    Err(wait) => {
                        // Whoever waits so long is served.
                        let mut patient = Limiter { due: limiter.due.clone() };
                        prop_assert!(patient.admit("a", Cost::Read, LIMIT, now + wait).is_ok());
                    }
                }
                let recent = served.iter().filter(|at| now - **at < LIMIT.window).count();
                prop_assert!(recent <= 20, "{recent}");
            }
        }
    }
}
