//! Checks an installation, and says what is wrong so that it can be mended: what, why it matters, how.

use crate::config::Config;
use engine::provider::Secret;
use provisioning::Provisioner;
use serde::Serialize;
use std::{fmt, sync::Arc};
use store::{Store, TenantId};
use vault::Vault;

mod carrier;
mod house;
mod mail;
mod outside;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// As it should.
    Ok,
    /// It was not as it should be, and is now.
    Fixed,
    /// It works, but somebody should look.
    Warning,
    /// Calls fail, or will.
    Failed,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was checked.
    pub(crate) check: &'static str,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    /// How it ended.
    pub(crate) state: State,
    /// What is so.
    pub(crate) what: String,
    /// Why that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// How it is mended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) all: Vec<Finding>,
    tenant: Option<String>,
}

impl Findings {
    /// What is found from now on is this tenant's.
    pub(crate) fn of_tenant(&mut self, name: Option<String>) {
        self.tenant = name;
    }

    pub(crate) fn ok(&mut self, check: &'static str, what: impl Into<String>) {
        self.add(State::Ok, check, what.into(), None, None);
    }

    pub(crate) fn fixed(&mut self, check: &'static str, what: impl Into<String>) {
        self.add(State::Fixed, check, what.into(), None, None);
    }

    pub(crate) fn warning(
        &mut self,
        check: &'static str,
        what: impl Into<String>,
        why: &str,
        mend: impl Into<String>,
    ) {
        self.add(State::Warning, check, what.into(), Some(why.to_owned()), Some(mend.into()));
    }

    pub(crate) fn failed(
        &mut self,
        check: &'static str,
        what: impl Into<String>,
        why: &str,
        mend: impl Into<String>,
    ) {
        self.add(State::Failed, check, what.into(), Some(why.to_owned()), Some(mend.into()));
    }

    fn add(
        &mut self,
        state: State,
        check: &'static str,
        what: String,
        why: Option<String>,
        mend: Option<String>,
    ) {
        self.all.push(Finding { check, tenant: self.tenant.clone(), state, what, why, mend });
    }

    /// Whether nothing failed.
    pub(crate) fn is_sound(&self) -> bool {
        self.all.iter().all(|finding| finding.state != State::Failed)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Fixed => "fixed",
            State::Warning => "WARNING",
            State::Failed => "FAILED",
        };
        write!(f, "{state:<8} {:<14} ", self.check)?;
        if let Some(tenant) = &self.tenant {
            write!(f, "{tenant}: ")?;
        }
        write!(f, "{}", self.what)?;
        if let Some(why) = &self.why {
            write!(f, "\n         why:  {why}")?;
        }
        if let Some(mend) = &self.mend {
            write!(f, "\n         mend: {mend}")?;
        }
        Ok(())
    }
}

/// What the checks work with.
pub(crate) struct Patient {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) provisioner: Provisioner,
    pub(crate) http: reqwest::Client,
    /// Whether what can be mended is.
    pub(crate) fix: bool,
}

/// Checks everything; of the tenants only `tenant`, if one is named.
pub(crate) async fn examine(patient: &Patient, tenant: Option<&str>, findings: &mut Findings) {
    house::check(patient, findings).await;
    outside::check(patient, findings).await;
    match house::tenants(patient, tenant).await {
        Ok(tenants) if tenants.is_empty() => {
            let name = tenant.unwrap_or("(any)");
            findings.failed(
                "tenant",
                format!("there is no tenant {name}"),
                "nobody's calls can be answered",
                "name it by its id (ten_…) or short name; `GET /v1/tenants` lists them",
            );
        }
        Ok(tenants) => {
            for (id, name) in tenants {
                findings.of_tenant(Some(name));
                carrier::check(patient, &id, findings).await;
                mail::check(patient, &id, findings).await;
            }
            findings.of_tenant(None);
        }
        Err(error) => house::store_failed(findings, &error),
    }
}

/// An auth token, for the one check that signs as the carrier does.
pub(crate) async fn auth_token(
    patient: &Patient,
    tenant: &TenantId,
    account: &store::Stored<store::model::account::ProviderAccount>,
) -> Option<Secret> {
    match account.value.secrets.get("auth_token") {
        Some(sealed) => {
            let place = vault::Place::provider_account(&account.id, "auth_token");
            patient.vault.open(tenant, &place, &sealed.current).await.ok()
        }
        None => {
            let twilio = &patient.config.tenant.twilio;
            let is_ours = twilio.account_sid.as_deref() == Some(account.value.sid.as_str());
            twilio.auth_token.clone().filter(|_| is_ours)
        }
    }
}
