//! What was said and written ends when the tenant's retention says so: a portion at a time, so that nobody waits for it. What counts
//! stays, as after an erasure; what a legal hold keeps is looked at again with the next round.

use super::UpkeepOptions;
use crate::{
    clock::now_us,
    privacy::{
        ACTOR,
        messages::{blank, delete_files, delete_if_empty},
    },
    shared::Shared,
    work::micros,
};
use std::collections::{BTreeSet, HashMap};
use store::{
    CallId, Filter, StoreError, Stored, TenantId, TenantStore, TenantTx,
    model::{
        audit::{Actor, AuditFilter},
        message::{Channel, Message},
        queue::Voicemail,
        recording::{Recording, RecordingStatus},
        tenant::{RetentionSettings, Tenant},
        webhook::{DeliveryStatus, WebhookDelivery},
    },
};
use tokio::time::sleep;

/// Messages and calls that are changed in one unit of work: SQLite serves one writer.
const PORTION: u16 = 50;
/// Rows of one call, and lines about one thing, that are read at once.
const ROWS: u16 = 200;
/// A day, in µs.
const DAY: i64 = 24 * 3_600 * 1_000_000;
/// What ended, by kind.
const ENDED: &str = "tandem_retention_ended_total";

/// A tenant's part of the store.
type Part = dyn TenantStore;

/// When each tenant's retention was applied last, in this process.
#[derive(Debug, Default)]
pub(super) struct Applied {
    at: HashMap<TenantId, i64>,
}

impl Applied {
    /// Applies the retention of a tenant whose turn it is.
    pub(super) async fn apply(
        &mut self,
        shared: &Shared,
        part: &Part,
        tenant: &Tenant,
    ) -> Result<(), StoreError> {
        let settings = &tenant.settings.retention;
        let options = shared.limits.upkeep;
        let now = now_us();
        let again_at = |at: &i64| at.saturating_add(micros(options.retention_every));
        if *settings == RetentionSettings::default()
            || settings.legal_hold
            || self.at.get(part.id()).is_some_and(|at| again_at(at) > now)
        {
            return Ok(());
        }
        let round = Round { shared, part, options, holds: tenant.settings.recording.legal_hold };
        for (channel, days) in by_channel(settings) {
            if let Some(days) = days {
                round.messages(channel, before(now, days)).await?;
            }
        }
        if let Some(days) = settings.transcript_days {
            round.transcripts(before(now, days)).await?;
        }
        let longest =
            by_channel(settings).into_iter().filter_map(|(_, days)| days).chain(settings.transcript_days);
        if let Some(days) = longest.max() {
            round.deliveries(before(now, days)).await?;
        }
        self.at.insert(part.id().clone(), now);
        Ok(())
    }
}

const fn by_channel(settings: &RetentionSettings) -> [(Channel, Option<u32>); 5] {
    [
        (Channel::Sms, settings.sms_days),
        (Channel::Whatsapp, settings.whatsapp_days),
        (Channel::Email, settings.email_days),
        (Channel::Push, settings.push_days),
        (Channel::Voice, settings.voice_days),
    ]
}

fn before(now: i64, days: u32) -> i64 {
    now.saturating_sub(i64::from(days).saturating_mul(DAY))
}

/// One tenant's turn.
struct Round<'a> {
    shared: &'a Shared,
    part: &'a Part,
    options: UpkeepOptions,
    /// All recordings of the tenant are held.
    holds: bool,
}

impl Round<'_> {
    async fn begin(&self) -> Result<Box<dyn TenantTx>, StoreError> {
        self.part.begin(&Actor::system(ACTOR), now_us()).await
    }

    /// Takes the words of messages of a channel, and their files.
    async fn messages(&self, channel: Channel, before: i64) -> Result<(), StoreError> {
        loop {
            let rows = self.part.worded_messages(channel, before, PORTION).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let rows = rows.into_iter().map(Stored::<Message>::read).collect::<Result<Vec<_>, _>>()?;
            delete_files(self.shared, self.part.id(), &rows).await?;
            let conversations: BTreeSet<_> =
                rows.iter().filter_map(|row| row.value.conversation.clone()).collect();
            let count = u64::try_from(rows.len()).unwrap_or(0);
            let mut tx = self.begin().await?;
            for row in rows {
                blank(&mut *tx, row).await?;
            }
            for conversation in conversations {
                delete_if_empty(self.part, &mut *tx, &conversation).await?;
            }
            tx.commit().await?;
            metrics::counter!(ENDED, "kind" => channel.as_str()).increment(count);
            sleep(self.options.pace).await;
        }
    }

    /// Takes what was said in calls.
    async fn transcripts(&self, before: i64) -> Result<(), StoreError> {
        let mut after = i64::MIN;
        loop {
            let calls = self.part.worded_calls(before, after, PORTION).await?;
            let Some(last) = calls.last() else { return Ok(()) };
            let last = self.part.call(last).await?.map_or(i64::MAX, |call| call.created_at);
            let mut is_held = false;
            for call in &calls {
                if self.is_held(call).await? {
                    is_held = true;
                    continue;
                }
                self.transcript(call).await?;
                metrics::counter!(ENDED, "kind" => "transcript").increment(1);
            }
            if is_held {
                // What is held stays where it is; the rest of the list is behind it.
                after = last.saturating_add(1);
            }
            sleep(self.options.pace).await;
        }
    }

    async fn is_held(&self, call: &CallId) -> Result<bool, StoreError> {
        let rows = self.part.list::<Recording>(&Filter::first(ROWS).of(call.as_str())).await?;
        let is_there = |row: &&Stored<Recording>| row.value.status != RecordingStatus::Deleted;
        Ok(rows.iter().filter(is_there).any(|row| self.holds || row.value.legal_hold))
    }

    async fn transcript(&self, call: &CallId) -> Result<(), StoreError> {
        let voicemails = self.part.list::<Voicemail>(&Filter::first(ROWS).of(call.as_str())).await?;
        let mut lines = Vec::new();
        let mut tx = self.begin().await?;
        tx.forget_words(call).await?;
        for row in voicemails {
            if row.value.transcript.is_some() {
                let changed = Voicemail { transcript: None, ..row.value };
                tx.update(&row.id, row.version, changed).await?;
                lines.push(row.id);
            }
        }
        tx.commit().await?;
        // The audit log has the words of a voicemail with each of its changes.
        for id in lines {
            let filter = AuditFilter { object: Some(id.to_string()), limit: ROWS, ..AuditFilter::default() };
            let entries = self.part.audit_log(&filter).await?;
            let mut tx = self.begin().await?;
            for entry in entries {
                tx.blank_audit_entry(&entry.id).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Deletes what customers' servers were told of that time.
    async fn deliveries(&self, before: i64) -> Result<(), StoreError> {
        let mut filter = Filter::first(PORTION).oldest_first();
        loop {
            let rows = self.part.list::<WebhookDelivery>(&filter).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            if rows.first().is_some_and(|row| row.created_at >= before) {
                return Ok(());
            }
            filter = filter.after(last.id.as_str());
            let mut tx = self.begin().await?;
            for row in rows {
                if row.created_at < before && row.value.status != DeliveryStatus::Pending {
                    tx.delete::<WebhookDelivery>(&row.id, row.version).await?;
                    metrics::counter!(ENDED, "kind" => "delivery").increment(1);
                }
            }
            tx.commit().await?;
            sleep(self.options.pace).await;
        }
    }
}
