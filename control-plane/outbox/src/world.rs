//! What the decider is shown of the world for one message.

use crate::{
    channels::{Route, Setup},
    convert::{channel_of, channel_to},
    outgoing::{Lane, Outgoing},
};
use messaging::{
    Channel,
    dispatch::{Account, Address, Admission, Consent, Quiet, Reach, Window, World},
};
use std::collections::BTreeMap;
use store::model::{
    consent::{Consent as Row, ConsentStatus},
    message::{Channel as Stored, Conversation},
};

/// WhatsApp takes what is no template for so long after the person wrote, in µs.
const WINDOW_US: i64 = DAY_US;
/// In µs.
const DAY_US: i64 = 24 * 3_600 * 1_000_000;

/// What is known beside the message itself.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What the person said, on any channel and to any sender.
    pub consents: &'a [Row],
    /// The conversation with them.
    pub conversation: Option<&'a Conversation>,
    /// When, unix µs.
    pub now: i64,
}

/// The world for one message. `health` says of an account whether it can be used, and whether it is slow to the person's country.
pub fn reaches(
    setup: &Setup,
    outgoing: &Outgoing,
    facts: Facts<'_>,
    health: impl Fn(&Route) -> (Admission, bool),
) -> World {
    let mut channels = BTreeMap::new();
    for channel in outgoing.dispatch.request().plan.channels() {
        channels.insert(channel, reach(setup, outgoing, facts, channel, &health));
    }
    World { channels, options: setup.options.clone() }
}

fn reach(
    setup: &Setup,
    outgoing: &Outgoing,
    facts: Facts<'_>,
    channel: Channel,
    health: &impl Fn(&Route) -> (Admission, bool),
) -> Reach {
    let stored = channel_to(channel);
    let address = outgoing.to.on(channel);
    let on_it = |row: &&Row| row.channel == stored && Some(row.address.as_str()) == address;
    let is_nobodys = is_nobodys(facts.consents.iter().filter(on_it), facts.now);
    let of_many = outgoing.of_many || outgoing.lane == Lane::Bulk;
    let answers = outgoing.answers_keyword;
    let is_uncallable = channel == Channel::Voice && is_stopped(facts.consents, address, of_many);
    let account = |route: &Route| {
        let sender = route.sender(outgoing.sender.as_deref());
        let (admission, slow) = health(route);
        Account {
            id: route.account.clone(),
            tier: route.tier,
            priority: route.priority,
            slow,
            capable: route.capable
                && !sender.is_empty()
                && (!answers || outgoing.sender.as_deref() == Some(sender)),
            windowed: route.windowed,
            admission,
            consent: match (answers, is_uncallable) {
                (true, _) => Consent::Given,
                (false, true) => Consent::Withdrawn,
                (false, false) => consent(facts.consents.iter().filter(on_it), sender, of_many),
            },
            recovery: route.recovery,
        }
    };
    Reach {
        address: match address {
            None => Address::None,
            Some(_) if is_nobodys => Address::Suppressed,
            Some(address) => Address::Known(address.to_owned()),
        },
        quiet: if answers { Quiet::Open } else { setup.hours.at(&outgoing.to, facts.now) },
        window: window(channel, facts),
        template: outgoing.texts.get(&channel).is_some_and(|text| text.template.is_some()),
        accounts: setup.routes.iter().filter(|route| route.channel == channel).map(account).collect(),
    }
}

/// Whether an address was found to be nobody's, and nobody knows better since. Who has no device for notifications, or is not on
/// WhatsApp, may be later, and tells nobody: that is tried again after a while.
fn is_nobodys<'r>(mut rows: impl Iterator<Item = &'r Row>, now: i64) -> bool {
    let holds = |row: &Row| match row.channel {
        Stored::Push => now < row.since.saturating_add(DAY_US),
        Stored::Whatsapp => now < row.since.saturating_add(30 * DAY_US),
        Stored::Sms | Stored::Email | Stored::Voice => true,
    };
    rows.any(|row| row.sender == Row::NOBODY && row.status == ConsentStatus::OptedOut && holds(row))
}

/// What somebody said about a sender: to it or to all of the tenant's. Who opted out of any sender of the channel, one that another
/// account has or a number of the same messaging service, is told by this one alone if they asked for it. What is one of many is also
/// asked for, and not wanted, as such.
fn consent<'r>(rows: impl Iterator<Item = &'r Row>, sender: &str, of_many: bool) -> Consent {
    let (mut own, mut all, mut elsewhere) = (false, None, None);
    for row in rows.filter(|row| row.sender != Row::NOBODY && (of_many || row.sender != Row::BULK)) {
        let is_of_sender = row.sender == sender || row.sender == Row::ANY_SENDER;
        match row.status {
            ConsentStatus::OptedOut if is_of_sender || row.sender == Row::BULK => return Consent::Withdrawn,
            ConsentStatus::OptedOut => elsewhere = elsewhere.max(Some(row.since)),
            ConsentStatus::OptedIn if row.sender == sender => own = true,
            ConsentStatus::OptedIn if is_of_sender => all = all.max(Some(row.since)),
            ConsentStatus::OptedIn => {}
        }
    }
    // What was said to all of them before one was asked to stop is no longer said to the others.
    if own || all > elsewhere {
        Consent::Given
    } else if elsewhere.is_some() {
        Consent::Withdrawn
    } else {
        Consent::Unknown
    }
}

/// Whether somebody asked any of the tenant's senders to stop, on any channel that goes to their number. A call is the loudest of them:
/// whoever does not want texts is not called, whatever the message.
fn is_stopped(consents: &[Row], address: Option<&str>, of_many: bool) -> bool {
    consents.iter().any(|row| {
        row.status == ConsentStatus::OptedOut
            && channel_of(row.channel).by_phone()
            && Some(row.address.as_str()) == address
            && row.sender != Row::NOBODY
            && (of_many || row.sender != Row::BULK)
    })
}

fn window(channel: Channel, facts: Facts<'_>) -> Window {
    let wrote = facts
        .conversation
        .filter(|conversation| conversation.channel == Stored::Whatsapp)
        .and_then(|conversation| conversation.last_inbound_at);
    match wrote {
        Some(at) if channel == Channel::Whatsapp && facts.now < at.saturating_add(WINDOW_US) => Window::Open,
        Some(_) | None => Window::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::model::consent::Proof;

    const OWN: &str = "+15550100";
    const OTHER: &str = "+15550101";

    fn said(sender: &str, status: ConsentStatus) -> Row {
        let proof = Proof { at: 1, status, source: "message".to_owned(), evidence: String::new() };
        Row {
            channel: Stored::Sms,
            sender: sender.to_owned(),
            address: "+15550142".to_owned(),
            status,
            since: 1,
            proofs: vec![proof],
        }
    }

    #[test]
    fn who_stopped_one_number_of_an_account_is_not_told_by_another_of_it_nor_by_its_messaging_service() {
        let stopped = [said(OTHER, ConsentStatus::OptedOut)];
        for sender in [OWN, OTHER, "MG00000000000000000000000000000000"] {
            assert_eq!(consent(stopped.iter(), sender, false), Consent::Withdrawn, "{sender}");
        }
        let but_asked = [said(OTHER, ConsentStatus::OptedOut), said(OWN, ConsentStatus::OptedIn)];
        assert_eq!(consent(but_asked.iter(), OWN, false), Consent::Given);
        assert_eq!(consent(but_asked.iter(), OTHER, false), Consent::Withdrawn);
        let asked_all = |since| Row { since, ..said(Row::ANY_SENDER, ConsentStatus::OptedIn) };
        let stopped_one = |since| Row { since, ..said(OTHER, ConsentStatus::OptedOut) };
        assert_eq!(
            consent([asked_all(1), stopped_one(2)].iter(), OWN, false),
            Consent::Withdrawn,
            "STOP came later"
        );
        assert_eq!(
            consent([asked_all(2), stopped_one(1)].iter(), OWN, false),
            Consent::Given,
            "and was taken back"
        );
        let nobody = [said(Row::NOBODY, ConsentStatus::OptedOut)];
        assert_eq!(consent(nobody.iter(), OWN, false), Consent::Unknown, "that is said of the address");
    }

    #[test]
    fn an_address_that_somebody_has_again_is_written_to_again() {
        let [nobodys, again] =
            [ConsentStatus::OptedOut, ConsentStatus::OptedIn].map(|status| said(Row::NOBODY, status));
        let late = 365 * DAY_US;
        assert!(is_nobodys([&nobodys].into_iter(), late) && !is_nobodys([&again].into_iter(), late));
    }

    #[test]
    fn who_gets_the_app_or_joins_whatsapp_is_told_there_again() {
        for (channel, days) in [(Stored::Push, 1), (Stored::Whatsapp, 30)] {
            let row = Row { channel, since: 1, ..said(Row::NOBODY, ConsentStatus::OptedOut) };
            assert!(is_nobodys([&row].into_iter(), days * DAY_US), "{channel}");
            assert!(!is_nobodys([&row].into_iter(), days * DAY_US + 1), "{channel}");
        }
    }

    #[test]
    fn who_wants_nothing_that_goes_to_many_gets_none_of_it_and_what_is_meant_for_them() {
        let rows = [said(Row::BULK, ConsentStatus::OptedOut), said(Row::ANY_SENDER, ConsentStatus::OptedIn)];
        assert_eq!(consent(rows.iter(), OWN, true), Consent::Withdrawn);
        assert_eq!(consent(rows.iter(), OWN, false), Consent::Given);
        assert_eq!(consent(rows[..1].iter(), OWN, false), Consent::Unknown);
    }
}
