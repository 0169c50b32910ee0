//! Lets streams in: spends their token and gives the engine the plan of the call.

use crate::{elsewhere, recordings::RecordingFormat, shared::Shared};
use engine::{
    call::journal::JournalEntry,
    ids::CallId,
    log_limit::LogLimit,
    ports::{Admissions, CallPlan, Refusal, StreamClaim},
};
use futures_util::future::BoxFuture;
use std::{error::Error, path::PathBuf, sync::Arc};
use store::StoreError;
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

/// Streams that were let in or refused, by outcome.
const STREAMS: &str = "tandem_stream_admissions_total";

/// See [`Admissions`].
pub(crate) struct TokenAdmissions(pub(crate) Arc<Shared>);

#[derive(Debug, thiserror::Error)]
enum JournalError {
    #[error("reading the journal took too long")]
    TooLong,
    #[error("reading the journal")]
    Store(#[from] StoreError),
    #[error("understanding the journal")]
    Entry(#[from] serde_json::Error),
}

impl Admissions for TokenAdmissions {
    fn admit(&self, claim: StreamClaim) -> BoxFuture<'_, Result<CallPlan, Refusal>> {
        static LINES: LogLimit = LogLimit::new();
        Box::pin(async move {
            let admitted = self.plan(&claim).await;
            let outcome = match &admitted {
                Ok(_) => "admitted",
                Err(Refusal::TokenMissing) => "token_missing",
                Err(Refusal::TokenUnknown) => "token_unknown",
                Err(Refusal::TokenExpired) => "token_expired",
                Err(Refusal::Draining) => "draining",
                Err(Refusal::Unavailable) => "unavailable",
            };
            metrics::counter!(STREAMS, "outcome" => outcome).increment(1);
            match &admitted {
                Ok(plan) => info!(call = %plan.call, call_sid = claim.call_sid, "a stream is let in"),
                Err(refusal) => {
                    if let Some(left_out) = LINES.admit(Instant::now()) {
                        warn!(call_sid = claim.call_sid, %refusal, left_out, "a stream is refused");
                    }
                }
            }
            admitted
        })
    }
}

impl TokenAdmissions {
    async fn plan(&self, claim: &StreamClaim) -> Result<CallPlan, Refusal> {
        let waiting = self.0.tokens.lock().spend(Instant::now(), claim)?;
        let (call, tenant, answering) = (waiting.call, waiting.tenant, waiting.answering);
        if self.0.is_draining() && !self.0.live.has(&call) {
            return Err(Refusal::Draining);
        }
        // The engine is asked too: a call can be lost to it without a word.
        let engine_has_it = self.0.live.admit(&call, &tenant) && self.0.engine_has(&call);
        elsewhere::hold(&self.0, &store::CallId::known(call.0.as_str()));
        let journal = if waiting.had_stream && !engine_has_it {
            self.journal(&call, &tenant).await.map_err(|cause| {
                error!(%call, error = &cause as &dyn Error, "a call that comes back has no journal");
                Refusal::Unavailable
            })?
        } else {
            Vec::new()
        };
        let recording = if waiting.record { self.recording(&call, &tenant.0).await } else { None };
        Ok(CallPlan {
            call,
            tenant,
            from: waiting.from,
            to: waiting.to,
            assistant: answering.assistant,
            stt: answering.stt,
            llm: answering.llm,
            tts: answering.tts,
            recording,
            journal,
        })
    }

    /// Everything that was journaled, in order and without gaps.
    async fn journal(
        &self,
        call: &CallId,
        tenant: &engine::ids::TenantId,
    ) -> Result<Vec<JournalEntry>, JournalError> {
        let read = async {
            // Entries of this process may still be on their way to the store.
            self.0.log.flush(self.0.limits.journal_read).await.map_err(|_| JournalError::TooLong)?;
            let store = self.0.store(tenant);
            let call = store::CallId::known(call.0.as_str());
            let mut journal: Vec<JournalEntry> = Vec::new();
            let mut from_seq = 0;
            loop {
                let chunks = store.journal(&call, from_seq, self.0.limits.journal_chunks).await?;
                let Some(last) = chunks.last() else { return Ok(journal) };
                from_seq = last.first_seq + 1;
                for chunk in &chunks {
                    for entry in serde_json::from_str::<Vec<JournalEntry>>(&chunk.entries)? {
                        let expected = journal.last().map_or(0, |last| last.seq + 1);
                        if entry.seq > expected {
                            warn!(%call, expected, found = entry.seq, "the journal has a gap; the rest is left out");
                            return Ok(journal);
                        }
                        if entry.seq == expected {
                            journal.push(entry);
                        }
                    }
                }
            }
        };
        timeout(self.0.limits.journal_read, read).await.unwrap_or(Err(JournalError::TooLong))
    }

    /// The recording's path. A call goes on without a recording if its folder cannot be made.
    async fn recording(&self, call: &CallId, tenant: &str) -> Option<PathBuf> {
        let path = self.0.recording_path(tenant, &call.0, RecordingFormat::Wav);
        let folder = path.parent()?;
        match tokio::fs::create_dir_all(folder).await {
            Ok(()) => Some(path),
            Err(cause) => {
                error!(%call, error = &cause as &dyn Error, "the call is not recorded: its folder cannot be made");
                None
            }
        }
    }
}
