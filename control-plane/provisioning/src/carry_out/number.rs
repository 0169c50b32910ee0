//! What an action does with a number at the carrier, and what that changes in its row.

use super::{ABSENT, DONE, Done, Effect, gone_is_done, judged};
use crate::{
    ProvisionError, Provisioner,
    saga::{Action, Outcome, Step},
    state::NumberFacts,
};
use deliveries::{
    announce,
    told::{number_changed, number_purchased, number_released},
};
use store::{
    StoreError, TenantId, TenantTx,
    model::number::{Capabilities, Number, NumberStatus},
};
use twilio_rest::{
    NumberFilter,
    reconcile::{buy_number_once, find_number},
};

/// Numbers of an account that are looked at when one is adopted.
const NUMBERS: usize = 100;

impl Provisioner {
    pub(super) async fn for_number(&self, tenant: &TenantId, facts: &NumberFacts, action: Action) -> Done {
        let sid = || facts.carrier_sid.as_deref().ok_or(ProvisionError::NotSetUp("number"));
        match action {
            Action::Create(Step::Purchase) => {
                let account = self.own_account(tenant, &facts.account).await?;
                let bought = buy_number_once(&account, &facts.e164, &self.addresses.number()).await?;
                Ok((Outcome::Done, Effect::Number(Box::new(bought))))
            }
            Action::Find(Step::Purchase, _) => {
                let account = self.own_account(tenant, &facts.account).await?;
                match judged(find_number(&account, &facts.e164).await?)? {
                    Some(found) => Ok((Outcome::Done, Effect::Number(Box::new(found)))),
                    None => Ok(ABSENT),
                }
            }
            Action::Do(Step::Adoption) => {
                let account = self.own_account(tenant, &facts.account).await?;
                let filter =
                    NumberFilter { phone_number: Some(facts.e164.clone()), ..NumberFilter::default() };
                let mut numbers = account.list_numbers(&filter)?.first(NUMBERS).await?;
                numbers.retain(|number| number.phone_number == facts.e164);
                match numbers.pop() {
                    Some(number) => Ok((Outcome::Done, Effect::Number(Box::new(number)))),
                    None => Err(ProvisionError::NotSetUp("such number in this account")),
                }
            }
            Action::Do(Step::Webhooks) => {
                let account = self.own_account(tenant, &facts.account).await?;
                let number = self.point_here(&account, &sid()?.parse()?).await?;
                Ok((Outcome::Done, Effect::Number(Box::new(number))))
            }
            Action::Undo(Step::Purchase) => {
                self.nobody_elses(facts).await?;
                let account = self.own_account(tenant, &facts.account).await?;
                gone_is_done(account.release_number(&sid()?.parse()?).await)
            }
            Action::FindAndUndo(Step::Purchase, _) => {
                let account = self.own_account(tenant, &facts.account).await?;
                let Some(found) = judged(find_number(&account, &facts.e164).await?)? else {
                    return Ok(DONE);
                };
                self.nobody_elses(facts).await?;
                gone_is_done(account.release_number(&found.sid).await)
            }
            Action::Do(_) | Action::Undo(_) | Action::Close | Action::Nothing => Ok(DONE),
            Action::Create(_) | Action::Find(..) | Action::FindAndUndo(..) => {
                Err(ProvisionError::Refused("a number has no such step"))
            }
        }
    }

    /// A number that another tenant answers, from the same account, must not be given back.
    async fn nobody_elses(&self, facts: &NumberFacts) -> Result<(), ProvisionError> {
        match self.store.number_owner(&facts.e164).await? {
            Some(owner) if owner.number != facts.number => Err(ProvisionError::NumberInUse),
            _ => Ok(()),
        }
    }
}

/// The end of what was undone: the number is nobody's.
pub(crate) async fn close_number(
    tx: &mut (dyn TenantTx + 'static),
    facts: &NumberFacts,
) -> Result<(), ProvisionError> {
    if let Some(mut row) = tx.get::<Number>(&facts.number).await?
        && row.value.status != NumberStatus::Released
    {
        row.value.status = NumberStatus::Released;
        row.value.primary = false;
        let row = tx.update(&row.id, row.version, row.value).await?;
        // One that was never had is not given back.
        if row.value.carrier_sid.is_some() {
            announce(tx, number_released(&row.id, &row.value, row.updated_at)).await?;
        }
    }
    Ok(())
}

pub(super) async fn keep_number(
    tx: &mut (dyn TenantTx + 'static),
    facts: &mut NumberFacts,
    action: Action,
    effect: Effect,
) -> Result<(), ProvisionError> {
    let stored = tx.get::<Number>(&facts.number).await?;
    let Some(mut row) = stored else {
        // Somebody deleted the row; what is undone does not need it.
        return match action {
            Action::Undo(_) | Action::FindAndUndo(..) => Ok(()),
            _ => Err(StoreError::Missing { what: "number" }.into()),
        };
    };
    let before = row.value.clone();
    match (action, effect) {
        (_, Effect::Number(number)) => {
            facts.carrier_sid = Some(number.sid.to_string());
            row.value.carrier_sid = Some(number.sid.to_string());
            row.value.capabilities = Capabilities {
                voice: number.capabilities.voice,
                sms: number.capabilities.sms,
                mms: number.capabilities.mms,
            };
        }
        (Action::Do(Step::Activation), _) => row.value.status = NumberStatus::Active,
        (Action::Undo(Step::Activation), _) => {
            row.value.status = NumberStatus::Inactive;
            row.value.primary = false;
        }
        (_, Effect::None) => {}
        (_, Effect::Subaccount(..) | Effect::Application(_) | Effect::Key(..) | Effect::Wished(_)) => {
            return Err(ProvisionError::Refused("a number's job learns of no account"));
        }
    }
    if row.value != before {
        let is_switched = matches!(action, Action::Do(Step::Activation) | Action::Undo(Step::Activation));
        let row = tx.update(&row.id, row.version, row.value).await?;
        if matches!(action, Action::Create(Step::Purchase) | Action::Find(Step::Purchase, _)) {
            announce(tx, number_purchased(&row.id, &row.value, row.updated_at)).await?;
        }
        if let Some(event) = number_changed(Some(&before), &row).filter(|_| is_switched) {
            announce(tx, event).await?;
        }
    }
    Ok(())
}
