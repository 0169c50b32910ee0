//! What the decider is shown of the world for one message.

use crate::{
    channels::{Route, Setup},
    convert::{channel_of, channel_to},
    outgoing::{Lane, Outgoing},
};
use messaging::{
    Channel,
    dispatch::{Account, Address, Admission, Consent, Reach, Window, World},
};
use std::collections::BTreeMap;
use store::model::{
    consent::{Consent as Row, ConsentStatus},
    message::{Channel as Stored, Conversation},
};

/// WhatsApp takes what is no template for so long after the person wrote, in µs.
const WINDOW_US: i64 = 24 * 3_600 * 1_000_000;

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
    let is_nobodys = facts.consents.iter().filter(on_it).any(|row| row.sender == Row::NOBODY);
    let is_uncallable = channel == Channel::Voice && is_stopped(facts.consents, address, outgoing.lane);
    let account = |route: &Route| {
        let sender = route.sender(outgoing.sender.as_deref());
        let (admission, slow) = health(route);
        Account {
            id: route.account.clone(),
            tier: route.tier,
            priority: route.priority,
            slow,
            capable: route.capable && !sender.is_empty(),
            windowed: route.windowed,
            admission,
            consent: match is_uncallable {
                true => Consent::Withdrawn,
                false => consent(facts.consents.iter().filter(on_it), sender, outgoing.lane == Lane::Bulk),
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
        quiet: setup.hours.at(&outgoing.to, facts.now),
        window: window(channel, facts),
        template: outgoing.texts.get(&channel).is_some_and(|text| text.template.is_some()),
        accounts: setup.routes.iter().filter(|route| route.channel == channel).map(account).collect(),
    }
}

/// What somebody said about a sender: to it or to all of the tenant's. One who asked that sender to stop has not asked it to go on
/// by asking another to. What is one of many is also asked for, and not wanted, as such.
fn consent<'r>(rows: impl Iterator<Item = &'r Row>, sender: &str, is_bulk: bool) -> Consent {
    let mut found = Consent::Unknown;
    for row in rows.filter(|row| {
        row.sender == sender || row.sender == Row::ANY_SENDER || (is_bulk && row.sender == Row::BULK)
    }) {
        match row.status {
            ConsentStatus::OptedOut => return Consent::Withdrawn,
            ConsentStatus::OptedIn => found = Consent::Given,
        }
    }
    found
}

/// Whether somebody asked any of the tenant's senders to stop, on any channel that goes to their number. A call is the loudest of them:
/// whoever does not want texts is not called, whatever the message.
fn is_stopped(consents: &[Row], address: Option<&str>, lane: Lane) -> bool {
    consents.iter().any(|row| {
        row.status == ConsentStatus::OptedOut
            && channel_of(row.channel).by_phone()
            && Some(row.address.as_str()) == address
            && row.sender != Row::NOBODY
            && (row.sender != Row::BULK || lane == Lane::Bulk)
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
