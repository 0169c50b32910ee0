//! Reads one tenant from the store, on one connection, and makes its view.

use super::{
    Directory, TenantView,
    accounts::{self, Account},
    view::{Answerer, StoredNumber},
};
use crate::{
    assistants::AssistantConfig,
    providers::Service,
    settings::{CarrierTexts, TenantSettings},
};
use engine::ids::AssistantId;
use routing::{Book, hours::Hours};
use std::{
    collections::{HashMap, HashSet},
    error::Error,
    sync::Arc,
};
use store::{
    Document, Filter, Resource, Stamp, StoreError, Stored, Table, TenantId,
    model::{
        account::{AccountStatus, ProviderAccount},
        assistant,
        identity::{Membership, Role},
        number::{BusinessHours, Flow, Number, NumberStatus},
        queue::Queue,
        tenant::Tenant,
    },
};
use tracing::{error, warn};
use vault::Place;

/// What a view takes beside what its rows hold, in bytes: tables, and clients that it alone may use.
const VIEW_BYTES: usize = 4 * 1024;
/// How much more a row takes as a value than as text, about.
const ROW_FACTOR: usize = 3;

/// Why a tenant could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The database does not serve, or the tenant's row is not one that this version reads.
    #[error("reading a tenant's directory")]
    Store(#[from] StoreError),
    /// An HTTP client for its providers cannot be made.
    #[error("making the clients of a tenant's providers")]
    Client(#[from] reqwest::Error),
}

/// The tenant as it stands; `None` if there is none.
pub(super) async fn load(
    directory: &Directory,
    id: &TenantId,
) -> Result<Option<(TenantView, Stamp)>, LoadError> {
    let rows = Filter::first(directory.options.rows).oldest_first();
    let lists = [
        (Table::ProviderAccounts, rows.clone()),
        (Table::PhoneNumbers, rows.clone()),
        (Table::Assistants, rows.clone()),
        (Table::BusinessHours, rows.clone()),
        (Table::Queues, rows.clone()),
        (Table::Memberships, rows.clone()),
        (Table::Flows, rows),
    ];
    let Some(read) = directory.store.tenant(id).directory(&lists).await? else { return Ok(None) };
    let text: usize = read.lists.iter().flatten().map(|row| row.body.len()).sum();
    for ((table, filter), rows) in lists.iter().zip(&read.lists) {
        if rows.len() >= usize::from(filter.limit) {
            warn!(tenant = %id, table = table.noun(), limit = filter.limit, "a tenant has more rows than are read");
        }
    }
    let mut lists = read.lists.into_iter();
    let mut next = || lists.next().unwrap_or_default();
    let tenant: Stored<Tenant> = Stored::read(read.tenant)?;
    let accounts = open_accounts(directory, id, readable(id, next())).await?;
    let numbers = readable::<Number>(id, next());
    let configured = Some(&directory.configured).filter(|configured| configured.id.0 == id.as_str());
    let mut view = TenantView {
        id: id.as_str().into(),
        texts: texts(&tenant.value, configured),
        record: tenant.value.settings.recording.enabled
            && configured.is_none_or(|configured| configured.record),
        transfer_targets: transfer_targets(&tenant.value, configured),
        tenant: tenant.value,
        accounts,
        call_from: call_from(&numbers),
        numbers: by_e164(numbers),
        assistants: HashMap::new(),
        default_assistant: None,
        book: Book::default(),
        bytes: VIEW_BYTES + ROW_FACTOR * text,
    };
    add_assistants(directory, &mut view, id, readable(id, next()), configured).await?;
    let (hours, queues, members) = (readable(id, next()), readable(id, next()), readable(id, next()));
    let flows = readable::<Flow>(id, next()).into_iter().map(|row| (row.id, row.value.routing)).collect();
    view.book = Book { flows, ..book(id, &view, hours, queues, members) };
    if let Some(configured) = configured {
        add_configured_account(&mut view, configured);
    }
    Ok(Some((view, read.stamp)))
}

/// Those rows that this version reads; one that it does not read does not take the others along.
fn readable<T: Resource>(tenant: &TenantId, rows: Vec<Document>) -> Vec<Stored<T>> {
    rows.into_iter()
        .filter_map(|row| {
            let id = row.id.clone();
            Stored::read(row)
                .inspect_err(|cause| error!(%tenant, id, error = cause as &dyn Error, "a row is left out"))
                .ok()
        })
        .collect()
}

/// By their number; of several rows with the same one the active one counts, of which there is only one.
fn by_e164(rows: Vec<Stored<Number>>) -> HashMap<String, Arc<StoredNumber>> {
    let mut numbers: HashMap<String, Arc<StoredNumber>> = HashMap::new();
    let known = rows.into_iter().filter(|row| row.value.status != NumberStatus::Released);
    for Stored { id, value: number, .. } in known {
        let is_active = number.status == NumberStatus::Active;
        if is_active || !numbers.contains_key(&number.e164) {
            numbers.insert(number.e164.clone(), Arc::new(StoredNumber { id, number }));
        }
    }
    numbers
}

/// The primary number, or the oldest that is active.
fn call_from(rows: &[Stored<Number>]) -> Option<String> {
    let mut active = rows.iter().filter(|row| row.value.status == NumberStatus::Active);
    let primary = active.clone().find(|row| row.value.primary);
    primary.or_else(|| active.next()).map(|row| row.value.e164.clone())
}

/// What its calls can be led to. Hours that cannot be read count as open.
fn book(
    tenant: &TenantId,
    view: &TenantView,
    hours: Vec<Stored<BusinessHours>>,
    queues: Vec<Stored<Queue>>,
    members: Vec<Stored<Membership>>,
) -> Book {
    let active = view.numbers.values().filter(|stored| stored.number.status == NumberStatus::Active);
    let hours = hours.into_iter().filter_map(|row| match Hours::read(&row.value, &view.tenant.settings.time_zone) {
        Ok(hours) => Some((row.id, hours)),
        Err(faults) => {
            let fault = faults.first().map(|fault| fault as &dyn Error);
            warn!(%tenant, hours = %row.id, error = fault, "stored hours cannot be read: they count as open");
            None
        }
    });
    Book {
        numbers: active.map(|stored| stored.number.e164.clone()).collect(),
        assistants: view.assistants.keys().map(|id| store::ids::AssistantId::known(id.as_str())).collect(),
        own_assistant: view.default_assistant.is_some(),
        users: members
            .into_iter()
            .filter(|row| row.value.role <= Role::Operator && row.value.invitation.is_none())
            .map(|row| row.value.user)
            .collect(),
        queues: queues.into_iter().map(|row| (row.id, row.value)).collect(),
        hours: hours.collect(),
        flows: HashMap::new(),
    }
}

async fn open_accounts(
    directory: &Directory,
    tenant: &TenantId,
    mut rows: Vec<Stored<ProviderAccount>>,
) -> Result<Vec<Account>, LoadError> {
    rows.retain(|row| row.value.status != AccountStatus::Closed);
    // The sort is stable: of two that are tried equally early, the older one comes first.
    rows.sort_by_key(|row| row.value.priority);
    let mut accounts = Vec::with_capacity(rows.len());
    for row in rows {
        accounts.push(Account::open(&directory.vault, tenant, row).await?);
    }
    Ok(accounts)
}

/// What the configuration says of the account is believed beside what is stored of it.
fn add_configured_account(view: &mut TenantView, configured: &TenantSettings) {
    if !configured.has_account() {
        return;
    }
    let twilio = &configured.twilio;
    let known = view
        .accounts
        .iter_mut()
        .find(|account| account.kind == "twilio" && account.sid == twilio.account_sid);
    if let Some(account) = known {
        account.signing.add(twilio);
    }
}

fn texts(tenant: &Tenant, configured: Option<&TenantSettings>) -> CarrierTexts {
    let mut texts = configured.map_or_else(CarrierTexts::default, |configured| configured.texts.clone());
    if let Some(voice) = &tenant.settings.voice {
        texts.voice.clone_from(voice);
    }
    texts
}

/// What is stored of a name counts before what is configured.
fn transfer_targets(tenant: &Tenant, configured: Option<&TenantSettings>) -> HashMap<String, String> {
    let mut targets = configured.map_or_else(HashMap::new, |configured| configured.transfer_targets.clone());
    for target in &tenant.settings.transfer_targets {
        targets.insert(target.name.clone(), target.number.clone());
    }
    targets
}

/// The assistants that can be used, and which of them answers where nothing else is said: the one that the tenant's
/// settings name, else the configuration's, else the oldest.
async fn add_assistants(
    directory: &Directory,
    view: &mut TenantView,
    tenant: &TenantId,
    rows: Vec<Stored<assistant::Assistant>>,
    configured: Option<&TenantSettings>,
) -> Result<(), LoadError> {
    let mut oldest = None;
    for row in rows {
        let id = row.id.as_str().to_owned();
        let config = match AssistantConfig::parse(&row.value.config) {
            Ok(config) => config,
            Err(cause) => {
                error!(%tenant, assistant = id, error = &cause as &dyn Error, "an assistant cannot be used");
                continue;
            }
        };
        if let Some(answerer) = answerer(directory, view, tenant, &id, &config).await? {
            oldest.get_or_insert_with(|| id.clone());
            view.assistants.insert(id, answerer);
        }
    }
    let configured =
        configured.filter(|configured| configured.providers.lacking().is_none()).map(|configured| {
            let id = configured.assistant.id.0.clone();
            let answerer = Answerer {
                assistant: Arc::clone(&configured.assistant),
                providers: Arc::new(configured.providers.clone()),
                remote_tools: configured.remote_tools.clone(),
            };
            view.assistants.insert(id.clone(), answerer);
            id
        });
    let named = view.tenant.settings.default_assistant.as_ref().map(|id| id.as_str().to_owned());
    view.default_assistant = named.filter(|id| view.assistants.contains_key(id)).or(configured).or(oldest);
    Ok(())
}

/// An assistant with its providers; `None`, and a line in the log, if somebody is lacking.
async fn answerer(
    directory: &Directory,
    view: &TenantView,
    tenant: &TenantId,
    id: &str,
    config: &AssistantConfig,
) -> Result<Option<Answerer>, LoadError> {
    let providers = directory.services.providers(
        [&config.stt, &config.llm, &config.tts],
        config.voice.as_deref(),
        |service: Service| accounts::reached(&view.accounts, &directory.services, service),
    )?;
    if let Some(lacking) = providers.lacking() {
        warn!(%tenant, assistant = id, lacking, "an assistant cannot answer: a provider is lacking");
        return Ok(None);
    }
    let mut remote_tools = HashMap::new();
    let mut seen = HashSet::new();
    for tool in config.tools.iter().filter(|tool| seen.insert(&tool.name)) {
        let secret = match &tool.signing_secret {
            Some(sealed) => {
                let place = Place { table: "assistants", id: id.to_owned(), field: tool.secret_field() };
                // Without its secret a tool's requests would look like anybody's.
                let Some(secret) = accounts::open(&directory.vault, tenant, &place, sealed).await? else {
                    continue;
                };
                Some(secret)
            }
            None => None,
        };
        remote_tools.extend(tool.remote(secret).map(|remote| (tool.name.clone(), remote)));
    }
    Ok(Some(Answerer {
        assistant: Arc::new(config.assistant(AssistantId(id.to_owned()), &view.transfer_targets)),
        providers: Arc::new(providers),
        remote_tools,
    }))
}
