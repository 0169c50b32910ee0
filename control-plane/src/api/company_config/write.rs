//! Carries out a change of the page: credentials are tried first, then all of it is stored in one unit of work.

use super::{
    account,
    form::{ConfigForm, NumberForm, RoutingMode, SwitchForm},
    mode_of, numbers, primary, tenant, word_of,
};
use crate::{
    api::{
        accounts::{open, trial::Tried},
        crud::Tx,
        op::Op,
    },
    number_events,
    problem::{Code, Problem},
};
use engine::provider::Secret;
use std::collections::BTreeMap;
use store::{
    Stored,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        number::{Capabilities, Destination, Number, NumberStatus, Routing},
        tenant::Tenant,
    },
};
use vault::Place;

pub(super) async fn write<N>(op: &Op<N>, form: ConfigForm) -> Result<(), Problem> {
    let account = account(op).await?;
    let credentials = Credentials::of(op, &form, account).await?;
    let tenant = tenant(op).await?;
    let before = numbers(op).await?;
    let now = primary(&before).map(|number| &number.value);
    let answered_by = destination(&form, now)?;
    let wanted = wanted_numbers(&form, &before);
    let mut tx = op.begin().await?;
    let account = match credentials {
        Some(credentials) => Some(credentials.store(op, &mut *tx).await?),
        None => None,
    };
    if let Some(enabled) = form.recording_enabled
        && tenant.value.settings.recording.enabled != enabled
    {
        let Stored { id, version, value: Tenant { mut settings, name, slug, status }, .. } = tenant;
        settings.recording.enabled = enabled;
        tx.update(&id, version, Tenant { name, slug, status, settings }).await?;
    }
    store_numbers(&mut *tx, before, wanted, account.as_ref(), answered_by.as_ref()).await?;
    tx.commit().await?;
    Ok(())
}

/// Credentials that Twilio has taken, those of before among them.
struct Credentials {
    before: Option<Stored<ProviderAccount>>,
    sid: String,
    /// Those that are new. One that is sent again is not: the one before it would be lost to that.
    secrets: BTreeMap<String, Secret>,
    properties: BTreeMap<String, String>,
}

impl Credentials {
    /// What the form says of credentials, once Twilio has taken what is new of it; `None` without an account.
    async fn of<N>(
        op: &Op<N>,
        form: &ConfigForm,
        account: Option<Stored<ProviderAccount>>,
    ) -> Result<Option<Self>, Problem> {
        // Another account id is another account; the one before it stays, with its numbers.
        let sid =
            form.account_sid.clone().or_else(|| account.as_ref().map(|account| account.value.sid.clone()));
        let mut secrets = BTreeMap::new();
        for (name, secret) in [("auth_token", &form.auth_token), ("api_key_secret", &form.api_secret)] {
            secrets.extend(secret.iter().map(|secret| (name.to_owned(), secret.0.clone())));
        }
        let Some(sid) = sid else {
            if secrets.is_empty() && form.api_key.is_none() {
                return Ok(None);
            }
            return Err(Problem::new(
                Code::CredentialsRejected,
                "Twilio not configured for this company: accountSid is missing",
            )
            .at("/accountSid"));
        };
        let before = match account {
            Some(account) if account.value.sid == sid => Some(account),
            Some(_) | None => op.store.find::<ProviderAccount>(&sid).await?,
        };
        let mut properties =
            before.as_ref().map(|account| account.value.properties.clone()).unwrap_or_default();
        properties.extend(form.api_key.iter().map(|key| ("api_key_sid".to_owned(), key.clone())));
        let same_properties = before.as_ref().is_some_and(|account| account.value.properties == properties);
        if secrets.is_empty() && same_properties {
            return Ok(Some(Self { before, sid, secrets, properties }));
        }
        let known = match &before {
            Some(account) => open(op, &account.id, &account.value).await?,
            None => BTreeMap::new(),
        };
        let mut tried = known.clone();
        tried.extend(secrets.clone());
        op.shared.trial.try_at(Tried::at_twilio(&sid, &tried, &properties)).await?;
        secrets.retain(|name, secret| known.get(name) != Some(secret));
        Ok(Some(Self { before, sid, secrets, properties }))
    }

    async fn store<N>(self, op: &Op<N>, tx: &mut Tx) -> Result<AccountId, Problem> {
        let id = self.before.as_ref().map_or_else(AccountId::generate, |account| account.id.clone());
        let has_same = |account: &Stored<ProviderAccount>| account.value.properties == self.properties;
        if self.secrets.is_empty() && self.before.as_ref().is_some_and(has_same) {
            return Ok(id);
        }
        let mut credentials =
            self.before.as_ref().map(|account| account.value.secrets.clone()).unwrap_or_default();
        for (name, secret) in self.secrets {
            let current = op.shared.vault.seal_in(tx, &Place::provider_account(&id, &name), &secret).await?;
            let previous = credentials.remove(&name).map(|credential| credential.current);
            credentials.insert(name, Credential { current, previous });
        }
        match self.before {
            Some(Stored { version, value, .. }) => {
                let changed = ProviderAccount { secrets: credentials, properties: self.properties, ..value };
                tx.update(&id, version, changed).await?;
            }
            None => {
                let new = ProviderAccount {
                    kind: "twilio".to_owned(),
                    mode: AccountMode::Own,
                    sid: self.sid,
                    name: "Twilio".to_owned(),
                    secrets: credentials,
                    properties: self.properties,
                    roles: vec!["voice".to_owned()],
                    priority: 0,
                    status: AccountStatus::Active,
                };
                tx.insert_as(id.clone(), new).await?;
            }
        }
        Ok(id)
    }
}

/// What answers from now on; `None` if the form does not say.
fn destination(form: &ConfigForm, now: Option<&Number>) -> Result<Option<Destination>, Problem> {
    let (mode_now, forward_now, whisper_now) = mode_of(now);
    let says_nothing =
        form.call_routing_mode.is_none() && form.forward_number.is_none() && form.whisper_message.is_none();
    if says_nothing {
        return Ok(None);
    }
    Ok(Some(match form.call_routing_mode.unwrap_or(mode_now) {
        RoutingMode::AiAgent => Destination::Assistant { assistant: None },
        RoutingMode::Voicemail => Destination::Voicemail { greeting: None },
        RoutingMode::Forward => {
            let number = form.forward_number.clone().or(forward_now).ok_or_else(|| {
                Problem::new(Code::InvalidBody, "calls cannot be forwarded without a number")
                    .at("/forwardNumber")
            })?;
            let whisper = form.whisper_message.clone().or(whisper_now);
            Destination::Forward { number, whisper, timeout_s: None }
        }
    }))
}

/// The numbers as they are to be; `None` if the form does not say.
fn wanted_numbers(form: &ConfigForm, before: &[Stored<Number>]) -> Option<Vec<NumberForm>> {
    let copy = |number: &NumberForm| NumberForm {
        phone_number: number.phone_number.clone(),
        friendly_name: number.friendly_name.clone(),
        status: number.status,
        is_primary: number.is_primary,
    };
    let mut wanted: Vec<NumberForm> = match (&form.phone_numbers, &form.phone_number) {
        (None, None) => return None,
        (Some(listed), _) => listed.iter().map(copy).collect(),
        (None, Some(_)) => before
            .iter()
            .map(|number| NumberForm {
                phone_number: number.value.e164.clone(),
                friendly_name: None,
                status: if number.value.status == NumberStatus::Inactive {
                    SwitchForm::Inactive
                } else {
                    SwitchForm::Active
                },
                is_primary: number.value.primary,
            })
            .collect(),
    };
    // The one number of old is the one to call from.
    if let Some(one) = &form.phone_number {
        wanted.iter_mut().for_each(|number| number.is_primary = false);
        match wanted.iter_mut().find(|number| number.phone_number == *one) {
            Some(number) => (number.is_primary, number.status) = (true, SwitchForm::Active),
            None => wanted.push(NumberForm {
                phone_number: one.clone(),
                friendly_name: None,
                status: SwitchForm::Active,
                is_primary: true,
            }),
        }
    }
    Some(wanted)
}

async fn store_numbers(
    tx: &mut Tx,
    before: Vec<Stored<Number>>,
    wanted: Option<Vec<NumberForm>>,
    account: Option<&AccountId>,
    answered_by: Option<&Destination>,
) -> Result<(), Problem> {
    let mut changes: Vec<(Stored<Number>, Number)> = Vec::new();
    let says_numbers = wanted.is_some();
    let mut new = wanted.unwrap_or_default();
    for row in before {
        let mut number = row.value.clone();
        let is_usual = matches!(number.status, NumberStatus::Active | NumberStatus::Inactive);
        let listed =
            new.iter().position(|wanted| wanted.phone_number == number.e164).map(|at| new.remove(at));
        match listed {
            Some(wanted) => {
                number.name = wanted.friendly_name.unwrap_or(number.name);
                number.primary = wanted.is_primary;
                if is_usual {
                    number.status = status(wanted.status);
                }
            }
            None if says_numbers && is_usual => {
                number.status = NumberStatus::Inactive;
                number.primary = false;
            }
            None => {}
        }
        // One that is answered so already keeps the rest of its list, which the page does not show.
        if let Some(destination) = answered_by
            && mode_of(Some(&number)) != word_of(Some(destination))
        {
            number.routing.during = vec![destination.clone()];
        }
        if number != row.value {
            changes.push((row, number));
        }
    }
    // A place must be free before another takes it.
    changes.sort_by_key(|(_, number)| number.primary);
    for (row, number) in changes {
        number_events::change(tx, &row.id, row.version, &row.value, number).await?;
    }
    for number in new {
        let routing = Routing { during: answered_by.cloned().into_iter().collect(), ..Routing::default() };
        let row = Number {
            name: number.friendly_name.unwrap_or_else(|| number.phone_number.clone()),
            e164: number.phone_number,
            carrier_sid: None,
            account: account.cloned(),
            status: status(number.status),
            primary: number.is_primary,
            capabilities: Capabilities { voice: true, sms: false, mms: false },
            greeting: None,
            voice: None,
            flow: None,
            routing,
        };
        let row = tx.insert(row).await?;
        number_events::added(tx, &row).await?;
    }
    Ok(())
}

const fn status(switch: SwitchForm) -> NumberStatus {
    match switch {
        SwitchForm::Active => NumberStatus::Active,
        SwitchForm::Inactive => NumberStatus::Inactive,
    }
}
