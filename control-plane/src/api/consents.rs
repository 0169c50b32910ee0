//! `/v1/consents`: who wants messages and who does not, by channel and sender, with the proof of each change. What people write
//! themselves (STOP, START) and what providers tell is noted where it comes in; here a tenant notes what it knows otherwise.

mod table;

use super::{
    batches::csv,
    body::{Body, Check},
    crud,
    item::{Item, Named},
    need::{ConsentsManage, ConsentsRead},
    once::{Answer, Stop},
    op::Op,
    page::{List, Page, PageParams},
    phone, schema,
};
use crate::{
    clock::rfc3339,
    problem::{FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use outbox::note_consent;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Filter,
    model::{
        consent::{Consent, ConsentStatus, Proof},
        message::Channel,
    },
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Addresses of an import: all of them count or none.
const IMPORT_MAX: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_consents, note_one_consent))
        .routes(routes!(import_consents))
        .routes(routes!(export_consents))
}

/// What somebody said about messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsentView {
    /// How.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// From whom: one of the tenant's addresses, `*` for all of them, or `nobody` where the address was found to be nobody's.
    #[schema(example = "*")]
    sender: String,
    /// To whom.
    #[schema(example = "+15550100")]
    address: String,
    /// Whether they want it.
    #[schema(schema_with = schema::word::<ConsentStatus>)]
    status: ConsentStatus,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// How it is known, the newest last.
    proofs: Vec<ProofView>,
}

/// How a consent is known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsentProof)]
pub(crate) struct ProofView {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// What they wanted then.
    #[schema(schema_with = schema::word::<ConsentStatus>)]
    status: ConsentStatus,
    /// Where it comes from: `message`, `provider`, `api`, `import`, `link`.
    source: String,
    /// Their own words, the provider's code, or who said so.
    evidence: String,
}

impl Named for ConsentView {
    const NAME: &'static str = "Consent";
}

type ConsentItem = Item<ConsentView>;

impl ConsentView {
    fn of(consent: Consent) -> Self {
        let Consent { channel, sender, address, status, since, proofs } = consent;
        let proofs = proofs.into_iter().map(|Proof { at, status, source, evidence }| ProofView {
            at: rfc3339(at),
            status,
            source,
            evidence,
        });
        Self { channel, sender, address, status, since: rfc3339(since), proofs: proofs.collect() }
    }
}

/// Which consents to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsentParams {
    /// Of this number or email address.
    #[param(example = "+15550100")]
    address: Option<String>,
    /// In this state.
    #[param(schema_with = schema::word::<ConsentStatus>)]
    status: Option<ConsentStatus>,
}

/// What somebody said, as the tenant knows it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentForm {
    /// How.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// From whom: one of the tenant's addresses; without it all of them.
    #[serde(default = "anybody")]
    #[schema(min_length = 1, max_length = 254, default = "*")]
    sender: String,
    /// Whose: a number, an email address, or a name at the push service.
    #[schema(min_length = 1, max_length = 254, example = "+15550100")]
    address: String,
    /// Whether they want messages.
    #[schema(schema_with = schema::word::<ConsentStatus>)]
    status: ConsentStatus,
    /// How it is known: what they signed, said or wrote, and when.
    #[schema(min_length = 1, max_length = 1000, example = "signed the form at the counter")]
    evidence: String,
}

fn anybody() -> String {
    Consent::ANY_SENDER.to_owned()
}

impl Check for ConsentForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("sender", &self.sender, 1, 254);
        check_address(faults, self.channel, &self.address);
        faults.text("evidence", &self.evidence, 1, 1_000);
    }
}

/// Notes an address that will not do.
fn check_address(faults: &mut Faults, channel: Channel, address: &str) {
    match channel {
        Channel::Sms | Channel::Whatsapp | Channel::Voice => {
            faults.e164("address", &phone::tidied(address.to_owned()))
        }
        Channel::Email => faults.email("address", address.trim()),
        Channel::Push => faults.text("address", address, 1, 128),
    }
}

/// An address as it is compared.
fn settled(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Email => address.trim().to_lowercase(),
        Channel::Push => address.trim().to_owned(),
        Channel::Sms | Channel::Whatsapp | Channel::Voice => phone::of_person(address.trim().to_owned()),
    }
}

/// A sender as routes have it.
fn settled_sender(channel: Channel, sender: &str) -> String {
    match channel {
        Channel::Email => sender.trim().to_lowercase(),
        Channel::Sms | Channel::Whatsapp | Channel::Voice => phone::tidied(sender.trim().to_owned()),
        Channel::Push => sender.trim().to_owned(),
    }
}

/// Lists consents, newest first.
#[utoipa::path(
    get, path = "/v1/consents", tag = "Consents", security(("bearer" = ["consents:read"])),
    params(PageParams, ConsentParams),
    responses((status = 200, description = "A page of them", body = Page<ConsentItem>)),
)]
async fn list_consents(
    op: Op<ConsentsRead>,
    list: List<ConsentParams>,
) -> Result<Json<Page<ConsentItem>>, Problem> {
    let ConsentParams { address, status } = list.filter.clone();
    let narrow = |filter: Filter| {
        let filter = match address {
            Some(address) if address.contains('@') => filter.of(address.trim().to_lowercase()),
            Some(address) => filter.of(phone::of_person(address)),
            None => filter,
        };
        match status {
            Some(status) => filter.with_status(status.as_str()),
            None => filter,
        }
    };
    crud::list(&op, &list, narrow, ConsentView::of).await
}

/// Notes that somebody wants messages, or no more, with the proof of it.
#[utoipa::path(
    post, path = "/v1/consents", tag = "Consents", security(("bearer" = ["consents:manage"])), request_body = ConsentForm,
    responses((status = 200, description = "As it is now", body = ConsentItem)),
)]
async fn note_one_consent(op: Op<ConsentsManage>, body: Body<ConsentForm>) -> Result<Response, Stop> {
    let ConsentForm { channel, sender, address, status, evidence } = body.value;
    let (address, sender) = (settled(channel, &address), settled_sender(channel, &sender));
    let evidence = format!("{evidence} (noted by {})", op.actor().id);
    let mut work = op.begin_once(&body.once).await?;
    let proof = Proof { at: work.tx.now(), status, source: "api".to_owned(), evidence };
    note_consent(&mut *work.tx, channel, &sender, &address, proof).await?;
    let lookup = Consent::lookup(channel, &sender, &address);
    let row = work.tx.find::<Consent>(&lookup).await?.ok_or_else(|| Problem::not_found("consent"))?;
    work.tx.note("consent.note", row.id.as_str(), &serde_json::json!({ "status": status })).await?;
    work.finish(Answer::new(StatusCode::OK, &Item::of(row, ConsentView::of))?).await
}

/// Consents that another system has.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentImport)]
pub(crate) struct ImportForm {
    /// How; a column `channel` says otherwise for a line.
    #[schema(schema_with = schema::word::<Channel>)]
    channel: Channel,
    /// From whom: one of the tenant's addresses; without it all of them. A column `sender` says otherwise for a line.
    #[serde(default = "anybody")]
    #[schema(min_length = 1, max_length = 254, default = "*")]
    sender: String,
    /// What they want; without it, no more messages. A column `status` says otherwise for a line.
    #[serde(default = "opted_out")]
    #[schema(schema_with = schema::word::<ConsentStatus>, required = false)]
    status: ConsentStatus,
    /// Whose. Either this or `csv`.
    #[serde(default)]
    #[schema(max_items = 10000)]
    addresses: Vec<String>,
    /// Whose, as comma-separated values (RFC 4180) with a line of names: `address`, and if need be `channel`, `sender`, `status`,
    /// `evidence`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 5000000, required = false)]
    csv: Option<String>,
    /// Where it comes from.
    #[schema(min_length = 1, max_length = 1000, example = "Twilio's opt-out list of 2026-11-21")]
    evidence: String,
}

const fn opted_out() -> ConsentStatus {
    ConsentStatus::OptedOut
}

/// One of an import.
struct Imported {
    channel: Channel,
    sender: String,
    address: String,
    status: ConsentStatus,
    evidence: String,
}

impl ImportForm {
    /// All that are to be noted.
    fn all(&self) -> Result<Vec<Imported>, table::TableError> {
        match &self.csv {
            Some(text) => table::read(text, self, IMPORT_MAX),
            None => Ok(self.addresses.iter().map(|address| self.one(address.clone())).collect()),
        }
    }

    fn one(&self, address: String) -> Imported {
        Imported {
            channel: self.channel,
            sender: self.sender.clone(),
            address,
            status: self.status,
            evidence: self.evidence.clone(),
        }
    }
}

impl Check for ImportForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("sender", &self.sender, 1, 254);
        faults.text("evidence", &self.evidence, 1, 1_000);
        faults.at_most("addresses", &self.addresses, IMPORT_MAX);
        if self.csv.is_some() != self.addresses.is_empty() {
            faults.add_at("addresses", FaultCode::InvalidValue, "give either addresses or csv");
        }
        let place = if self.csv.is_some() { "csv" } else { "addresses" };
        match self.all() {
            Ok(all) => faults.field(place, |faults| {
                for (index, one) in all.iter().enumerate() {
                    faults
                        .field(&index.to_string(), |faults| check_address(faults, one.channel, &one.address));
                }
            }),
            Err(cause) => faults.add_at("csv", FaultCode::InvalidValue, cause.to_string()),
        }
    }
}

/// What was imported.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConsentsImported)]
pub(crate) struct ImportedView {
    /// How many were noted.
    #[schema(minimum = 0)]
    noted: usize,
}

/// Takes in what another system or a provider knows of who wants no messages, all of it or nothing.
#[utoipa::path(
    post, path = "/v1/consents/import", tag = "Consents", security(("bearer" = ["consents:manage"])),
    request_body = ImportForm,
    responses((status = 200, description = "They are noted", body = ImportedView)),
)]
async fn import_consents(op: Op<ConsentsManage>, body: Body<ImportForm>) -> Result<Response, Stop> {
    let all = body.value.all().map_err(|cause| Problem::invalid(cause.to_string()))?;
    let mut work = op.begin_once(&body.once).await?;
    let at = work.tx.now();
    let noted = all.len();
    for Imported { channel, sender, address, status, evidence } in all {
        let proof = Proof { at, status, source: "import".to_owned(), evidence };
        let (address, sender) = (settled(channel, &address), settled_sender(channel, &sender));
        note_consent(&mut *work.tx, channel, &sender, &address, proof).await?;
    }
    work.tx.note("consent.import", "consents", &serde_json::json!({ "noted": noted })).await?;
    work.finish(Answer::new(StatusCode::OK, &ImportedView { noted })?).await
}

/// All consents with all proofs, as comma-separated values: what is shown to whoever asks why somebody was written to.
#[utoipa::path(
    get, path = "/v1/consents/export", tag = "Consents", security(("bearer" = ["consents:read"])),
    responses((status = 200, description = "One line for each proof", body = String, content_type = "text/csv")),
)]
async fn export_consents(op: Op<ConsentsRead>) -> Result<Response, Problem> {
    let text = table::written(&*op.store).await?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
}
