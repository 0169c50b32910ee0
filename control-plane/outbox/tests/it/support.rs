//! A store in a folder of its own, a tenant, and providers whose answers are written down beforehand.

use fixtures::wait::eventually;
use futures_util::{FutureExt as _, future::BoxFuture};
use messaging::{
    Channel, MessageType,
    dispatch::{Answer, Options, Outcome, Quiet, Recovery, Report},
    plan::{EmailBackup, Plan, Step, Tier},
};
use outbox::{
    Alert, Answered, Channels, Hours, LaneOptions, NewMessage, Outbox, OutboxOptions, Outgoing, Parcel,
    Question, Route, Sent, Setup, Text, To, accept,
};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};
use store::{
    Resource, Store, StoreError, Stored, TenantId, TenantStore,
    ids::{AttemptId, BatchId, ConversationId, MessageId},
    model::{
        audit::Actor,
        consent::{Consent, ConsentStatus, Proof},
        message::{
            Author, Channel as StoredChannel, Control, Conversation, ConversationStatus, Message,
            MessageStatus,
        },
        outgoing::{Batch, BatchStatus, Recipient},
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use store_postgres::{PostgresOptions, PostgresStore, test_server::again};
use store_sqlite::{SqliteOptions, SqliteStore};
use tokio::time::sleep;

pub(crate) const PERSON: &str = "+15550142";

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

/// What a provider does with one call.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    Now(Outcome),
    After(Duration, Outcome),
    Never,
}

#[derive(Default)]
struct Script {
    says: HashMap<Channel, VecDeque<Says>>,
    answers: VecDeque<Answer>,
    sent: Vec<(Channel, AttemptId)>,
    /// When the first call was made.
    first_at: Option<i64>,
    /// Taken over by somebody when administrators are about to be written to.
    taken_over: Option<ConversationId>,
}

/// Providers that do as they were told, and take everything after that.
pub(crate) struct Providers {
    routes: Vec<Route>,
    options: Options,
    script: Mutex<Script>,
}

struct Always;

impl Hours for Always {
    fn at(&self, _: &To, _: i64) -> Quiet {
        Quiet::Open
    }
}

pub(crate) fn taken(id: &str) -> Outcome {
    Outcome::Accepted { provider_id: id.to_owned() }
}

pub(crate) fn route(channel: Channel, recovery: Recovery) -> Route {
    Route {
        channel,
        account: format!("{channel}-1"),
        provider: "fake",
        senders: vec!["+15550100".to_owned()],
        tier: Tier::Paid,
        priority: 1,
        capable: true,
        windowed: false,
        recovery,
        per_second: None,
    }
}

impl Providers {
    pub(crate) fn new(routes: Vec<Route>) -> Arc<Self> {
        let options =
            Options { ask_after_s: 0, believed_after_s: 0, retries_s: vec![0], ..Options::default() };
        Arc::new(Self { routes, options, script: Mutex::default() })
    }

    pub(crate) fn will(&self, channel: Channel, says: impl IntoIterator<Item = Says>) {
        self.script.lock().says.entry(channel).or_default().extend(says);
    }

    pub(crate) fn will_answer(&self, answer: Answer) {
        self.script.lock().answers.push_back(answer);
    }

    /// Somebody takes the conversation over between the unit of work in which an account is found to fail and the next call.
    pub(crate) fn taken_over_with_the_next_alert(&self, conversation: &ConversationId) {
        self.script.lock().taken_over = Some(conversation.clone());
    }

    /// All calls so far.
    pub(crate) fn sent(&self) -> Vec<(Channel, AttemptId)> {
        self.script.lock().sent.clone()
    }

    /// When the first call was made, if one was.
    pub(crate) fn first_at(&self) -> Option<i64> {
        self.script.lock().first_at
    }
}

impl Channels for Providers {
    fn setup<'a>(&'a self, _: &'a TenantId) -> BoxFuture<'a, Result<Option<Setup>, StoreError>> {
        let setup =
            Setup { routes: self.routes.clone(), hours: Arc::new(Always), options: self.options.clone() };
        async { Ok(Some(setup)) }.boxed()
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Sent> {
        let says = {
            let mut script = self.script.lock();
            let channel = parcel.route.channel;
            script.sent.push((channel, parcel.attempt.clone()));
            script.first_at.get_or_insert_with(now);
            let place = script.sent.len();
            let planned = script.says.get_mut(&channel).and_then(VecDeque::pop_front);
            planned.unwrap_or_else(|| Says::Now(taken(&format!("id-{place}"))))
        };
        async move {
            match says {
                Says::Now(outcome) => Sent::of(outcome),
                Says::After(wait, outcome) => {
                    sleep(wait).await;
                    Sent::of(outcome)
                }
                Says::Never => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn compose<'a>(
        &'a self,
        _: &'a (dyn TenantStore + 'static),
        _: &'a store::Stored<Batch>,
        _: &'a Recipient,
    ) -> BoxFuture<'a, Result<NewMessage, StoreError>> {
        async { Err(StoreError::Missing { what: "batch" }) }.boxed()
    }

    fn alert<'a>(
        &'a self,
        part: &'a (dyn TenantStore + 'static),
        _: Alert<'a>,
    ) -> BoxFuture<'a, Result<Vec<NewMessage>, StoreError>> {
        let taken_over = self.script.lock().taken_over.take();
        async move {
            if let Some(id) = taken_over {
                let mut tx = part.begin(&Actor::system("test"), now()).await?;
                let Stored { version, value, .. } = tx.get::<Conversation>(&id).await?.unwrap();
                tx.update(&id, version, Conversation { epoch: value.epoch + 1, ..value }).await?;
                tx.commit().await?;
            }
            Ok(Vec::new())
        }
        .boxed()
    }

    fn ask<'a>(&'a self, _: &'a Question) -> BoxFuture<'a, Answered> {
        let answer = self.script.lock().answers.pop_front().unwrap_or(Answer::CannotSay);
        async { answer }.boxed()
    }
}

pub(crate) fn found(id: &str) -> Answer {
    let status = messaging::Status::Sent;
    Answer::Found { report: Report { status, failure: None, provider_id: Some(id.to_owned()) } }
}

pub(crate) struct House {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) tenant: TenantId,
    _folder: Folder,
}

impl House {
    pub(crate) async fn new() -> Self {
        let path = std::env::temp_dir().join(store::new_id("tandem_outbox"));
        std::fs::create_dir(&path).unwrap();
        let store: Arc<dyn Store> = match again::url(&path).await {
            Some(url) => Arc::new(PostgresStore::open(&url, PostgresOptions::default()).await.unwrap()),
            None => {
                Arc::new(SqliteStore::open(&path.join("tandem.db"), SqliteOptions::default()).await.unwrap())
            }
        };
        let tenant = TenantId::generate();
        let row = Tenant {
            name: "Acme".to_owned(),
            slug: "acme".to_owned(),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        let mut tx = store.platform().begin(&Actor::system("test"), now()).await.unwrap();
        tx.insert_as(tenant.clone(), row).await.unwrap();
        tx.commit().await.unwrap();
        Self { store, tenant, _folder: Folder(path) }
    }

    pub(crate) fn outbox(&self, providers: &Arc<Providers>, lease: Duration) -> Outbox {
        let few = LaneOptions { handful: 8, at_once: 2, of_tenant: 2 };
        let options = OutboxOptions {
            poll: Duration::from_millis(10),
            lease,
            critical: few,
            transactional: few,
            bulk: LaneOptions { handful: 48, ..few },
            ..OutboxOptions::default()
        };
        let channels: Arc<dyn Channels> = Arc::<Providers>::clone(providers);
        Outbox::start(Arc::clone(&self.store), channels, options, Arc::new(now))
    }

    /// A message by these channels, one after the other.
    pub(crate) async fn accept(&self, channels: &[Channel]) -> MessageId {
        self.accept_as(channels, |_| {}).await
    }

    pub(crate) async fn accept_as(
        &self,
        channels: &[Channel],
        change: impl FnOnce(&mut NewMessage),
    ) -> MessageId {
        let steps = channels.iter().map(|channel| Step::of(&[*channel])).collect();
        let text = |channel: &Channel| (*channel, Text { text: "Hello.".to_owned(), ..Text::default() });
        let mut new = NewMessage {
            to: To {
                phone: Some(PERSON.to_owned()),
                email: Some("ann@example.com".to_owned()),
                push: Some("ann".to_owned()),
                ..To::default()
            },
            kind: MessageType::Transactional,
            plan: Plan::explicit(steps, EmailBackup::Off).unwrap(),
            texts: channels.iter().map(text).collect(),
            sender: None,
            conversation: None,
            fence: None,
            author: Author::Api,
            send_at: None,
            useful_until: None,
            batch: None,
            template: None,
            call: None,
        };
        change(&mut new);
        let part = self.store.tenant(&self.tenant);
        let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
        let accepted = accept(&mut *tx, new).await.unwrap();
        tx.commit().await.unwrap();
        accepted.id
    }

    pub(crate) async fn message(&self, id: &MessageId) -> (Message, Outgoing) {
        let row = self.store.tenant(&self.tenant).get::<Message>(id).await.unwrap().unwrap();
        let outgoing = Outgoing::of(&row.value).unwrap().unwrap();
        (row.value, outgoing)
    }

    /// The message once it is in this state.
    pub(crate) async fn when(&self, id: &MessageId, status: MessageStatus) -> Outgoing {
        let reached = async || {
            let (message, outgoing) = self.message(id).await;
            (message.status == status).then_some(outgoing)
        };
        if let Some(outgoing) = eventually(reached).await {
            return outgoing;
        }
        let (message, outgoing) = self.message(id).await;
        panic!("it never becomes {status}: {} {:?}", message.status, outgoing.dispatch.log());
    }

    /// A conversation with the person.
    pub(crate) async fn conversation(&self) -> ConversationId {
        let begins = Conversation {
            key: None,
            channel: StoredChannel::Sms,
            number: None,
            own_address: "+15550100".to_owned(),
            address: PERSON.to_owned(),
            contact: None,
            status: ConversationStatus::Open,
            last_message_at: now(),
            last_inbound_at: None,
            control: Control::Assistant,
            epoch: 0,
            assignee: None,
            team: None,
            column: None,
            subject: None,
            unread: 0,
            answer_due_at: None,
            answer_missed: false,
            analysis: None,
        };
        self.insert(begins).await
    }

    /// A batch that runs, without recipients.
    pub(crate) async fn batch(&self) -> BatchId {
        let batch = Batch {
            name: "News".to_owned(),
            status: BatchStatus::Running,
            message: serde_json::Value::Null,
            recipients: 1,
            left: 0,
            made_by: None,
            send_at: None,
        };
        self.insert(batch).await
    }

    /// They want no messages from anybody of the tenant.
    pub(crate) async fn opted_out(&self, channel: StoredChannel, address: &str) {
        let proof = Proof {
            at: now(),
            status: ConsentStatus::OptedOut,
            source: "message".to_owned(),
            evidence: "STOP".to_owned(),
        };
        let consent = Consent {
            channel,
            sender: Consent::ANY_SENDER.to_owned(),
            address: address.to_owned(),
            status: proof.status,
            since: proof.at,
            proofs: vec![proof],
        };
        self.insert(consent).await;
    }

    async fn insert<R: Resource>(&self, value: R) -> R::Id {
        let mut tx = self.store.tenant(&self.tenant).begin(&Actor::system("test"), now()).await.unwrap();
        let id = tx.insert(value).await.unwrap().id;
        tx.commit().await.unwrap();
        id
    }
}
