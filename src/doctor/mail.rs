//! A tenant's mail servers and mailboxes: whether they take the login, and when a mailbox was read last.

use super::{Findings, Patient, house};
use crate::wiring;
use control_plane::mail_servers::{MailOptions, try_out};
use std::collections::BTreeMap;
use store::{
    Filter, StoreError, Stored, TenantId,
    model::{
        account::{AccountStatus, ProviderAccount},
        inbox::{ChannelChip, Mailbox, MailboxStatus},
    },
};
use vault::Place;

/// Accounts of a tenant that are looked at.
const PAGE: u16 = 200;
/// The chip by which mail finds its column on the board.
const CHIP: &str = "email_inbox";
const CHECK: &str = "mail";

pub(super) async fn check(patient: &Patient, tenant: &TenantId, findings: &mut Findings) {
    let options = match wiring::mail(&patient.config) {
        Ok(options) => options,
        Err(error) => {
            findings.failed(CHECK, error.to_string(), "no mail is sent or fetched", "mend [providers.mail]");
            return;
        }
    };
    if let Err(error) = accounts(patient, tenant, &options, findings).await {
        house::store_failed(findings, &error);
    }
}

async fn accounts(
    patient: &Patient,
    tenant: &TenantId,
    options: &MailOptions,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let part = patient.store.tenant(tenant);
    let mut has_mailbox = false;
    for kind in ["smtp", "imap"] {
        for row in part.list::<ProviderAccount>(&Filter::first(PAGE).of(kind).oldest_first()).await? {
            if row.value.status != AccountStatus::Active {
                continue;
            }
            has_mailbox |= kind == "imap";
            let name = format!("{} ({})", row.value.name, row.id);
            match log_in(patient, tenant, options, &row).await {
                Ok(()) => findings.ok(CHECK, format!("{name} takes the login")),
                Err(why) => findings.failed(
                    CHECK,
                    format!("{name}: {why}"),
                    if kind == "smtp" { "no mail leaves by it" } else { "no mail comes in by it" },
                    "connect it again: PUT /v1/provider-accounts/{id}/secrets/{name}",
                ),
            }
            if kind == "imap" {
                mailbox(part.find::<Mailbox>(row.id.as_str()).await?, &name, findings);
            }
        }
    }
    if has_mailbox {
        let chip = part.find::<ChannelChip>(CHIP).await?.filter(|chip| chip.value.is_active);
        let column = chip.and_then(|chip| chip.value.default_entry_column_id);
        let place = column.map_or_else(|| "the board's first column".to_owned(), |column| column.to_string());
        findings.ok(CHECK, format!("conversations that begin by mail begin in {place}"));
    }
    Ok(())
}

async fn log_in(
    patient: &Patient,
    tenant: &TenantId,
    options: &MailOptions,
    row: &Stored<ProviderAccount>,
) -> Result<(), String> {
    let mut secrets = BTreeMap::new();
    for (name, credential) in &row.value.secrets {
        let place = Place::provider_account(&row.id, name);
        let secret = patient.vault.open(tenant, &place, &credential.current).await;
        secrets
            .insert(name.clone(), secret.map_err(|error| format!("its {name} cannot be opened: {error}"))?);
    }
    try_out(options, &row.value, &secrets).await
}

fn mailbox(row: Option<Stored<Mailbox>>, name: &str, findings: &mut Findings) {
    let polled_at = |row: &Mailbox| {
        let time = row.polled_at.and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
        time.map_or_else(|| "never".to_owned(), |time| time.to_string())
    };
    match row.map(|row| row.value) {
        Some(row) if row.status == MailboxStatus::Connected => {
            findings.ok(CHECK, format!("{name} was read last at {}", polled_at(&row)));
        }
        Some(row) => findings.warning(
            CHECK,
            format!(
                "{name} is {}, and was read last at {}: {}",
                row.status,
                polled_at(&row),
                row.error.unwrap_or_default()
            ),
            "mail waits there",
            "see what the server that runs says of it",
        ),
        None => findings.warning(
            CHECK,
            format!("{name} was never read"),
            "mail waits there",
            "start the server: it reads every active mailbox",
        ),
    }
}
