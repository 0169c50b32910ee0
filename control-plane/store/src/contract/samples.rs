//! One of every kind of resource.

mod written;

use super::calls::new_call;
use crate::{
    Body, CallId, Id, Resource, Store, Table, TenantId, TenantStore,
    ids::{
        AccountId, AssistantId, BatchId, BudgetId, ContactAddressId, ContactId, ConversationId, DataKeyId,
        DeliveryId, EndpointId, FlowId, HealthId, HoursId, InboundEventId, JobId, KeyId, MembershipId,
        MessageId, NumberId, PriceId, QueueEntryId, QueueId, RecordingId, SessionId, TemplateId, UserId,
        VoicemailId,
    },
    model::{
        account::{AccountMode, AccountStatus, Credential, DataKey, DataKeyStatus, ProviderAccount, Sealed},
        assistant::Assistant,
        audit::Actor,
        contact::{Address, AddressKind, Contact, ContactAddress},
        identity::{
            ApiKey, KeyMode, KeyStatus, Membership, Proofs, Role, Session, SessionStatus, User, UserStatus,
        },
        number::{
            BusinessHours, Capabilities, DateException, Destination, Flow, Number, NumberStatus, OpenSpan,
            Routing, WeeklySpan,
        },
        queue::{Queue, QueueEntry, QueueEntryStatus, QueueMember, Voicemail, VoicemailStatus},
        recording::{Recording, RecordingPlace, RecordingSource, RecordingStatus},
        tenant::{Tenant, TenantSettings, TenantStatus},
        usage::{Budget, BudgetPeriod, Price},
        webhook::{
            DeliveryStatus, EndpointStatus, InboundEvent, InboundStatus, WebhookDelivery, WebhookEndpoint,
        },
        work::{Health, HealthStatus, Job, JobStatus},
    },
};
use serde_json::json;

/// A resource of some table.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) table: Table,
    pub(super) id: String,
    pub(super) body: Body,
    pub(super) lookup: Option<String>,
    /// Whether it belongs to the platform.
    pub(super) of_the_platform: bool,
}

/// A tenant and one of everything, in an order in which they can be written.
pub(super) async fn tenant_with_one_of_everything(
    store: &dyn Store,
    slug: &str,
) -> (Box<dyn TenantStore>, Vec<Sample>) {
    let tenant = super::tenant(store, slug).await;
    let call = tenant.ensure_call(new_call(&format!("CA{slug}"), 1)).await.unwrap();
    let ids = Ids::new(call.id);
    let samples: Vec<_> = ORDER.iter().map(|table| sample(*table, slug, tenant.id(), &ids)).collect();
    for sample in samples.iter().filter(|sample| sample.table != Table::Tenants) {
        let scope = if sample.of_the_platform { store.platform() } else { store.tenant(tenant.id()) };
        let mut tx = scope.begin(&Actor::system("test"), 1).await.unwrap();
        assert!(tx.put_document(sample.table, &sample.id, &sample.body).await.unwrap(), "{:?}", sample.table);
        tx.commit().await.unwrap();
    }
    (tenant, samples)
}

/// What belongs to something comes after it.
const ORDER: [Table; 39] = Table::ALL;

struct Ids {
    user: UserId,
    account: AccountId,
    queue: QueueId,
    endpoint: EndpointId,
    contact: ContactId,
    conversation: ConversationId,
    message: MessageId,
    batch: BatchId,
    template: TemplateId,
    call: CallId,
}

impl Ids {
    fn new(call: CallId) -> Self {
        Self {
            user: UserId::generate(),
            account: AccountId::generate(),
            queue: QueueId::generate(),
            endpoint: EndpointId::generate(),
            contact: ContactId::generate(),
            conversation: ConversationId::generate(),
            message: MessageId::generate(),
            batch: BatchId::generate(),
            template: TemplateId::generate(),
            call,
        }
    }
}

pub(super) fn sealed(text: &str) -> Sealed {
    Sealed { sealed_with: DataKeyId::generate(), sealed: text.to_owned() }
}

/// A number of its own for every tenant of a test.
pub(super) fn e164(slug: &str) -> String {
    let digits: u32 = slug.bytes().map(u32::from).sum();
    format!("+1555{digits:07}")
}

pub(super) fn number(e164: &str) -> Number {
    Number {
        e164: e164.to_owned(),
        carrier_sid: Some("PN00000000000000000000000000000000".to_owned()),
        account: None,
        name: "Main line".to_owned(),
        status: NumberStatus::Active,
        primary: true,
        capabilities: Capabilities { voice: true, sms: false, mms: false },
        greeting: None,
        voice: None,
        flow: None,
        routing: Routing {
            hours: Some(HoursId::generate()),
            during: vec![
                Destination::Queue { queue: QueueId::generate() },
                Destination::Assistant { assistant: Some(AssistantId::generate()) },
            ],
            after: vec![Destination::Voicemail { greeting: None }],
        },
    }
}

pub(super) fn api_key(hash: &str) -> ApiKey {
    ApiKey {
        name: "first".to_owned(),
        hash: hash.to_owned(),
        hint: "abcd".to_owned(),
        scopes: Vec::new(),
        mode: KeyMode::Live,
        status: KeyStatus::Active,
        expires_at: None,
    }
}

pub(super) fn tenant_value(slug: &str) -> Tenant {
    Tenant {
        name: "A tenant".to_owned(),
        slug: slug.to_owned(),
        status: TenantStatus::Active,
        settings: TenantSettings::default(),
    }
}

pub(super) fn budget(name: &str) -> Budget {
    Budget {
        name: name.to_owned(),
        kind: None,
        period: BudgetPeriod::Month,
        limit_micros: 50_000_000,
        currency: "USD".to_owned(),
        hard: false,
        alert_percents: vec![50, 100],
        alerted: None,
    }
}

pub(super) fn inbound(key: &str) -> InboundEvent {
    InboundEvent {
        source: "twilio.call_status".to_owned(),
        dedupe_key: key.to_owned(),
        raw: "CallSid=CA1".to_owned(),
        status: InboundStatus::Received,
        outcome: None,
    }
}

fn of<T: Resource>(id: T::Id, value: &T, lookup: Option<String>) -> Sample {
    Sample {
        table: T::TABLE,
        id: id.as_str().to_owned(),
        body: Body::write(value).unwrap(),
        lookup,
        of_the_platform: matches!(T::TABLE, Table::Users | Table::Sessions | Table::Prices),
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for every kind")]
fn sample(table: Table, slug: &str, tenant: &TenantId, ids: &Ids) -> Sample {
    let text = |text: &str| format!("{text}-{slug}");
    let call = ids.call.clone();
    match table {
        Table::Tenants => of::<Tenant>(tenant.clone(), &tenant_value(slug), Some(slug.to_owned())),
        Table::Users => {
            let user = User {
                email: text("ann@example.com"),
                name: "Ann".to_owned(),
                password_hash: Some("$argon2id$".to_owned()),
                totp: Some(sealed("x")),
                openid_subject: None,
                platform_admin: false,
                status: UserStatus::Active,
                failed_sign_ins: 0,
                locked_until: None,
                proofs: Proofs::default(),
            };
            of(ids.user.clone(), &user, Some(text("ann@example.com")))
        }
        Table::Sessions => {
            let session = Session {
                user: ids.user.clone(),
                token_hash: text("token"),
                previous_token_hash: None,
                status: SessionStatus::Active,
                expires_at: 9,
                ip: None,
                user_agent: None,
            };
            of(SessionId::generate(), &session, Some(text("token")))
        }
        Table::Memberships => {
            let membership = Membership { user: ids.user.clone(), role: Role::Owner, invitation: None };
            of(MembershipId::generate(), &membership, Some(ids.user.to_string()))
        }
        Table::ApiKeys => of(KeyId::generate(), &api_key(&text("hash")), Some(text("hash"))),
        Table::DataKeys => {
            let key = DataKey {
                wrapped_with: "kek-1".to_owned(),
                wrapped: "x".to_owned(),
                status: DataKeyStatus::Active,
            };
            of(DataKeyId::generate(), &key, Some("active".to_owned()))
        }
        Table::ProviderAccounts => {
            let account = ProviderAccount {
                kind: "twilio".to_owned(),
                mode: AccountMode::Own,
                sid: text("AC0"),
                name: "Main".to_owned(),
                secrets: [("auth_token".to_owned(), Credential { current: sealed("x"), previous: None })]
                    .into(),
                properties: [].into(),
                roles: vec!["voice".to_owned()],
                priority: 0,
                status: AccountStatus::Active,
            };
            of(ids.account.clone(), &account, Some(text("AC0")))
        }
        Table::PhoneNumbers => {
            let number = Number { account: Some(ids.account.clone()), ..number(&e164(slug)) };
            of(NumberId::generate(), &number, Some(e164(slug)))
        }
        Table::BusinessHours => {
            let span = |from: &str, to: &str| OpenSpan { from: from.to_owned(), to: to.to_owned() };
            let hours = BusinessHours {
                name: text("office"),
                time_zone: None,
                weekly: vec![WeeklySpan { weekday: 1, from: "09:00".to_owned(), to: "17:00".to_owned() }],
                exceptions: vec![DateException {
                    date: "2027-01-01".to_owned(),
                    name: "New Year".to_owned(),
                    open: vec![span("10:00", "12:00")],
                }],
            };
            of(HoursId::generate(), &hours, Some(text("office")))
        }
        Table::Assistants => {
            let assistant = Assistant { name: text("Ada"), config: json!({ "prompt": "Be kind." }) };
            of(AssistantId::generate(), &assistant, Some(text("Ada")))
        }
        Table::Queues => {
            let queue = Queue {
                name: text("sales"),
                members: vec![QueueMember { user: ids.user.clone(), priority: 0 }],
                max_waiting: 10,
                max_wait_s: 600,
                announce_every_s: 60,
                music_url: None,
            };
            of(ids.queue.clone(), &queue, Some(text("sales")))
        }
        Table::QueueEntries => {
            let entry = QueueEntry {
                queue: ids.queue.clone(),
                call: call.clone(),
                status: QueueEntryStatus::Waiting,
                left_at: None,
                taken_by: None,
                taken_on: None,
                failed: String::new(),
                awaits_carrier: false,
            };
            of(QueueEntryId::generate(), &entry, Some(call.to_string()))
        }
        Table::Voicemails => {
            let voicemail = Voicemail {
                call,
                number: None,
                from: "+15550100".to_owned(),
                recording_sid: Some(text("RE1")),
                duration_s: Some(3),
                transcript: None,
                status: VoicemailStatus::New,
            };
            of(VoicemailId::generate(), &voicemail, Some(text("RE1")))
        }
        Table::Recordings => {
            let recording = Recording {
                call,
                source: RecordingSource::Carrier,
                carrier_sid: Some(text("RE2")),
                status: RecordingStatus::Pending,
                location: None,
                place: RecordingPlace::File,
                media_type: "audio/wav".to_owned(),
                channels: 2,
                duration_ms: None,
                bytes: None,
                sha256: None,
                legal_hold: false,
                delete_after: None,
                error: None,
            };
            of(RecordingId::generate(), &recording, Some(text("RE2")))
        }
        Table::Prices => {
            let price = Price {
                provider: "twilio".to_owned(),
                country: "US".to_owned(),
                kind: text("voice_inbound"),
                unit: "minute".to_owned(),
                price_micros: 8_500,
                currency: "USD".to_owned(),
                effective_from: 7,
            };
            of(PriceId::generate(), &price, Some(format!("twilio:US:{}:minute:7", text("voice_inbound"))))
        }
        Table::Budgets => of(BudgetId::generate(), &budget(&text("all")), Some(text("all"))),
        Table::WebhookEndpoints => {
            let endpoint = WebhookEndpoint {
                url: "https://example.com/hook".to_owned(),
                name: "ours".to_owned(),
                events: Vec::new(),
                secret: sealed("x"),
                previous_secret: None,
                previous_until: None,
                status: EndpointStatus::Active,
                failing_since: None,
            };
            of(ids.endpoint.clone(), &endpoint, None)
        }
        Table::WebhookDeliveries => {
            let delivery = WebhookDelivery {
                endpoint: ids.endpoint.clone(),
                event: "evt_1".to_owned(),
                kind: "call.completed".to_owned(),
                payload: json!({}),
                status: DeliveryStatus::Pending,
                attempts: 0,
                tried_since: None,
                last_status: None,
                last_error: None,
                last_at: None,
            };
            of(DeliveryId::generate(), &delivery, Some(format!("{}:evt_1", ids.endpoint)))
        }
        Table::InboundEvents => {
            let lookup = format!("twilio.call_status:{}", text("key"));
            of(InboundEventId::generate(), &inbound(&text("key")), Some(lookup))
        }
        Table::Jobs => {
            let job = Job {
                kind: "provision_tenant".to_owned(),
                key: Some(text("provision")),
                subject: Some(tenant.to_string()),
                status: JobStatus::Running,
                step: "subaccount".to_owned(),
                state: json!({}),
                attempts: 0,
                error: None,
            };
            of(JobId::generate(), &job, Some(text("provision")))
        }
        Table::Health => {
            let health = Health {
                subject: text("twilio"),
                status: HealthStatus::Healthy,
                message: "account active".to_owned(),
                critical: false,
                failures: 0,
                checked_at: 1,
                latency_ms: Some(80),
                details: [("provider".to_owned(), "twilio".to_owned())].into(),
                alerted_at: None,
                due_at: 0,
            };
            of(HealthId::generate(), &health, Some(text("twilio")))
        }
        Table::Flows => {
            let routing = Routing {
                hours: None,
                during: vec![Destination::Message { text: "Hello.".to_owned() }],
                after: Vec::new(),
            };
            of(FlowId::generate(), &Flow { name: text("main"), routing }, Some(text("main")))
        }
        Table::Contacts => {
            let contact = Contact { name: "Ann".to_owned(), ..Contact::default() };
            of(ids.contact.clone(), &contact, None)
        }
        Table::ContactAddresses => {
            let address = ContactAddress {
                contact: ids.contact.clone(),
                address: Address { kind: AddressKind::Phone, address: text("+15550100") },
            };
            let lookup = ContactAddress::lookup(AddressKind::Phone, &text("+15550100"));
            of(ContactAddressId::generate(), &address, Some(lookup))
        }
        Table::Conversations
        | Table::Communications
        | Table::Attempts
        | Table::Batches
        | Table::BatchChunks
        | Table::Templates
        | Table::TemplateVersions
        | Table::Consents
        | Table::ChannelChips
        | Table::BoardColumns
        | Table::CannedReplies
        | Table::Teams
        | Table::Mailboxes
        | Table::ChannelHealth
        | Table::TenantEvents => written::sample(table, slug, ids),
    }
}
