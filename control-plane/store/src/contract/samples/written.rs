//! One of everything that is written, and of what writing needs.

use super::{Ids, Sample, e164, of};
use crate::{
    Table,
    ids::{
        AttemptId, BatchChunkId, BoardColumnId, CannedReplyId, ChannelChipId, ChannelHealthId, ConsentId,
        EventId, MailboxId, TeamId, TemplateVersionId,
    },
    model::{
        consent::{Consent, ConsentStatus, Proof},
        inbox::{
            BoardColumn, CannedReply, ChannelChip, Mailbox, MailboxStatus, Team, TeamMember, TenantEvent,
        },
        message::{
            Channel, Control, Conversation, ConversationStatus, Message, MessageDirection, MessageStatus,
            Times,
        },
        outgoing::{
            Attempt, AttemptStatus, Batch, BatchChunk, BatchStatus, ChannelHealth, ChunkStatus, Recipient,
        },
        template::{Template, TemplateStatus, TemplateVersion},
    },
};
use serde_json::json;

#[expect(clippy::too_many_lines, reason = "one arm for every kind")]
pub(super) fn sample(table: Table, slug: &str, ids: &Ids) -> Sample {
    let text = |text: &str| format!("{text}-{slug}");
    let address = text("+15550100");
    match table {
        Table::Conversations => {
            let key = ids.contact.to_string();
            let conversation = Conversation {
                key: Some(key.clone()),
                channel: Channel::Sms,
                number: None,
                own_address: e164(slug),
                address,
                contact: Some(ids.contact.clone()),
                status: ConversationStatus::Open,
                last_message_at: 1,
                last_inbound_at: Some(1),
                control: Control::Operator { user: ids.user.clone(), since: 1, active_at: 1 },
                epoch: 1,
                assignee: Some(ids.user.clone()),
                team: None,
                column: None,
                subject: None,
                unread: 1,
                answer_due_at: None,
                answer_missed: false,
                analysis: None,
            };
            of(ids.conversation.clone(), &conversation, Some(key))
        }
        Table::Communications => {
            let message = Message {
                conversation: Some(ids.conversation.clone()),
                channel: Channel::Sms,
                direction: MessageDirection::Inbound,
                from_number: "+15550100".to_owned(),
                to_number: e164(slug),
                address: Some(address),
                subject: None,
                content: "Hello.".to_owned(),
                media: Vec::new(),
                status: MessageStatus::Received,
                provider: Some("twilio".to_owned()),
                provider_id: Some(text("SM1")),
                provider_status: None,
                segments: Some(1),
                error: None,
                author: None,
                batch: Some(ids.batch.clone()),
                template: None,
                call: None,
                analysis: None,
                cost: None,
                times: Times::default(),
                dispatch: None,
                erased: false,
            };
            of(ids.message.clone(), &message, Some(Message::lookup("twilio", &text("SM1"))))
        }
        Table::Attempts => {
            let attempt = Attempt {
                message: ids.message.clone(),
                number: 1,
                channel: Channel::Sms,
                account: Some(ids.account.clone()),
                sender: e164(slug),
                address,
                status: AttemptStatus::Accepted,
                begun_at: 1,
                answered_at: Some(2),
                provider_id: Some("SM2".to_owned()),
                provider_status: Some("queued".to_owned()),
                segments: Some(1),
                cost: Some((7_900, "USD".to_owned())),
                error_code: None,
                error: None,
                told: Vec::new(),
            };
            of(AttemptId::generate(), &attempt, Some(format!("{}:SM2", ids.account)))
        }
        Table::Batches => {
            let batch = Batch {
                name: text("news"),
                status: BatchStatus::Running,
                message: json!({ "text": "Hello." }),
                recipients: 1,
                left: 1,
                made_by: None,
                send_at: None,
            };
            of(ids.batch.clone(), &batch, None)
        }
        Table::BatchChunks => {
            let recipient = Recipient { phone: Some(address), ..Recipient::default() };
            let chunk = BatchChunk {
                batch: ids.batch.clone(),
                first: 0,
                status: ChunkStatus::Waiting,
                recipients: vec![recipient],
            };
            of(BatchChunkId::generate(), &chunk, None)
        }
        Table::Templates => {
            let template = Template {
                name: text("reminder"),
                category: Some("appointment".to_owned()),
                status: TemplateStatus::Active,
                content: json!({ "en": "Hello." }),
                number: 1,
            };
            of(ids.template.clone(), &template, Some(text("reminder")))
        }
        Table::TemplateVersions => {
            let version = TemplateVersion {
                template: ids.template.clone(),
                number: 1,
                content: json!({ "en": "Hello." }),
            };
            let lookup = TemplateVersion::lookup(&ids.template, 1);
            of(TemplateVersionId::generate(), &version, Some(lookup))
        }
        Table::Consents => {
            let lookup = Consent::lookup(Channel::Sms, Consent::ANY_SENDER, &address);
            let status = ConsentStatus::OptedOut;
            let proof = Proof { at: 1, status, source: "message".to_owned(), evidence: "STOP".to_owned() };
            let consent = Consent {
                channel: Channel::Sms,
                sender: Consent::ANY_SENDER.to_owned(),
                address,
                status,
                since: 1,
                proofs: vec![proof],
            };
            of(ConsentId::generate(), &consent, Some(lookup))
        }
        Table::ChannelChips => {
            let chip = ChannelChip {
                channel_id: text("sms_twilio"),
                name: "SMS".to_owned(),
                default_entry_column_id: None,
                is_active: true,
            };
            of(ChannelChipId::generate(), &chip, Some(text("sms_twilio")))
        }
        Table::BoardColumns => {
            let column = BoardColumn { name: text("New"), position: 0 };
            of(BoardColumnId::generate(), &column, Some(text("New")))
        }
        Table::CannedReplies => {
            let reply = CannedReply { shortcut: text("hi"), text: "Hello.".to_owned() };
            of(CannedReplyId::generate(), &reply, Some(text("hi")))
        }
        Table::Teams => {
            let member = TeamMember { user: ids.user.clone(), capacity: 5, available: true };
            let team = Team { name: text("Sales"), members: vec![member], answer_within_s: Some(600) };
            of(TeamId::generate(), &team, Some(text("Sales")))
        }
        Table::Mailboxes => {
            let mailbox = Mailbox {
                account: ids.account.clone(),
                status: MailboxStatus::Connected,
                uid_validity: 1,
                last_uid: 7,
                polled_at: Some(1),
                error: None,
            };
            of(MailboxId::generate(), &mailbox, Some(ids.account.to_string()))
        }
        Table::ChannelHealth => {
            let health = ChannelHealth {
                channel: Channel::Sms,
                account: ids.account.to_string(),
                status: "healthy".to_owned(),
                state: json!({}),
                alerted_at: None,
            };
            of(ChannelHealthId::generate(), &health, Some(ids.account.to_string()))
        }
        _ => {
            assert_eq!(table, Table::TenantEvents, "it has a sample of its own");
            let id = EventId::generate();
            let kind = "message.received".to_owned();
            let event = TenantEvent { event: id.clone(), kind, at: 1, data: json!({}) };
            of(EventId::generate(), &event, Some(id.to_string()))
        }
    }
}
