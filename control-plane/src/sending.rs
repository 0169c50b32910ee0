//! The ways out of a tenant's messages: its accounts as routes, and what handing a message to each provider means.
//!
//! - [`routes`]: which accounts carry which channel, from which addresses.
//! - `twilio` and its likes: one file for each provider, behind the outbox's [`Channels`].
//! - `alerts`: what administrators are written of an account that does not carry messages as it should.
//! - [`compose`]: what a request says becomes a message with a text for each channel; [`templates`]: from a template.

mod alerts;
pub(crate) mod compose;
mod gateway;
pub(crate) mod hours;
mod mail;
mod onesignal;
pub(crate) mod routes;
pub(crate) mod templates;
mod twilio;
pub(crate) mod voice;
mod whapi;

pub(crate) use twilio::TOLD;

use crate::{
    costs::Prices,
    directory::{Account, Directory, TenantView},
    files::Files,
    mail_servers::SMTP,
    messengers::{Messengers, ONESIGNAL, WHAPI},
};
use futures_util::future::BoxFuture;
use messaging::{
    Channel,
    dispatch::{Answer, Options, Outcome},
};
use objects::Links;
use outbox::{Alert, Answered, Channels, NewMessage, Parcel, Question, Sent, Setup};
use std::sync::Arc;
use store::{
    Store, StoreError, Stored, TenantId, TenantStore,
    model::outgoing::{Batch, Recipient},
};

/// When a provider is asked what became of a message, in s. OneSignal tells nobody, and knows it after about a minute. Twilio and Whapi
/// tell it once, mostly within seconds, and of a call when it ends: what was told while this server was down is lost.
const RECEIPT_AFTER_S: [(Channel, u32); 4] =
    [(Channel::Push, 60), (Channel::Sms, 120), (Channel::Whatsapp, 120), (Channel::Voice, 900)];

/// Everything that messages go out by.
pub(crate) struct Senders {
    pub(crate) directory: Arc<Directory>,
    pub(crate) messengers: Messengers,
    /// Where messages and tries are.
    pub(crate) store: Arc<dyn Store>,
    /// Sign what an email carries that has to come back.
    pub(crate) links: Links,
    /// Files of messages.
    pub(crate) files: Files,
    /// Where we are reached, without a slash at the end.
    pub(crate) own_address: String,
    /// What messages cost.
    pub(crate) prices: Arc<Prices>,
}

impl Senders {
    /// The account of a parcel, with its credentials opened; `None` if the tenant has it no more.
    async fn account(&self, parcel: &Parcel) -> Option<(Arc<TenantView>, usize)> {
        let view = self.directory.tenant(&parcel.tenant).await.ok().flatten()?;
        let place =
            view.accounts.iter().position(|account| routes::id_of(account) == parcel.route.account)?;
        Some((view, place))
    }
}

impl Channels for Senders {
    fn setup<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Option<Setup>, StoreError>> {
        Box::pin(async move {
            let view = self.directory.tenant(tenant).await.map_err(StoreError::from)?;
            Ok(view.filter(|view| view.is_served()).map(|view| Setup {
                routes: routes::of(&view),
                hours: Arc::new(hours::TenantHours::of(&view)),
                options: Options { receipt_asked_after_s: RECEIPT_AFTER_S.into(), ..Options::default() },
            }))
        })
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Sent> {
        Box::pin(async move {
            let Some((view, place)) = self.account(parcel).await else { return no_account() };
            let Some(account) = view.accounts.get(place) else { return no_account() };
            match parcel.route.provider {
                routes::TWILIO if parcel.route.channel == Channel::Voice => {
                    voice::send(self, account, parcel).await
                }
                routes::TWILIO => twilio::send(self, account, parcel).await,
                WHAPI => whapi::send(self, account, parcel).await,
                ONESIGNAL => onesignal::send(self, account, parcel).await,
                SMTP => mail::send(self, account, parcel).await,
                _ => no_account(),
            }
        })
    }

    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Answered> {
        Box::pin(async move {
            let Some((view, place)) = self.account(&question.parcel).await else { return Answer::CannotSay };
            let Some(account): Option<&Account> = view.accounts.get(place) else { return Answer::CannotSay };
            match question.parcel.route.provider {
                routes::TWILIO if question.parcel.route.channel == Channel::Voice => {
                    voice::ask(self, account, question).await
                }
                routes::TWILIO => twilio::ask(self, account, question).await,
                WHAPI => whapi::ask(self, account, question).await,
                ONESIGNAL => onesignal::ask(self, account, question).await,
                _ => Answer::CannotSay,
            }
        })
    }

    fn alert<'a>(
        &'a self,
        part: &'a (dyn TenantStore + 'static),
        alert: Alert<'a>,
    ) -> BoxFuture<'a, Result<Vec<NewMessage>, StoreError>> {
        Box::pin(alerts::letters(self, part, alert))
    }

    fn compose<'a>(
        &'a self,
        part: &'a (dyn TenantStore + 'static),
        batch: &'a Stored<Batch>,
        recipient: &'a Recipient,
    ) -> BoxFuture<'a, Result<NewMessage, StoreError>> {
        Box::pin(compose::of_batch(part, batch, recipient))
    }
}

/// The account is gone, or cannot be used: another may.
pub(super) fn no_account() -> Sent {
    let failure = messaging::Failure::new(messaging::FailureClass::Account);
    Sent {
        error: Some("the account cannot be used any more".to_owned()),
        ..Sent::of(Outcome::Refused { failure })
    }
}
