//! What is in the house: configuration, keys, database.

use super::{Findings, Patient};
use crate::wiring;
use jiff::Timestamp;
use store::{Filter, StoreError, TenantId, model::tenant::Tenant, model::tenant::TenantStatus};
use vault::VaultError;

/// Tenants that are read at once.
const PAGE: u16 = 200;

pub(super) async fn check(patient: &Patient, findings: &mut Findings) {
    let missing = patient.config.missing_for_calls();
    for problem in &missing {
        findings.warning(
            "configuration",
            format!("`{}` {}", problem.key, problem.wrong),
            "the tenant of the configuration cannot answer calls of a real carrier without it",
            problem.write.clone(),
        );
    }
    if missing.is_empty() {
        findings.ok("configuration", "everything is set that a call needs");
    }
    services(patient, findings);
    match patient.store.check_writable(Timestamp::now().as_microsecond()).await {
        Ok(()) => findings.ok("database", "it answers and can be written"),
        Err(error) => return store_failed(findings, &error),
    }
    keys(patient, findings).await;
}

/// Somebody listens, thinks and speaks for tenants that bring nobody.
fn services(patient: &Patient, findings: &mut Findings) {
    let services = wiring::services(&patient.config).ok();
    match services.and_then(|services| services.own_providers(None).ok()).map(|own| own.lacking()) {
        Some(None) => findings.ok("services", "this installation has services that listen, think and speak"),
        Some(Some(lacking)) => findings.warning(
            "services",
            format!("no service of the configuration can be used for {lacking}"),
            "only tenants with provider accounts of their own are answered by an assistant; the others' callers leave a message",
            "set a key in [providers], or point its base_url at your own server",
        ),
        None => findings.failed(
            "services",
            "the services of the configuration cannot be set up",
            "the server does not start",
            "look at [providers] and [voice]; `tandem serve` says what is wrong",
        ),
    }
}

/// The database does not serve.
pub(super) fn store_failed(findings: &mut Findings, error: &StoreError) {
    findings.failed(
        "database",
        format!("it does not serve: {error}"),
        "webhooks are answered with an apology while it does not",
        "look at the disk's space and rights, or at the PostgreSQL server; the log has the cause",
    );
}

async fn keys(patient: &Patient, findings: &mut Findings) {
    const WHY: &str = "credentials that do not open cannot be used: those tenants' webhooks are refused";
    match patient.vault.check().await {
        Ok(()) => {}
        Err(error @ VaultError::UnknownKek { .. }) => {
            let mend = "put the key that made this database into secrets.keys or the key file; a copy was to be kept apart";
            return findings.failed("keys", error.to_string(), WHY, mend);
        }
        Err(error) => return findings.failed("keys", error.to_string(), WHY, "see `tandem keys status`"),
    }
    match patient.vault.status(None).await {
        Ok(status) if status.shut == 0 && status.secrets_shut == 0 => {
            let count = status.secrets + status.secrets_of_retired;
            findings.ok("keys", format!("all {count} stored credentials open"));
        }
        Ok(status) => findings.failed(
            "keys",
            format!("{} data keys and {} credentials do not open", status.shut, status.secrets_shut),
            WHY,
            "`tandem keys status` names the keys that are missing; credentials that were changed have to be set anew",
        ),
        Err(error) => findings.failed("keys", error.to_string(), WHY, "see `tandem keys status`"),
    }
}

/// The tenants that are to be checked, with what people call them.
pub(super) async fn tenants(
    patient: &Patient,
    wanted: Option<&str>,
) -> Result<Vec<(TenantId, String)>, StoreError> {
    let platform = patient.store.platform();
    let mut found = Vec::new();
    let mut filter = Filter::first(PAGE).oldest_first();
    loop {
        let page = platform.list::<Tenant>(&filter).await?;
        let Some(last) = page.last() else { return Ok(found) };
        filter = filter.after(last.id.as_str());
        let fitting =
            page.into_iter().filter(|tenant| tenant.id != TenantId::platform()).filter(
                |tenant| match wanted {
                    Some(wanted) => tenant.id.as_str() == wanted || tenant.value.slug == wanted,
                    None => tenant.value.status != TenantStatus::Closed,
                },
            );
        found.extend(fitting.map(|tenant| (tenant.id, tenant.value.name)));
    }
}
