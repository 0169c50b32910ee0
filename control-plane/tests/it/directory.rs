//! Tenants from the store: whose webhooks are believed, who is answered by whom, and that what is changed counts.

use crate::support::*;
use axum::http::{Request, StatusCode};
use control_plane::settings::ControlPlaneSettings;
use engine::{
    ports::{CallPlan, StreamClaim},
    provider::Secret,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use store::{
    Store, TenantId,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        assistant::Assistant,
        audit::Actor,
        number::{Capabilities, Number, NumberStatus, Routing},
        tenant::{Tenant, TenantSettings, TenantStatus, WebhookMode},
    },
};
use vault::{KeyRing, Place, Vault};

/// The account of tenant number `tenant`.
fn account(tenant: u8) -> String {
    format!("AC{tenant:032}")
}

fn token(tenant: u8) -> String {
    format!("token-of-{tenant}")
}

fn number(tenant: u8) -> String {
    format!("+1555010{tenant:02}")
}

/// Another process on the same database, with the same keys.
struct OtherNode {
    store: Arc<dyn Store>,
    vault: Vault,
}

impl OtherNode {
    async fn of(harness: &Harness) -> Self {
        let store = open_store(&harness.folder).await;
        let ring = KeyRing::read(&harness.folder.0.join("secrets.key")).unwrap();
        Self { vault: Vault::new(Arc::clone(&store), ring), store }
    }

    /// A tenant with an account, a number and an assistant.
    async fn add_tenant(&self, tenant: u8) -> TenantId {
        let id = TenantId::generate();
        let row = Tenant {
            name: format!("Tenant {tenant}"),
            slug: format!("tenant-{tenant}"),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        let mut tx = self.store.platform().begin(&Actor::system("test"), 1).await.unwrap();
        tx.insert_as(id.clone(), row).await.unwrap();
        tx.commit().await.unwrap();
        let owner = self
            .add_account(&id, ("twilio", &account(tenant)), &[("auth_token", &token(tenant), None)])
            .await;
        let mut tx = self.store.tenant(&id).begin(&Actor::system("test"), 1).await.unwrap();
        tx.insert(number_row(&number(tenant), Some(owner))).await.unwrap();
        let config = json!({ "prompt": format!("You are {tenant}."), "greeting": "Hi!", "voice": "alto" });
        tx.insert(Assistant { name: "Front desk".to_owned(), config }).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// An account with these secrets: name, value, and the one before it.
    async fn add_account(
        &self,
        tenant: &TenantId,
        (kind, sid): (&str, &str),
        secrets: &[(&str, &str, Option<&str>)],
    ) -> AccountId {
        let id = AccountId::generate();
        let mut sealed = BTreeMap::new();
        for (name, current, previous) in secrets {
            sealed.insert((*name).to_owned(), self.sealed(tenant, &id, name, current, *previous).await);
        }
        let row = ProviderAccount {
            kind: kind.to_owned(),
            mode: AccountMode::Own,
            sid: sid.to_owned(),
            name: kind.to_owned(),
            secrets: sealed,
            properties: BTreeMap::new(),
            roles: Vec::new(),
            priority: 0,
            status: AccountStatus::Active,
        };
        let mut tx = self.store.tenant(tenant).begin(&Actor::system("test"), 1).await.unwrap();
        tx.insert_as(id.clone(), row).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn sealed(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        name: &str,
        current: &str,
        previous: Option<&str>,
    ) -> Credential {
        let place = Place::provider_account(account, name);
        let seal = async |secret: &str| self.vault.seal(tenant, &place, &Secret::new(secret)).await.unwrap();
        Credential {
            current: seal(current).await,
            previous: match previous {
                Some(secret) => Some(seal(secret).await),
                None => None,
            },
        }
    }

    async fn change_tenant(&self, id: &TenantId, change: impl FnOnce(&mut Tenant)) {
        let mut tx = self.store.platform().begin(&Actor::system("test"), 2).await.unwrap();
        let mut row = tx.get::<Tenant>(id).await.unwrap().unwrap();
        change(&mut row.value);
        tx.update(id, row.version, row.value).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn change_account(&self, tenant: &TenantId, sid: &str, change: impl FnOnce(&mut ProviderAccount)) {
        let mut tx = self.store.tenant(tenant).begin(&Actor::system("test"), 2).await.unwrap();
        let mut row = tx.find::<ProviderAccount>(sid).await.unwrap().unwrap();
        change(&mut row.value);
        tx.update(&row.id, row.version, row.value).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn number_row(e164: &str, account: Option<AccountId>) -> Number {
    Number {
        e164: e164.to_owned(),
        carrier_sid: None,
        account,
        name: "Main".to_owned(),
        status: NumberStatus::Active,
        primary: false,
        capabilities: Capabilities::default(),
        greeting: None,
        voice: None,
        flow: None,
        routing: Routing::default(),
    }
}

/// A control plane that compares a tenant with the database at every look, and another node.
async fn nodes(change: impl FnOnce(&mut ControlPlaneSettings)) -> (Harness, OtherNode) {
    let harness = Harness::with(|settings| {
        settings.limits.directory.fresh_for = Duration::ZERO;
        settings.limits.webhook_refusal = Duration::ZERO;
        change(settings);
    })
    .await;
    let other = OtherNode::of(&harness).await;
    (harness, other)
}

/// What the carrier sends when a call comes in.
fn call(sid: &str, account: &str, to: &str) -> Vec<(String, String)> {
    [
        ("AccountSid", account),
        ("CallSid", sid),
        ("From", CALLER),
        ("To", to),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

async fn send(harness: &Harness, path: &str, fields: &[(String, String)], token: &str) -> Answer {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    harness.send(signed(path, &fields, token).body(form(&fields)).unwrap()).await
}

async fn incoming(harness: &Harness, sid: &str, account: &str, to: &str, token: &str) -> Answer {
    send(harness, "/api/voice/incoming", &call(sid, account, to), token).await
}

fn is_answered(answer: &Answer) -> bool {
    answer.status == StatusCode::OK && answer.text().contains("<Stream ")
}

/// Tenant number `tenant` gets a call.
async fn plan(harness: &Harness, sid: &str, tenant: u8, to: &str) -> CallPlan {
    let token = incoming(harness, sid, &account(tenant), to, &token(tenant)).await.stream_token();
    let claim = StreamClaim {
        account_sid: account(tenant),
        call_sid: sid.to_owned(),
        stream_sid: "MZ00000000000000000000000000000001".to_owned(),
        token: Some(Secret::new(&token)),
    };
    harness.plane.ports().admissions.admit(claim).await.unwrap()
}

#[tokio::test]
async fn a_tenant_that_is_made_on_another_node_answers_its_first_call() {
    let (harness, other) = nodes(|_| {}).await;
    let answer = incoming(&harness, "CA1", &account(2), &number(2), &token(2)).await;
    assert_eq!(answer.problem(403), "invalid_signature", "there is no such tenant yet");
    let id = other.add_tenant(2).await;
    let plan = plan(&harness, "CA1", 2, &number(2)).await;
    assert_eq!((plan.tenant.0.as_str(), plan.assistant.prompt.as_str()), (id.as_str(), "You are 2."));
    let stored = other.store.tenant(&id).call_by_carrier_sid("CA1").await.unwrap().unwrap();
    assert_eq!(stored.id.as_str(), plan.call.0);
    assert_eq!(stored.assistant_id, plan.assistant.id.0);
    assert!(stored.number.is_some());
}

#[tokio::test]
async fn a_number_is_not_reached_through_another_tenants_account() {
    let (harness, other) = nodes(|_| {}).await;
    let ours = other.add_tenant(2).await;
    other.add_tenant(3).await;
    assert!(is_answered(&incoming(&harness, "CA1", &account(2), &number(2), &token(2)).await));
    for signed_with in [token(3), token(2)] {
        let foreign = incoming(&harness, "CA2", &account(3), &number(2), &signed_with).await;
        assert_eq!(foreign.problem(403), "invalid_signature");
    }
    assert_eq!(other.store.tenant(&ours).call_by_carrier_sid("CA2").await.unwrap(), None);
    let unknown = incoming(&harness, "CA3", &account(2), "+15550188", &token(2)).await;
    assert_eq!(unknown.problem(404), "number_unknown");
    assert_eq!(unknown.json()["detail"], "No company found for this number");
}

#[tokio::test]
async fn a_call_to_another_tenants_number_is_the_callers_own_affair() {
    let (harness, other) = nodes(|_| {}).await;
    other.add_tenant(2).await;
    other.add_tenant(3).await;
    // Tenant 3 calls tenant 2: the one leg is tenant 3's, the other is tenant 2's.
    let mut outbound = call("CA1", &account(3), &number(2));
    outbound[2].1 = number(3);
    outbound[5].1 = "outbound-api".to_owned();
    assert!(is_answered(&send(&harness, "/api/voice/incoming", &outbound, &token(3)).await));
    let mut inbound = call("CA2", &account(2), &number(2));
    inbound[2].1 = number(3);
    assert!(is_answered(&send(&harness, "/api/voice/incoming", &inbound, &token(2)).await));
    // A leg that tenant 3 dials shows its caller, who happens to be tenant 2.
    let mut leg = call("CA3", &account(3), "+15550142");
    leg[2].1 = number(2);
    leg[5].1 = "outbound-dial".to_owned();
    assert_eq!(send(&harness, "/api/voice/status", &leg, &token(3)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn all_accounts_of_a_tenant_reach_its_numbers_each_with_its_own_token() {
    let (harness, other) = nodes(|_| {}).await;
    let id = other.add_tenant(2).await;
    other.add_account(&id, ("twilio", &account(12)), &[("auth_token", "backup-token", None)]).await;
    assert!(is_answered(&incoming(&harness, "CA1", &account(12), &number(2), "backup-token").await));
    assert!(is_answered(&incoming(&harness, "CA2", &account(2), &number(2), &token(2)).await));
    for (account, token) in [(account(12), token(2)), (account(2), "backup-token".to_owned())] {
        let crossed = incoming(&harness, "CA3", &account, &number(2), &token).await;
        assert_eq!(crossed.problem(403), "invalid_signature");
    }
}

#[tokio::test]
async fn the_platforms_token_is_not_believed_for_a_tenants_account() {
    let (harness, other) = nodes(|_| {}).await;
    other.add_tenant(2).await;
    let platform = TenantId::platform();
    for sid in [account(2), account(99)] {
        other.add_account(&platform, ("twilio", &sid), &[("auth_token", "master-token", None)]).await;
        let answer = incoming(&harness, "CA1", &sid, &number(2), "master-token").await;
        assert_eq!(answer.problem(403), "invalid_signature");
        let answer = incoming(&harness, "CA1", &sid, "+15550188", "master-token").await;
        assert_eq!(answer.problem(403), "invalid_signature", "nor for itself: the platform takes no calls");
    }
    assert!(is_answered(&incoming(&harness, "CA1", &account(2), &number(2), &token(2)).await));
}

#[tokio::test]
async fn the_tenants_mode_says_what_follows_from_a_signature_that_is_not_good() {
    let (harness, other) = nodes(|_| {}).await;
    let id = other.add_tenant(2).await;
    let fields = call("CA1", &account(2), &number(2));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let unsigned = || {
        Request::post("/api/voice/incoming")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(&fields))
            .unwrap()
    };
    for (mode, served) in
        [(WebhookMode::Enforce, false), (WebhookMode::Observe, true), (WebhookMode::Off, true)]
    {
        other.change_tenant(&id, |tenant| tenant.settings.webhook_mode = mode).await;
        for answer in [
            harness.send(unsigned()).await,
            incoming(&harness, "CA1", &account(2), &number(2), "wrong").await,
        ] {
            assert_eq!(is_answered(&answer), served, "{mode}: {}", answer.text());
        }
        assert!(is_answered(&incoming(&harness, "CA1", &account(2), &number(2), &token(2)).await));
        let foreign = incoming(&harness, "CA1", &account(99), &number(2), "wrong").await;
        assert_eq!(foreign.problem(403), "invalid_signature", "{mode}: the account must be the tenant's");
    }
}

#[tokio::test]
async fn a_token_that_is_exchanged_is_believed_until_it_is_taken_away() {
    let (harness, other) = nodes(|_| {}).await;
    let id = other.add_tenant(2).await;
    let believed =
        async |token: &str| is_answered(&incoming(&harness, "CA1", &account(2), &number(2), token).await);
    assert!(believed(&token(2)).await && !believed("newer").await);
    let row = other.store.tenant(&id).find::<ProviderAccount>(&account(2)).await.unwrap().unwrap();
    let exchanged = other.sealed(&id, &row.id, "auth_token", "newer", Some(&token(2))).await;
    other
        .change_account(&id, &account(2), |account| {
            account.secrets.insert("auth_token".to_owned(), exchanged);
        })
        .await;
    assert!(believed(&token(2)).await && believed("newer").await);
    other
        .change_account(&id, &account(2), |account| {
            account.secrets.get_mut("auth_token").unwrap().previous = None;
        })
        .await;
    assert!(!believed(&token(2)).await && believed("newer").await);
}

#[tokio::test]
async fn no_call_is_refused_while_a_token_is_exchanged() {
    let (harness, other) = nodes(|_| {}).await;
    let id = other.add_tenant(2).await;
    let row = other.store.tenant(&id).find::<ProviderAccount>(&account(2)).await.unwrap().unwrap();
    let exchanged = other.sealed(&id, &row.id, "auth_token", "newer", Some(&token(2))).await;
    let calls = async |from: u32, token: &str| {
        for call in from..from + 20 {
            let sid = format!("CA{call}");
            let answer = incoming(&harness, &sid, &account(2), &number(2), token).await;
            assert!(is_answered(&answer), "{call}: {}", answer.text());
        }
    };
    let exchange = async {
        other
            .change_account(&id, &account(2), |account| {
                account.secrets.insert("auth_token".to_owned(), exchanged);
            })
            .await;
        // The carrier signs with the new token only once it is stored here.
        calls(100, "newer").await;
    };
    let old = token(2);
    tokio::join!(calls(0, &old), calls(20, &old), exchange, calls(40, &old));
}

#[tokio::test]
async fn whoever_is_suspended_is_turned_away_unanswered() {
    let (harness, other) = nodes(|_| {}).await;
    let id = other.add_tenant(2).await;
    let rejected = async || {
        let answer = incoming(&harness, "CA1", &account(2), &number(2), &token(2)).await;
        answer.text().contains("<Reject")
    };
    assert!(!rejected().await);
    other.change_tenant(&id, |tenant| tenant.status = TenantStatus::Suspended).await;
    assert!(rejected().await);
    let report = send(&harness, "/api/voice/status", &call("CA1", &account(2), &number(2)), &token(2)).await;
    assert_eq!(report.status, StatusCode::OK, "calls that are up end in order");
    other.change_tenant(&id, |tenant| tenant.status = TenantStatus::Active).await;
    assert!(!rejected().await);
    other.change_account(&id, &account(2), |account| account.status = AccountStatus::Suspended).await;
    assert!(rejected().await);
    other.change_account(&id, &account(2), |account| account.status = AccountStatus::Closed).await;
    let closed = incoming(&harness, "CA1", &account(2), &number(2), &token(2)).await;
    assert_eq!(closed.problem(403), "invalid_signature");
}

#[tokio::test]
async fn strangers_get_the_same_answer_whatever_there_is_and_not_sooner() {
    let (harness, other) = nodes(|settings| {
        settings.limits.webhook_refusal = Duration::from_millis(60);
    })
    .await;
    other.add_tenant(2).await;
    other.add_tenant(3).await;
    let mut answers = Vec::new();
    for (account, to) in [
        (account(2), number(2)),
        (account(3), number(2)),
        (account(99), number(2)),
        (account(2), "+15550188".to_owned()),
        (account(99), "+15550188".to_owned()),
        ("".to_owned(), "".to_owned()),
        ("AC1".to_owned(), "somebody".to_owned()),
    ] {
        let began = std::time::Instant::now();
        let answer = incoming(&harness, "CA1", &account, &to, "guessed").await;
        assert!(began.elapsed() >= Duration::from_millis(60), "{account} {to}");
        let mut shown: Value = answer.json();
        shown["request_id"].take();
        answers.push((answer.status, shown));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn each_tenants_calls_have_its_own_prompt_and_each_number_its_greeting_and_voice() {
    let (harness, other) = nodes(|_| {}).await;
    let id = other.add_tenant(2).await;
    other.add_tenant(3).await;
    let mut tx = other.store.tenant(&id).begin(&Actor::system("test"), 1).await.unwrap();
    let own = Number {
        greeting: Some("Bonjour !".to_owned()),
        voice: Some("bass".to_owned()),
        ..number_row("+15550177", None)
    };
    tx.insert(own).await.unwrap();
    tx.commit().await.unwrap();
    let (two, three) =
        (plan(&harness, "CA1", 2, &number(2)).await, plan(&harness, "CA2", 3, &number(3)).await);
    assert_eq!(
        (two.assistant.prompt.as_str(), three.assistant.prompt.as_str()),
        ("You are 2.", "You are 3.")
    );
    assert_eq!((two.assistant.greeting.as_deref(), two.assistant.voice.as_str()), (Some("Hi!"), "alto"));
    let french = plan(&harness, "CA3", 2, "+15550177").await;
    assert_eq!(
        (french.assistant.greeting.as_deref(), french.assistant.voice.as_str()),
        (Some("Bonjour !"), "bass")
    );
    assert!(Arc::ptr_eq(&two.llm[0], &three.llm[0]), "without accounts of their own they share a client");
    assert!(Arc::ptr_eq(&two.llm[0], &french.llm[0]));
}

#[tokio::test]
async fn a_tenants_own_provider_account_serves_its_calls_alone() {
    let (harness, other) = nodes(|_| {}).await;
    let id = other.add_tenant(2).await;
    other.add_tenant(3).await;
    let shared = plan(&harness, "CA1", 3, &number(3)).await.llm[0].clone();
    other.add_account(&id, ("anthropic", "own"), &[("api_key", "own-key", None)]).await;
    let own = plan(&harness, "CA2", 2, &number(2)).await;
    assert!(!Arc::ptr_eq(&own.llm[0], &shared));
    assert_eq!(own.llm.len(), 1, "nobody else's key is used when it fails");
    assert!(Arc::ptr_eq(&own.llm[0], &plan(&harness, "CA3", 2, &number(2)).await.llm[0]));
    other.change_account(&id, "own", |account| account.status = AccountStatus::Suspended).await;
    let answer = incoming(&harness, "CA4", &account(2), &number(2), &token(2)).await;
    assert!(
        !answer.text().contains("<Stream "),
        "the platform's key does not take its place: {}",
        answer.text()
    );
}

#[tokio::test]
async fn a_credential_that_does_not_open_takes_nothing_else_along() {
    let (harness, other) = nodes(|_| {}).await;
    let id = other.add_tenant(2).await;
    let foreign = other.sealed(&id, &AccountId::generate(), "auth_token", "moved", None).await;
    other.add_account(&id, ("twilio", &account(12)), &[("auth_token", "good", None)]).await;
    other
        .change_account(&id, &account(12), |account| {
            account.secrets.insert("auth_token".to_owned(), foreign);
        })
        .await;
    assert!(is_answered(&incoming(&harness, "CA1", &account(2), &number(2), &token(2)).await));
    for token in ["moved", "good", ""] {
        let answer = incoming(&harness, "CA2", &account(12), &number(2), token).await;
        assert_eq!(answer.problem(403), "invalid_signature");
    }
}

#[tokio::test]
async fn a_number_that_moves_to_another_tenant_is_answered_by_that_one() {
    let (harness, other) = nodes(|_| {}).await;
    let (ours, theirs) = (other.add_tenant(2).await, other.add_tenant(3).await);
    assert_eq!(plan(&harness, "CA1", 2, &number(2)).await.tenant.0, ours.as_str());
    let mut tx = other.store.tenant(&ours).begin(&Actor::system("test"), 2).await.unwrap();
    let row = tx.find::<Number>(&number(2)).await.unwrap().unwrap();
    tx.update(&row.id, row.version, Number { status: NumberStatus::Released, ..row.value }).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = other.store.tenant(&theirs).begin(&Actor::system("test"), 2).await.unwrap();
    tx.insert(number_row(&number(2), None)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(plan(&harness, "CA2", 3, &number(2)).await.tenant.0, theirs.as_str());
    let former = incoming(&harness, "CA3", &account(2), &number(2), &token(2)).await;
    assert_eq!(former.problem(403), "invalid_signature");
}

#[tokio::test]
async fn the_numbers_of_the_configuration_are_stored_once_and_stay_as_they_are_changed() {
    let harness = Harness::new().await;
    let other = OtherNode::of(&harness).await;
    let id = TenantId::known("ten_1");
    let stored = other.store.tenant(&id).find::<Number>(OWN_NUMBER).await.unwrap().unwrap();
    let owner = other.store.tenant(&id).find::<ProviderAccount>(ACCOUNT).await.unwrap().unwrap();
    assert!(stored.value.primary && stored.value.account == Some(owner.id));
    assert!(owner.value.secrets.is_empty(), "its token stays in the configuration");
    let mut tx = other.store.tenant(&id).begin(&Actor::system("test"), 2).await.unwrap();
    let put_away = Number { status: NumberStatus::Inactive, ..stored.value };
    tx.update(&stored.id, stored.version, put_away).await.unwrap();
    tx.commit().await.unwrap();
    let harness = harness.killed_and_started_again().await;
    assert_eq!(other.store.tenant(&id).find::<Number>(OWN_NUMBER).await.unwrap(), None);
    assert!(!is_answered(&harness.incoming("CA1").await));
}

#[tokio::test]
async fn a_number_of_the_configuration_that_is_another_tenants_keeps_the_server_from_starting() {
    let harness = Harness::new().await;
    let other = OtherNode::of(&harness).await;
    let id = other.add_tenant(2).await;
    let mut changed = settings(&harness.folder).await;
    changed.tenant.numbers.push(number(2));
    let refused = control_plane::ControlPlane::open(changed).await.unwrap_err();
    assert!(
        refused.to_string().contains(&number(2)) && !refused.to_string().contains(id.as_str()),
        "{refused}"
    );
}

#[tokio::test]
async fn a_tenants_last_state_is_believed_while_the_database_does_not_serve() {
    let (harness, other) = nodes(|_| {}).await;
    other.add_tenant(2).await;
    assert!(is_answered(&incoming(&harness, "CA1", &account(2), &number(2), &token(2)).await));
    let Harness { plane, router, key, folder } = harness;
    plane.close().await.unwrap();
    let opened = control_plane::ControlPlane::open(settings(&folder).await).await.unwrap();
    let harness = Harness { plane: opened.control_plane, router, key, folder };
    let fields = call("CA1", &account(2), &number(2));
    let answer = send(&harness, "/api/voice/stream-ended", &fields, &token(2)).await;
    assert!(answer.text().contains("We&apos;re experiencing issues."), "{}", answer.text());
    let stranger = send(&harness, "/api/voice/stream-ended", &fields, "guessed").await;
    assert_eq!(stranger.problem(403), "invalid_signature");
}
