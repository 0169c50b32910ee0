//! A tenant with all that can be kept of a person, another person, and another tenant.

use crate::{
    messages_sent::Stage,
    support::{Harness, open_store},
};
use axum::http::Method;
use engine::provider::Secret;
use objects::Links;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{
    CallId, CallStatus, Direction, Event, Filter, JournalChunk, NewCall, Record, Resource, Store, Stored,
    Table, TenantId, TenantStore, Turn,
    ids::{BatchId, ContactId, RecordingId},
    model::{
        audit::Actor,
        message::{
            Analysis, Channel, Control, Conversation, ConversationStatus, Media, Message, MessageDirection,
            MessageStatus, Sentiment, Times, Urgency,
        },
        outgoing::{Batch, BatchChunk, BatchStatus, ChunkStatus, Recipient},
        queue::{Voicemail, VoicemailStatus},
        recording::{Recording, RecordingPlace, RecordingSource, RecordingStatus},
        webhook::{InboundEvent, InboundStatus},
    },
};

pub(super) const PHONE: &str = "+15550187";
pub(super) const DIGITS: &str = "15550187";
pub(super) const EMAIL: &str = "zelda.quagmire@example.com";
/// An address of hers to which she wants no messages.
pub(super) const OPTED_OUT: &str = "zq-private@example.com";
pub(super) const NAME: &str = "Zelda Quagmire";
/// In all that she, or anybody about her, said or wrote.
pub(super) const WORDS: &str = "xylophone";
pub(super) const OTHER_PHONE: &str = "+15550188";
pub(super) const OTHER_WORDS: &str = "okapi";
pub(super) const OWN: &str = "+15550100";

/// Nobody else has these.
pub(super) const CANARIES: [&str; 5] = [DIGITS, EMAIL, NAME, "Quagmire", WORDS];

/// What a part has in all of its tables.
pub(super) async fn everything(part: &dyn TenantStore) -> Vec<String> {
    let mut all = Vec::new();
    for table in Table::ALL {
        for row in part.documents(table, &Filter::first(1_000)).await.unwrap() {
            all.push(format!("{table:?} {row:?}"));
        }
    }
    all
}

pub(super) async fn insert<T: Resource>(part: &dyn TenantStore, at: i64, value: T) -> Stored<T> {
    let mut tx = part.begin(&Actor::system("test"), at).await.unwrap();
    let row = tx.insert(value).await.unwrap();
    tx.commit().await.unwrap();
    row
}

pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn tomorrow() -> String {
    jiff::Timestamp::from_microsecond(now() + 24 * 3_600 * 1_000_000).unwrap().to_string()
}

/// Settings in which nobody is asked what a message means.
pub(super) async fn quiet(harness: &Harness) {
    let settings = json!({ "settings": { "messaging": { "understand": false } } });
    let changed = harness.json(Method::PATCH, "/v1/tenant", &settings).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

/// A call that is over, with what was said in it, its recording and a voicemail.
pub(super) async fn call(
    part: &dyn TenantStore,
    data: &std::path::Path,
    from: &str,
    words: &str,
    at: i64,
) -> CallId {
    let id = CallId::new();
    let new = NewCall {
        id: id.clone(),
        carrier_sid: Some(format!("CA{}", &id.as_str()[5..])),
        number: None,
        parent: None,
        direction: Direction::Inbound,
        from_number: from.to_owned(),
        to_number: OWN.to_owned(),
        assistant_id: "asst_1".to_owned(),
        status: CallStatus::Completed,
        outbound: None,
        created_at: at,
    };
    part.ensure_call(new).await.unwrap();
    let turn = Turn {
        number: 1,
        epoch: 1,
        caller: format!("I said {words}."),
        assistant: format!("You said {words}."),
        interrupted: false,
        tools: "[]".to_owned(),
        waterfall: "{}".to_owned(),
        usage: "{}".to_owned(),
    };
    let event = Event { at: 1, kind: "tool".to_owned(), data: json!({ "of": words }).to_string() };
    let chunk = JournalChunk { first_seq: 0, entries: json!([{ "heard": words }]).to_string() };
    part.append(&[
        Record::Turn { call: id.clone(), turn },
        Record::Event { call: id.clone(), event },
        Record::Journal { call: id.clone(), chunk },
    ])
    .await
    .unwrap();
    let key = format!("recordings/{}/{id}.ogg", part.id());
    let path = data.join(&key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("OggS {words}")).unwrap();
    let recording = Recording {
        call: id.clone(),
        source: RecordingSource::Tandem,
        carrier_sid: None,
        status: RecordingStatus::Kept,
        location: Some(key),
        place: RecordingPlace::File,
        media_type: "audio/ogg".to_owned(),
        channels: 2,
        duration_ms: Some(1_000),
        bytes: Some(10),
        sha256: None,
        legal_hold: false,
        delete_after: None,
        error: None,
    };
    insert(part, at, recording).await;
    let voicemail = Voicemail {
        call: id.clone(),
        number: None,
        from: from.to_owned(),
        recording_sid: None,
        duration_s: Some(3),
        transcript: Some(format!("Please call me back about the {words}.")),
        status: VoicemailStatus::New,
    };
    insert(part, at, voicemail).await;
    id
}

/// The recording of a call.
pub(super) async fn recording(part: &dyn TenantStore, call: &CallId) -> Stored<Recording> {
    part.list::<Recording>(&Filter::first(1).of(call.as_str())).await.unwrap().remove(0)
}

/// The conversation with a contact.
fn conversation(contact: &str) -> Conversation {
    Conversation {
        key: Some(contact.to_owned()),
        channel: Channel::Sms,
        number: None,
        own_address: OWN.to_owned(),
        address: PHONE.to_owned(),
        contact: Some(ContactId::known(contact)),
        status: ConversationStatus::Open,
        last_message_at: now(),
        last_inbound_at: Some(now()),
        control: Control::default(),
        epoch: 0,
        assignee: None,
        team: None,
        column: None,
        subject: Some(format!("About the {WORDS}")),
        unread: 1,
        answer_due_at: None,
        answer_missed: false,
        analysis: None,
    }
}

/// A message that somebody wrote.
pub(super) async fn written(
    part: &dyn TenantStore,
    conversation: Option<&Stored<Conversation>>,
    channel: Channel,
    from: &str,
    words: &str,
    at: i64,
) -> Stored<Message> {
    let message = Message {
        conversation: conversation.map(|row| row.id.clone()),
        channel,
        direction: MessageDirection::Inbound,
        from_number: from.to_owned(),
        to_number: OWN.to_owned(),
        address: Some(from.to_owned()),
        subject: Some(format!("About the {words}")),
        content: format!("Where is my {words}?"),
        media: Vec::new(),
        status: MessageStatus::Received,
        provider: Some("twilio".to_owned()),
        provider_id: Some(store::new_id("SM")),
        provider_status: None,
        segments: Some(1),
        error: None,
        author: None,
        batch: None,
        template: None,
        call: None,
        analysis: Some(Analysis {
            sentiment: Sentiment::Neutral,
            intent: format!("{words}_inquiry"),
            urgency: Urgency::Normal,
            confidence: 90,
            lead_score: Some(70),
            suggests_call: false,
        }),
        cost: Some((7_500, "USD".to_owned())),
        times: Times::default(),
        dispatch: None,
        erased: false,
    };
    insert(part, at, message).await
}

pub(super) struct World {
    pub(super) stage: Stage,
    pub(super) store: Arc<dyn Store>,
    pub(super) contact: String,
    pub(super) call: CallId,
    pub(super) other_call: CallId,
    pub(super) other_tenant: TenantId,
}

impl World {
    pub(super) fn part(&self) -> Box<dyn TenantStore> {
        self.store.tenant(&TenantId::known("ten_1"))
    }

    async fn ok(&self, path: &str, body: &Value, key: Option<&str>) -> Value {
        let answer = self.stage.post(path, body, key).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()
    }

    /// All that can be kept of her.
    pub(super) async fn new() -> Self {
        let stage = Stage::new().await;
        let store = open_store(&stage.harness.folder).await;
        quiet(&stage.harness).await;
        let data = stage.harness.folder.0.clone();
        let part = store.tenant(&TenantId::known("ten_1"));
        let call = call(&*part, &data, PHONE, WORDS, now()).await;
        let other_call = self::call(&*part, &data, OTHER_PHONE, OTHER_WORDS, now()).await;
        let other_tenant = other_tenant(&*store).await;
        let world = Self { stage, store, contact: String::new(), call, other_call, other_tenant };
        let hook = json!({ "url": "https://hook.example.com/", "name": "Mine" });
        world.ok("/v1/webhook-endpoints", &hook, None).await;
        let her = json!({
            "name": NAME, "notes": format!("likes the {WORDS}"), "fields": { "instrument": WORDS },
            "addresses": [
                { "kind": "phone", "address": PHONE }, { "kind": "email", "address": EMAIL },
                { "kind": "email", "address": OPTED_OUT },
            ],
        });
        let her = world.ok("/v1/contacts", &her, Some("contact")).await;
        let contact = her["id"].as_str().unwrap().to_owned();
        let somebody =
            json!({ "name": "Other Person", "addresses": [{ "kind": "phone", "address": OTHER_PHONE }] });
        let other = world.ok("/v1/contacts", &somebody, None).await["id"].as_str().unwrap().to_owned();
        for (address, status) in [(OPTED_OUT, "opted_out"), (EMAIL, "opted_in")] {
            let consent = json!({ "channel": "email", "address": address, "status": status, "evidence": format!("said {WORDS}") });
            world.ok("/v1/consents", &consent, None).await;
        }
        for (to, words, key) in [(&contact, WORDS, "first"), (&other, OTHER_WORDS, "second")] {
            let text = json!({ "to": { "contact": to }, "chain": [{ "channels": ["sms"] }], "text": format!("Your {words} is ready.") });
            let id = world.ok("/v1/messages", &text, Some(key)).await["id"].as_str().unwrap().to_owned();
            world.stage.when(&id, "delivered").await;
        }
        let later = json!({
            "to": { "phone": PHONE }, "chain": [{ "channels": ["sms"] }], "text": format!("A {WORDS} for tomorrow."),
            "send_at": tomorrow(),
        });
        world.ok("/v1/messages", &later, None).await;
        world.written_into_the_store(&contact).await;
        Self { contact, ..world }
    }

    async fn written_into_the_store(&self, contact: &str) {
        let part = self.part();
        let conversation = insert(&*part, now(), conversation(contact)).await;
        let message = written(&*part, Some(&conversation), Channel::Sms, PHONE, WORDS, now()).await;
        // A file that came with it, as mails' files are kept.
        let key = format!("mail/ten_1/{}/0.txt", "ab".repeat(32));
        let path = self.stage.harness.folder.0.join(&key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, WORDS).unwrap();
        let secret =
            std::fs::read_to_string(self.stage.harness.folder.0.join("recording-links.key")).unwrap();
        let links = Links::new(self.stage.base.parse().unwrap(), Secret::new(secret.trim())).unwrap();
        let url = format!("{}/files/{key}?signature={}", self.stage.base, links.sign("file", &key));
        let with_file = Message { media: vec![Media { url, content_type: None }], ..message.value };
        let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
        tx.update(&message.id, message.version, with_file).await.unwrap();
        tx.commit().await.unwrap();
        written(&*part, None, Channel::Email, EMAIL, WORDS, now()).await;
        let batch = Batch {
            name: "News".to_owned(),
            status: BatchStatus::Paused,
            message: json!({ "text": "Hello." }),
            recipients: 2,
            left: 2,
            made_by: None,
            send_at: None,
        };
        let batch = insert(&*part, now(), batch).await;
        let to = |phone: &str, word: &str| Recipient {
            phone: Some(phone.to_owned()),
            variables: [("of".to_owned(), json!(word))].into(),
            ..Recipient::default()
        };
        let chunk = BatchChunk {
            batch: batch.id,
            first: 0,
            status: ChunkStatus::Waiting,
            recipients: vec![to(PHONE, WORDS), to(OTHER_PHONE, OTHER_WORDS)],
        };
        insert(&*part, now(), chunk).await;
        let event = InboundEvent {
            source: "shopify".to_owned(),
            dedupe_key: "order".to_owned(),
            raw: json!({ "customer": { "phone": "+1 555 0187", "email": EMAIL, "first_name": NAME, "likes": WORDS } }).to_string(),
            status: InboundStatus::Received,
            outcome: None,
        };
        insert(&*part, now(), event).await;
    }

    /// The recipients of the batch who wait.
    pub(super) async fn recipients(&self) -> Vec<Recipient> {
        let part = self.part();
        let batch = part.list::<Batch>(&Filter::first(1)).await.unwrap().remove(0);
        let id: BatchId = batch.id;
        part.list::<BatchChunk>(&Filter::first(1).of(id.as_str())).await.unwrap().remove(0).value.recipients
    }

    /// Sends a request and follows it until it is done.
    pub(super) async fn asked(&self, what: &str, body: &Value) -> Value {
        let asked = self.ok(&format!("/v1/privacy/{what}"), body, Some("privacy")).await;
        done(&self.stage.harness, asked["id"].as_str().unwrap()).await
    }

    pub(super) async fn hold(&self, id: &RecordingId) {
        let held = json!({ "legal_hold": true });
        let answer = self.stage.harness.patch_json(&format!("/v1/recordings/{id}"), &held).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// The request once it is done.
pub(super) async fn done(harness: &Harness, id: &str) -> Value {
    when(harness, id, |shown| shown["status"] == "done").await
}

/// The request once it is as it should be.
pub(super) async fn when(harness: &Harness, id: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/privacy/requests/{id}");
    harness.shows(&path, is_it).await
}

/// Another tenant that knows the same person.
async fn other_tenant(store: &dyn Store) -> TenantId {
    let id = TenantId::generate();
    let mut tx = store.platform().begin(&Actor::system("test"), now()).await.unwrap();
    let body = json!({ "name": "Another", "slug": "another", "status": "active" });
    tx.put_document(Table::Tenants, id.as_str(), &store::Body::stored(body.to_string())).await.unwrap();
    tx.commit().await.unwrap();
    let part = store.tenant(&id);
    let contact = ContactId::generate();
    let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
    let body = json!({ "name": "The same", "addresses": [{ "kind": "phone", "address": "+15550189" }] });
    tx.put_document(Table::Contacts, contact.as_str(), &store::Body::stored(body.to_string())).await.unwrap();
    tx.commit().await.unwrap();
    written(&*part, None, Channel::Sms, "+15550189", OTHER_WORDS, now()).await;
    id
}
