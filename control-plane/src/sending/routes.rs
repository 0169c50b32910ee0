//! A tenant's accounts as ways out: which channel each carries, from which addresses, and what it is for.
//!
//! An account's roles say what it is used for (`sms`, `whatsapp`, `email`, `push`, `voice`); one without roles is used for all that its
//! provider carries. `backup` puts it behind those that are paid for, and the property `trial` behind all. Properties:
//!
//! - Twilio: `messaging_service_sid` sends instead of the numbers, `whatsapp_senders` are its numbers at WhatsApp (E.164, separated by
//!   commas), `messages_per_second` is what one number may send.
//! - Whapi: `phone` is the number of its token, `messages_per_second` as above. OneSignal: `app_id`.
//! - A mail server: `from` is the address that mail is from, `messages_per_second` as above.

use super::{mail, onesignal, voice, whapi};
use crate::{
    directory::{Account, TenantView},
    mail_servers::SMTP,
    messengers::{ONESIGNAL, WHAPI},
};
use messaging::{
    Channel,
    dispatch::Recovery,
    plan::{Tier, can_text},
};
use outbox::Route;
use store::{ids::AccountId, model::number::Number};

/// Who carries text messages and WhatsApp.
pub(crate) const TWILIO: &str = "twilio";

/// The id that routes have of an account: its row's, or `configured` for the one of the configuration.
pub(crate) fn id_of(account: &Account) -> String {
    account.id.as_ref().map_or_else(|| "configured".to_owned(), ToString::to_string)
}

/// All ways out of a tenant.
pub(crate) fn of(view: &TenantView) -> Vec<Route> {
    let mut routes = Vec::new();
    for account in view.accounts.iter().filter(|account| account.is_active()) {
        match account.kind.as_str() {
            TWILIO => {
                routes.extend(text_messages(view, account));
                routes.extend(whatsapp(account));
                routes.extend(voice::route(view, account));
            }
            WHAPI => routes.extend(whapi::route(account)),
            ONESIGNAL => routes.extend(onesignal::route(account)),
            SMTP => routes.extend(mail::route(account)),
            _ => {}
        }
    }
    routes
}

/// Whether an account is used for something: it says so, or says nothing.
pub(super) fn is_for(account: &Account, role: &str) -> bool {
    let of_use = account.roles.iter().filter(|role| *role != BACKUP).collect::<Vec<_>>();
    of_use.is_empty() || of_use.iter().any(|own| own.as_str() == role)
}

/// The role of an account that is kept for emergencies.
const BACKUP: &str = "backup";

/// What an account is for.
pub(super) fn tier(account: &Account) -> Tier {
    if account.properties.get("trial").is_some_and(|trial| trial == "true") {
        Tier::Trial
    } else if account.roles.iter().any(|role| role == BACKUP) {
        Tier::Backup
    } else {
        Tier::Paid
    }
}

/// What one sender may send a second, if the account says so.
pub(super) fn per_second(account: &Account) -> Option<f64> {
    let said: f64 = account.properties.get("messages_per_second")?.parse().ok()?;
    (said.is_finite() && said > 0.0).then_some(said)
}

fn text_messages(view: &TenantView, account: &Account) -> Option<Route> {
    if !is_for(account, "sms") {
        return None;
    }
    let service = account.properties.get("messaging_service_sid").cloned();
    let numbers = numbers(view, account, |number| {
        let can = number.capabilities;
        // What the carrier has not been asked about yet is not known.
        let said = (can.voice || can.sms || can.mms).then_some(can.sms);
        can_text(&number.e164, said)
    });
    let senders: Vec<String> = service.into_iter().chain(numbers).collect();
    Some(Route {
        channel: Channel::Sms,
        account: id_of(account),
        provider: TWILIO,
        capable: !senders.is_empty(),
        senders,
        tier: tier(account),
        priority: account.priority,
        windowed: false,
        recovery: Recovery::Ask,
        per_second: per_second(account),
    })
}

fn listed(senders: &str) -> impl Iterator<Item = &str> {
    senders.split(',').map(str::trim).filter(|sender| !sender.is_empty())
}

/// Whether an address is one of a tenant's at WhatsApp by Twilio: it need not be a number for calls.
pub(crate) fn is_own_whatsapp(view: &TenantView, address: &str) -> bool {
    let own = |account: &Account| {
        account.kind == TWILIO
            && account.is_active()
            && account
                .properties
                .get("whatsapp_senders")
                .is_some_and(|said| listed(said).any(|own| own == address))
    };
    view.accounts.iter().any(own)
}

/// The tenant's active numbers of an account that can do something, the primary one first.
pub(super) fn numbers(view: &TenantView, account: &Account, can: impl Fn(&Number) -> bool) -> Vec<String> {
    // A number whose account is not said is the first one's.
    let first = view.accounts.iter().find(|account| account.kind == TWILIO && account.is_active());
    let is_first = first.is_some_and(|first| first.id == account.id);
    let is_its = |owner: &Option<AccountId>| if owner.is_none() { is_first } else { *owner == account.id };
    let mut numbers: Vec<_> = view
        .numbers
        .values()
        .filter(|stored| is_its(&stored.number.account) && view.number(&stored.number.e164).is_some())
        .filter(|stored| can(&stored.number))
        .collect();
    numbers.sort_by_key(|stored| (!stored.number.primary, stored.id.clone()));
    numbers.into_iter().map(|stored| stored.number.e164.clone()).collect()
}

fn whatsapp(account: &Account) -> Option<Route> {
    let said = account.properties.get("whatsapp_senders").filter(|_| is_for(account, "whatsapp"))?;
    let senders: Vec<String> = listed(said).map(str::to_owned).collect();
    Some(Route {
        channel: Channel::Whatsapp,
        account: id_of(account),
        provider: TWILIO,
        capable: !senders.is_empty(),
        senders,
        tier: tier(account),
        priority: account.priority,
        windowed: true,
        recovery: Recovery::Ask,
        per_second: per_second(account),
    })
}
