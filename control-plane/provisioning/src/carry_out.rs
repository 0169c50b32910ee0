//! What an action does at the carrier, and what that changes in the store.

use crate::{
    ProvisionError, Provisioner, Purchase, names,
    provisioner::TWILIO,
    saga::{Action, Outcome, Step},
    state::{State, Subject, TenantFacts},
};
use deliveries::{
    announce,
    told::{number_changed, number_released},
};
use engine::provider::Secret;
use jiff::Timestamp;
use std::time::Duration;
use store::{
    StoreError, Stored, TenantId, TenantTx,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        number::{Number, NumberStatus},
        tenant::{Tenant, TenantStatus},
    },
};
use twilio_rest::{
    Account, AccountDetails, AccountFilter, AccountSid, ApplicationSid, IncomingNumber, KeySid, RetryClass,
    TwilioError,
    reconcile::{
        Verdict, create_application_once, create_key_once, create_subaccount_once, discard_keys,
        find_application, find_subaccount,
    },
};
use vault::Place;

mod number;

pub(crate) use number::close_number;

/// Wait where the carrier says that it may work in minutes or hours.
const LATER: Duration = Duration::from_secs(5 * 60);

/// What was learned, to be stored with the job's progress.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Nothing but that it was done.
    None,
    /// A subaccount and its token.
    Subaccount(AccountSid, Secret),
    /// An application.
    Application(ApplicationSid),
    /// A key and its secret.
    Key(KeySid, Secret),
    /// A number as it is now.
    Number(Box<IncomingNumber>),
    /// A number that is to be ordered for the tenant.
    Wished(Purchase),
}

/// What became of an action, and what was learned.
type Done = Result<(Outcome, Effect), ProvisionError>;

const DONE: (Outcome, Effect) = (Outcome::Done, Effect::None);
const ABSENT: (Outcome, Effect) = (Outcome::Absent, Effect::None);

/// What follows from a failure.
pub(crate) fn outcome_of(error: &ProvisionError) -> Outcome {
    match error {
        ProvisionError::Carrier(error) => match error.retry_class() {
            RetryClass::Soon { after } => Outcome::Later(after),
            RetryClass::Later => Outcome::Later(Some(LATER)),
            RetryClass::Reconcile => Outcome::Unknown,
            RetryClass::OtherChannel | RetryClass::QuietHours | RetryClass::Never => Outcome::Refused,
        },
        ProvisionError::Store(error) if error.is_retryable() => Outcome::Later(None),
        ProvisionError::Vault(error) if error.is_retryable() => Outcome::Later(None),
        ProvisionError::Store(_)
        | ProvisionError::Vault(_)
        | ProvisionError::Sid(_)
        | ProvisionError::NoPlatformAccount
        | ProvisionError::NotSetUp(_)
        | ProvisionError::NumberInUse
        | ProvisionError::Refused(_)
        | ProvisionError::Unreadable(_) => Outcome::Refused,
    }
}

/// What a verdict says of a creation that was looked for.
fn judged<T>(verdict: Verdict<T>) -> Result<Option<T>, ProvisionError> {
    match verdict {
        Verdict::Done(value) => Ok(Some(value)),
        Verdict::NotDone => Ok(None),
        Verdict::Unknown(doubt) => {
            let cause = format!("its lists do not tell: {doubt:?}");
            Err(TwilioError::UnknownOutcome { doing: "looking for what was created", cause }.into())
        }
    }
}

/// What is gone already needs no deletion.
fn gone_is_done(deleted: Result<(), TwilioError>) -> Done {
    match deleted {
        Err(error) if !error.is_gone() => Err(error.into()),
        _ => Ok(DONE),
    }
}

fn time(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Provisioner {
    /// Carries out at the carrier what the saga wants.
    pub(crate) async fn carry_out(&self, tenant: &TenantId, state: &State, action: Action) -> Done {
        match &state.subject {
            Subject::Tenant(facts) => self.for_tenant(tenant, facts, action).await,
            Subject::Number(facts) => self.for_number(tenant, facts, action).await,
        }
    }

    async fn for_tenant(&self, tenant: &TenantId, facts: &TenantFacts, action: Action) -> Done {
        match action {
            Action::Create(Step::Subaccount) | Action::Find(Step::Subaccount, _) => {
                self.subaccount(tenant, facts, action).await
            }
            Action::Undo(Step::Subaccount) => {
                let Some(sid) = &facts.account_sid else { return Ok(DONE) };
                close(&self.platform_account()?, &sid.parse()?).await
            }
            Action::FindAndUndo(Step::Subaccount, at) => {
                let parent = self.platform_account()?;
                let name = names::subaccount(&self.settings.product, &facts.organization, tenant);
                match judged(find_subaccount(&parent, &name, time(at)).await?)? {
                    Some(found) => close(&parent, &found.sid).await,
                    None => Ok(DONE),
                }
            }
            Action::Create(Step::Application)
            | Action::Find(Step::Application, _)
            | Action::Undo(Step::Application)
            | Action::FindAndUndo(Step::Application, _) => {
                let account = self.own_account(tenant, &facts.account).await?;
                self.application(tenant, facts, &account, action).await
            }
            Action::Create(Step::Key)
            | Action::Find(Step::Key, _)
            | Action::Undo(Step::Key)
            | Action::FindAndUndo(Step::Key, _) => {
                let account = self.own_account(tenant, &facts.account).await?;
                self.key(tenant, facts, &account, action).await
            }
            // What is in use or not is a matter of the store alone.
            Action::Do(Step::Number) => Ok(match self.wished(tenant, facts).await? {
                Some(purchase) => (Outcome::Done, Effect::Wished(purchase)),
                None => DONE,
            }),
            Action::Do(_) | Action::Undo(_) | Action::Close | Action::Nothing => Ok(DONE),
            Action::Create(_) | Action::Find(..) | Action::FindAndUndo(..) => {
                Err(ProvisionError::Refused("a tenant has no such step"))
            }
        }
    }

    async fn subaccount(&self, tenant: &TenantId, facts: &TenantFacts, action: Action) -> Done {
        let parent = self.platform_account()?;
        let name = names::subaccount(&self.settings.product, &facts.organization, tenant);
        let made = match action {
            Action::Find(_, at) => match judged(find_subaccount(&parent, &name, time(at)).await?)? {
                Some(found) => found,
                None => return Ok(ABSENT),
            },
            _ => create_subaccount_once(&parent, &name).await?,
        };
        let (sid, auth_token) = token_of(&parent, made).await?;
        Ok((Outcome::Done, Effect::Subaccount(sid, auth_token)))
    }

    async fn application(
        &self,
        tenant: &TenantId,
        facts: &TenantFacts,
        account: &Account,
        action: Action,
    ) -> Done {
        let name = names::application(&facts.organization, tenant, facts.mode);
        let found = match action {
            Action::Create(_) => {
                Some(create_application_once(account, &self.addresses.application(&name)).await?)
            }
            Action::Find(_, at) | Action::FindAndUndo(_, at) => {
                judged(find_application(account, &name, time(at)).await?)?
            }
            _ => {
                let Some(sid) = &facts.application_sid else { return Ok(DONE) };
                return gone_is_done(account.delete_application(&sid.parse()?).await);
            }
        };
        match (action, found) {
            (Action::FindAndUndo(..), Some(found)) => {
                gone_is_done(account.delete_application(&found.sid).await)
            }
            (_, Some(found)) => Ok((Outcome::Done, Effect::Application(found.sid))),
            (_, None) => Ok(ABSENT),
        }
    }

    /// A key whose secret nobody has is of no use: where one may have been made, it is deleted.
    async fn key(&self, tenant: &TenantId, facts: &TenantFacts, account: &Account, action: Action) -> Done {
        let name = names::key(&facts.organization, tenant, facts.mode);
        match action {
            Action::Create(_) => {
                let key = create_key_once(account, &name).await?;
                Ok((Outcome::Done, Effect::Key(key.sid, key.secret)))
            }
            Action::Find(_, at) | Action::FindAndUndo(_, at) => {
                discard_keys(account, &name, time(at)).await?;
                Ok(ABSENT)
            }
            _ => match &facts.key_sid {
                Some(sid) => gone_is_done(account.delete_key(&sid.parse()?).await),
                None => Ok(DONE),
            },
        }
    }

    pub(super) async fn own_account(
        &self,
        tenant: &TenantId,
        id: &AccountId,
    ) -> Result<Account, ProvisionError> {
        let stored = self.store.tenant(tenant).get::<ProviderAccount>(id).await?;
        let stored = stored.ok_or(ProvisionError::NotSetUp("account"))?;
        self.carrier_account(tenant, &stored).await
    }

    /// Stores what was learned, and what the action means for the rows.
    pub(crate) async fn keep(
        &self,
        tx: &mut (dyn TenantTx + 'static),
        state: &mut State,
        action: Action,
        effect: Effect,
    ) -> Result<(), ProvisionError> {
        match &mut state.subject {
            Subject::Tenant(facts) => self.keep_tenant(tx, facts, action, effect).await,
            Subject::Number(facts) => number::keep_number(tx, facts, action, effect).await,
        }
    }

    async fn keep_tenant(
        &self,
        tx: &mut (dyn TenantTx + 'static),
        facts: &mut TenantFacts,
        action: Action,
        effect: Effect,
    ) -> Result<(), ProvisionError> {
        match (action, effect) {
            (_, Effect::Subaccount(sid, auth_token)) => {
                let place = Place::provider_account(&facts.account, "auth_token");
                let current = self.vault.seal_in(tx, &place, &auth_token).await?;
                let row = ProviderAccount {
                    kind: TWILIO.to_owned(),
                    mode: AccountMode::Subaccount,
                    sid: sid.to_string(),
                    name: facts.organization.clone(),
                    secrets: [("auth_token".to_owned(), Credential { current, previous: None })].into(),
                    properties: [].into(),
                    roles: vec!["voice".to_owned()],
                    priority: 0,
                    status: AccountStatus::Active,
                };
                tx.insert_as(facts.account.clone(), row).await?;
                facts.account_sid = Some(sid.to_string());
            }
            (_, Effect::Application(sid)) => {
                let mut row = account_row(tx, &facts.account).await?;
                row.value.properties.insert("application_sid".to_owned(), sid.to_string());
                tx.update(&row.id, row.version, row.value).await?;
                facts.application_sid = Some(sid.to_string());
            }
            (_, Effect::Key(sid, secret)) => {
                let place = Place::provider_account(&facts.account, "api_key_secret");
                let current = self.vault.seal_in(tx, &place, &secret).await?;
                let mut row = account_row(tx, &facts.account).await?;
                row.value.properties.insert("api_key_sid".to_owned(), sid.to_string());
                row.value.secrets.insert("api_key_secret".to_owned(), Credential { current, previous: None });
                tx.update(&row.id, row.version, row.value).await?;
                facts.key_sid = Some(sid.to_string());
            }
            (_, Effect::Wished(purchase)) => {
                let (number, job) = self.obtain(tx, &purchase).await?;
                facts.number = Some((number.id, job.id));
            }
            (Action::Do(Step::Activation), Effect::None) => {
                set_tenant(tx, Some(TenantStatus::Provisioning), TenantStatus::Active).await?;
            }
            (Action::Undo(Step::Activation), Effect::None) => {
                set_tenant(tx, Some(TenantStatus::Active), TenantStatus::Suspended).await?;
            }
            // A subaccount's numbers go with it.
            (Action::Undo(Step::Number), Effect::None) => {
                if let (AccountMode::Own, Some((_, job))) = (facts.mode, facts.number.take()) {
                    self.cancel(tx, &job).await?;
                }
            }
            (Action::Undo(Step::Application), Effect::None) => {
                let mut row = account_row(tx, &facts.account).await?;
                row.value.properties.remove("application_sid");
                tx.update(&row.id, row.version, row.value).await?;
                facts.application_sid = None;
            }
            (Action::Undo(Step::Key), Effect::None) => {
                let mut row = account_row(tx, &facts.account).await?;
                row.value.properties.remove("api_key_sid");
                row.value.secrets.remove("api_key_secret");
                tx.update(&row.id, row.version, row.value).await?;
                facts.key_sid = None;
            }
            (_, Effect::None) => {}
            (_, Effect::Number(_)) => {
                return Err(ProvisionError::Refused("a tenant's job learns of no number"));
            }
        }
        Ok(())
    }
}

/// The end of what was undone: the tenant and its account are closed, its numbers are out of use.
pub(crate) async fn close_tenant(
    tx: &mut (dyn TenantTx + 'static),
    facts: &TenantFacts,
    numbers: Vec<Stored<Number>>,
) -> Result<(), ProvisionError> {
    for mut number in numbers {
        let before = number.value.clone();
        number.value.status = match facts.mode {
            AccountMode::Subaccount => NumberStatus::Released,
            AccountMode::Own => NumberStatus::Inactive,
        };
        number.value.primary = false;
        let row = tx.update(&number.id, number.version, number.value).await?;
        let event = match facts.mode {
            AccountMode::Subaccount if before.status != NumberStatus::Released => {
                Some(number_released(&row.id, &row.value, row.updated_at))
            }
            AccountMode::Subaccount => None,
            AccountMode::Own => number_changed(Some(&before), &row),
        };
        if let Some(event) = event {
            announce(tx, event).await?;
        }
    }
    if let Some(mut row) = tx.get::<ProviderAccount>(&facts.account).await? {
        row.value.status = AccountStatus::Closed;
        tx.update(&row.id, row.version, row.value).await?;
    }
    set_tenant(tx, None, TenantStatus::Closed).await
}

/// Gives the tenant another status if it has the one that is expected.
async fn set_tenant(
    tx: &mut (dyn TenantTx + 'static),
    from: Option<TenantStatus>,
    to: TenantStatus,
) -> Result<(), ProvisionError> {
    let id = tx.tenant().clone();
    let mut row = tx.get::<Tenant>(&id).await?.ok_or(StoreError::Missing { what: "tenant" })?;
    if from.is_none_or(|from| row.value.status == from) && row.value.status != to {
        row.value.status = to;
        tx.update(&row.id, row.version, row.value).await?;
    }
    Ok(())
}

async fn account_row(
    tx: &mut (dyn TenantTx + 'static),
    id: &AccountId,
) -> Result<Stored<ProviderAccount>, ProvisionError> {
    Ok(tx.get::<ProviderAccount>(id).await?.ok_or(StoreError::Missing { what: "provider_account" })?)
}

/// A subaccount with its token, which the parent sees.
async fn token_of(parent: &Account, made: AccountDetails) -> Result<(AccountSid, Secret), ProvisionError> {
    let sid = made.sid.clone();
    if let Some(token) = made.auth_token {
        return Ok((sid, token));
    }
    let fetched = parent.subaccount(&sid).fetch_account().await?;
    Ok((sid, fetched.auth_token.ok_or(ProvisionError::NotSetUp("auth token of the subaccount"))?))
}

/// Closes a subaccount; one that is closed already is.
async fn close(parent: &Account, sid: &AccountSid) -> Done {
    let closed = twilio_rest::AccountStatus::Closed;
    let Err(error) = parent.set_account_status(sid, &closed).await else { return Ok(DONE) };
    let filter = AccountFilter { status: Some(closed), ..AccountFilter::default() };
    let mut pages = parent.list_accounts(&filter)?;
    while let Some(page) = pages.next_page().await? {
        if page.iter().any(|account| account.sid == *sid) {
            return Ok(DONE);
        }
    }
    Err(error.into())
}
