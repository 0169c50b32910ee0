//! Tenants that are added to a running server: each takes calls with its own account, keys, prompt and voice.

use crate::support::Folder;
use engine::provider::Secret;
use fixtures::{
    call::Fixture,
    carrier::{Carrier, CarrierOptions, CarrierReport},
    sandbox::{Entry, Event, Service, key_mark},
    virtual_time,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};
use store::{
    Store, TenantId, Turn,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        assistant::Assistant,
        audit::Actor,
        number::{Capabilities, Number, NumberStatus, Routing},
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use store_postgres::{PostgresOptions, PostgresStore, test_server};
use store_sqlite::{SqliteOptions, SqliteStore};
use tandem::rehearsal::{Performance, Rehearsal, sandbox_options};
use vault::{KeyRing, Place, Vault};

/// A company with everything of its own.
struct Company {
    name: &'static str,
    account_sid: &'static str,
    number: &'static str,
    /// What its callers say.
    fixture: &'static str,
}

const COMPANIES: [Company; 2] = [
    Company {
        name: "north",
        account_sid: "AC00000000000000000000000000000011",
        number: "+15555550111",
        fixture: "greeting-and-goodbye",
    },
    Company {
        name: "south",
        account_sid: "AC00000000000000000000000000000022",
        number: "+15555550122",
        fixture: "french",
    },
];

impl Company {
    fn token(&self) -> String {
        format!("{}-token", self.name)
    }

    fn key(&self, service: &str) -> String {
        format!("{}-{service}-key", self.name)
    }

    fn prompt(&self) -> String {
        format!("You answer for {}.", self.name)
    }

    fn voice(&self) -> String {
        format!("{}-voice", self.name)
    }

    /// Puts it into the database, as another process would.
    async fn found(&self, store: &dyn Store, vault: &Vault) -> TenantId {
        let id = TenantId::generate();
        let actor = Actor::system("test");
        let tenant = Tenant {
            name: self.name.to_owned(),
            slug: self.name.to_owned(),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        let mut tx = store.platform().begin(&actor, 1).await.unwrap();
        tx.insert_as(id.clone(), tenant).await.unwrap();
        tx.commit().await.unwrap();
        let (carrier, row) =
            self.account(vault, &id, ("twilio", self.account_sid), ("auth_token", &self.token())).await;
        let mut accounts = vec![(carrier.clone(), row)];
        for service in ["deepgram", "anthropic", "elevenlabs"] {
            let sid = format!("{}-{service}", self.name);
            let key = self.key(service);
            accounts.push(self.account(vault, &id, (service, &sid), ("api_key", &key)).await);
        }
        let mut tx = store.tenant(&id).begin(&actor, 1).await.unwrap();
        for (account, row) in accounts {
            tx.insert_as(account, row).await.unwrap();
        }
        tx.insert(self.number(carrier)).await.unwrap();
        tx.insert(self.assistant()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn account(
        &self,
        vault: &Vault,
        tenant: &TenantId,
        (kind, sid): (&str, &str),
        (name, secret): (&str, &str),
    ) -> (AccountId, ProviderAccount) {
        let id = AccountId::generate();
        let place = Place::provider_account(&id, name);
        let current = vault.seal(tenant, &place, &Secret::new(secret)).await.unwrap();
        let row = ProviderAccount {
            kind: kind.to_owned(),
            mode: AccountMode::Own,
            sid: sid.to_owned(),
            name: sid.to_owned(),
            secrets: BTreeMap::from([(name.to_owned(), Credential { current, previous: None })]),
            properties: BTreeMap::new(),
            roles: Vec::new(),
            priority: 0,
            status: AccountStatus::Active,
        };
        (id, row)
    }

    fn number(&self, account: AccountId) -> Number {
        Number {
            e164: self.number.to_owned(),
            carrier_sid: None,
            account: Some(account),
            name: "Main".to_owned(),
            status: NumberStatus::Active,
            primary: true,
            capabilities: Capabilities { voice: true, sms: false, mms: false },
            greeting: None,
            voice: None,
            flow: None,
            routing: Routing::default(),
        }
    }

    fn assistant(&self) -> Assistant {
        let hints = Fixture::named(self.fixture).unwrap().assistant;
        let config = json!({
            "prompt": self.prompt(),
            "greeting": hints.greeting,
            "language": hints.language,
            "voice": self.voice(),
            "tools": [{ "name": "end_call", "kind": "end_call" }],
        });
        Assistant { name: "Front desk".to_owned(), config }
    }

    /// One of its callers.
    async fn call(&self, server: &str) -> CarrierReport {
        let options = CarrierOptions {
            to: self.number.to_owned(),
            status_url: Some(format!("{server}/api/voice/status")),
            ..CarrierOptions::new(format!("{server}/api/voice/incoming"), self.account_sid, self.token())
        };
        let fixture = Fixture::named(self.fixture).unwrap();
        Carrier::new(options).unwrap().run(&fixture, |_| {}).await.unwrap()
    }
}

/// The database of a running server, as another process sees it.
async fn other_process(folder: &Path, url: Option<&str>) -> (Arc<dyn Store>, Vault) {
    let store: Arc<dyn Store> = match url {
        Some(url) => Arc::new(PostgresStore::open(url, PostgresOptions::default()).await.unwrap()),
        None => {
            let file = folder.join("tandem.db");
            Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await.unwrap())
        }
    };
    let ring = KeyRing::read(&folder.join("secrets.key")).unwrap();
    (Arc::clone(&store), Vault::new(store, ring))
}

/// Everything that a service saw of one key.
fn shown<'a>(log: &'a [Entry], service: Service, key: &str) -> Vec<&'a Event> {
    let mark = key_mark(key);
    let with_key = |entry: &&Entry| match &entry.event {
        Event::Opened { key, .. } | Event::Request { key, .. } => *key == mark,
        _ => false,
    };
    log.iter().filter(|entry| entry.service == service).filter(with_key).map(|entry| &entry.event).collect()
}

/// What became of calls at the same time.
struct Heard {
    /// What the outside services saw.
    log: Vec<Entry>,
    /// What was said, for each of [`COMPANIES`].
    turns: Vec<Vec<Turn>>,
    /// The call of the configuration's own tenant.
    configured: Performance,
}

/// A call for each company and for the configuration's own tenant, at the same time, on a database file or on PostgreSQL.
async fn calls_at_the_same_time(folder: &Folder, url: Option<&str>) -> Heard {
    let own = Fixture::named("greeting-and-goodbye").unwrap();
    let rehearsal = Rehearsal::start(sandbox_options(), &own, folder.path(), |config| {
        config.store.url = url.map(Secret::new);
    })
    .await
    .unwrap();
    let server = format!("http://{}", rehearsal.server.address);
    let (store, vault) = other_process(folder.path(), url).await;
    let mut tenants = Vec::new();
    for company in &COMPANIES {
        tenants.push(company.found(&*store, &vault).await);
    }
    let (north, south, configured) = tokio::join!(
        COMPANIES[0].call(&server),
        COMPANIES[1].call(&server),
        rehearsal.call(&own, rehearsal.carrier_options(), |_| {}),
    );
    let log = rehearsal.sandbox.log().entries();
    rehearsal.end().await.unwrap();
    let mut turns = Vec::new();
    for (tenant, report) in tenants.iter().zip([&north, &south]) {
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        let part = store.tenant(tenant);
        let call = part.call_by_carrier_sid(&report.call_sid).await.unwrap().unwrap();
        turns.push(part.turns(&call.id).await.unwrap());
        let path = folder.path().join("recordings").join(tenant.as_str()).join(format!("{}.wav", call.id));
        assert!(path.exists(), "it is recorded into its own folder");
    }
    Heard { log, turns, configured: configured.unwrap() }
}

#[test]
fn tenants_take_calls_at_the_same_time_with_their_own_credentials_prompt_and_voice() {
    let folder = Folder::new();
    let heard = virtual_time::run(calls_at_the_same_time(&folder, None));
    assert!(heard.configured.mismatches.is_empty(), "{:?}", heard.configured.mismatches);
    each_was_served_with_its_own(&heard);
}

/// By the clock on the wall: another process's work does not hold the virtual one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_on_postgresql_take_calls_with_their_own_credentials_prompt_and_voice() {
    let Some(url) = test_server::database().await else { return };
    let folder = Folder::new();
    each_was_served_with_its_own(&calls_at_the_same_time(&folder, Some(&url)).await);
}

fn each_was_served_with_its_own(Heard { log, turns, .. }: &Heard) {
    let said = |turns: &[Turn]| turns.iter().map(|turn| turn.caller.clone()).collect::<Vec<_>>();
    assert!(
        said(&turns[0]).iter().any(|said| said.contains("What time do you close")),
        "{:?}",
        said(&turns[0])
    );
    assert!(said(&turns[1]).iter().any(|said| said.contains("arrosoir")), "{:?}", said(&turns[1]));

    let mut keys = BTreeSet::new();
    for (company, other) in [(&COMPANIES[0], &COMPANIES[1]), (&COMPANIES[1], &COMPANIES[0])] {
        for service in ["deepgram", "anthropic", "elevenlabs"] {
            keys.insert(key_mark(&company.key(service)));
        }
        assert!(!shown(log, Service::Deepgram, &company.key("deepgram")).is_empty());
        let asked = shown(log, Service::Anthropic, &company.key("anthropic"));
        assert!(!asked.is_empty());
        for event in asked {
            let Event::Request { body, .. } = event else { panic!("{event:?}") };
            let text = body.to_string();
            assert!(text.contains(&company.prompt()) && !text.contains(&other.prompt()), "{text}");
        }
        let spoken = shown(log, Service::Elevenlabs, &company.key("elevenlabs"));
        assert!(!spoken.is_empty());
        for event in spoken {
            let Event::Opened { voice, .. } = event else { panic!("{event:?}") };
            assert_eq!(*voice, company.voice());
        }
    }
    keys.insert(key_mark("sandbox"));
    let shown: BTreeSet<_> = log
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Opened { key, .. } | Event::Request { key, .. } if !key.is_empty() => Some(key.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(shown, keys, "every key was used, and none but these");
}
