//! Which streams are let in: a token is handed out with the TwiML of a call, is good for that call and a short
//! time, and is spent by the first stream that brings it.
//!
//! Time is given in. Only hashes are kept, and they are compared in constant time.

use crate::directory::Answering;
use engine::{
    ids::{CallId, TenantId},
    ports::{Refusal, StreamClaim},
    provider::Secret,
};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, time::Duration};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

/// A call that waits for its stream.
#[derive(Clone, Debug)]
pub(crate) struct WaitingCall {
    /// The call.
    pub(crate) call: CallId,
    /// Whose it is.
    pub(crate) tenant: TenantId,
    /// The carrier's account that it came through.
    pub(crate) account: String,
    /// Who answers it.
    pub(crate) answering: Answering,
    /// Whether it is recorded.
    pub(crate) record: bool,
    /// Who calls.
    pub(crate) from: String,
    /// Who is called.
    pub(crate) to: String,
    /// Whether it had a stream before.
    pub(crate) had_stream: bool,
}

struct Pending {
    hash: [u8; 32],
    expires: Instant,
    waiting: WaitingCall,
}

/// Too many calls wait for their stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyWaiting;

/// The tokens that are good now, by the carrier's call: a newer token of a call replaces the older.
pub(crate) struct StreamTokens {
    pending: HashMap<String, Pending>,
    ttl: Duration,
    limit: usize,
}

impl StreamTokens {
    pub(crate) fn new(ttl: Duration, limit: usize) -> Self {
        Self { pending: HashMap::new(), ttl, limit }
    }

    /// Lets the stream of `call_sid` in that brings `token`.
    pub(crate) fn hand_out(
        &mut self,
        now: Instant,
        call_sid: &str,
        token: &str,
        waiting: WaitingCall,
    ) -> Result<(), TooManyWaiting> {
        if self.pending.len() >= self.limit && !self.pending.contains_key(call_sid) {
            self.pending.retain(|_, pending| pending.expires > now);
            if self.pending.len() >= self.limit {
                return Err(TooManyWaiting);
            }
        }
        let pending = Pending { hash: hash(token), expires: now + self.ttl, waiting };
        self.pending.insert(call_sid.to_owned(), pending);
        Ok(())
    }

    /// Spends the claim's token. A wrong one spends nothing.
    pub(crate) fn spend(&mut self, now: Instant, claim: &StreamClaim) -> Result<WaitingCall, Refusal> {
        let token = claim.token.as_ref().map(Secret::reveal).ok_or(Refusal::TokenMissing)?;
        let pending = self.pending.get(&claim.call_sid).ok_or(Refusal::TokenUnknown)?;
        let same_token = bool::from(pending.hash.ct_eq(&hash(token)));
        if !same_token || pending.waiting.account != claim.account_sid {
            return Err(Refusal::TokenUnknown);
        }
        let pending = self.pending.remove(&claim.call_sid).ok_or(Refusal::TokenUnknown)?;
        if pending.expires <= now { Err(Refusal::TokenExpired) } else { Ok(pending.waiting) }
    }

    /// Forgets tokens that expired so long ago that nobody will ask why.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.pending.retain(|_, pending| pending.expires + self.ttl > now);
    }

    /// Calls that wait.
    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests;
