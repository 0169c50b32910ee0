//! Which error of which provider is of which class.
//!
//! Sources: Twilio's error dictionary and *Messages resource*; Whapi's OpenAPI 1.8.7; RFC 5321 and RFC 3463 for mail; OneSignal's
//! create-notification reference. The providers give meanings; the class is our judgement, so it stands here, in one place.

use super::{Failure, FailureClass};
use FailureClass::{
    Account, BadAddress, Busy, Expired, Message, NotCarried, OptedOut, QuietHours, Temporary, Unreachable,
};

/// Twilio's codes, in order.
const TWILIO: &[(u32, FailureClass)] = &[
    (10_001, Account),     // the account is not active
    (10_004, Busy),        // too many at once
    (14_107, Unreachable), // too many replies between two numbers: a loop, to be left for a while
    (20_003, Account),     // authentication
    (20_005, Account),     // the account is not active
    (20_404, Account),     // no such resource: an account or a service that is gone
    (20_429, Busy),
    (20_500, Temporary),
    (20_503, Temporary),
    (21_210, Account),    // From is none of the account's numbers for calls
    (21_211, BadAddress), // invalid To
    (21_212, Account),    // invalid From
    (21_214, BadAddress), // To cannot be reached
    (21_215, NotCarried), // no permission to call this region
    (21_216, NotCarried), // calls to there are blocked
    (21_217, BadAddress), // not a phone number
    (21_219, NotCarried), // a trial account calls verified numbers alone
    (21_408, NotCarried), // no permission for this region
    (21_601, Account),    // From cannot send text messages
    (21_602, Message),    // no body
    (21_603, Account),    // no From
    (21_604, Message),    // no To
    (21_605, Message),    // body too long
    (21_606, Account),    // From is not one of the account's numbers for this
    (21_608, NotCarried), // a trial account sends to verified numbers alone
    (21_609, Account),    // status callback is not a URL
    (21_610, OptedOut),
    (21_611, Busy),       // the sender's queue is full
    (21_612, NotCarried), // no way from this sender to there
    (21_614, BadAddress), // not a mobile number
    (21_617, Message),    // body too long
    (21_619, Message),
    (21_620, Message), // media
    (21_623, Message), // media
    (21_703, Account), // a service without numbers
    (21_704, Account), // a service without numbers
    (30_001, Busy),    // queue overflow
    (30_002, Account), // suspended
    (30_003, Unreachable),
    (30_004, NotCarried),  // blocked by the receiver's carrier
    (30_005, BadAddress),  // unknown handset
    (30_006, BadAddress),  // landline or carrier that takes none
    (30_007, NotCarried),  // filtered
    (30_008, Unreachable), // unknown
    (30_010, Account),     // price limit
    (30_011, NotCarried),  // pictures are not carried there
    (30_012, Message),
    (30_013, Message),
    (30_014, Message),
    (30_015, Message),
    (30_016, Message),
    (30_017, Busy), // carrier congestion
    (30_018, Account),
    (30_019, Message), // content too large
    (30_020, Temporary),
    (30_021, Temporary),
    (30_022, Busy),        // rate of a registered campaign
    (30_023, Unreachable), // daily cap
    (30_024, NotCarried),  // sender is not provisioned at the carrier
    (30_027, Unreachable), // daily cap
    (30_032, NotCarried),  // unregistered sender, and so up to 30036
    (30_033, NotCarried),
    (30_034, NotCarried),
    (30_035, NotCarried),
    (30_036, Expired),    // validity period is over
    (30_410, Temporary),  // provider timeout
    (30_450, NotCarried), // held back as pumping
    (30_610, QuietHours),
    (63_003, BadAddress), // the channel does not know the address
    (63_009, Temporary),
    (63_010, Temporary),
    (63_012, Temporary),
    (63_015, Account),    // the sandbox was not joined
    (63_016, NotCarried), // outside of the 24-hour window, without a template
    (63_017, Busy),
    (63_018, Busy),
    (63_024, BadAddress), // invalid receiver
    (63_032, NotCarried), // the network limits what this person is sent
    (63_033, NotCarried), // the person blocked it
];

/// The class of a refusal or an undelivered message at Twilio: by its code, or by the HTTP status where the code is none or new.
///
/// `status` is that of the answer; `None` in a status callback.
#[must_use]
pub fn of_twilio(code: Option<u32>, status: Option<u16>) -> Failure {
    let known = code.and_then(|code| {
        let at = TWILIO.binary_search_by_key(&code, |row| row.0).ok()?;
        TWILIO.get(at).map(|row| row.1)
    });
    let by_status = || match status {
        Some(status) => of_http(status).class,
        // A callback with a code that is new, or with none: it did not arrive, and nobody knows why.
        None => Unreachable,
    };
    let failure = Failure::new(known.unwrap_or_else(by_status));
    match (code, status) {
        (Some(code), _) => failure.with_code(code.to_string()),
        (None, Some(status)) => failure.with_code(format!("HTTP {status}")),
        (None, None) => failure,
    }
}

/// The class of an answer by its HTTP status alone.
///
/// A 5xx says nothing of whether the request was carried out: where the provider's calls are not idempotent the caller tells the outcome
/// as unknown instead.
#[must_use]
pub fn of_http(status: u16) -> Failure {
    let class = match status {
        429 => Busy,
        401..=403 => Account,
        // An address that the caller was told to use.
        404 | 407 | 410 => Account,
        408 | 425 | 500..=599 => Temporary,
        _ => Message,
    };
    Failure::new(class).with_code(format!("HTTP {status}"))
}

/// The class of an answer of Whapi: HTTP status, and `sent` of a body with status 200.
///
/// 404 is a person who is not on WhatsApp; 401 a session that is logged out; 402 a trial that is used up.
#[must_use]
pub fn of_whapi(status: u16) -> Failure {
    let class = match status {
        // `sent: false` in an answer that is fine otherwise.
        200..=299 => Temporary,
        404 => BadAddress,
        400 | 413 | 415 => Message,
        _ => return of_http(status),
    };
    Failure::new(class).with_code(format!("HTTP {status}"))
}

/// The class of an answer of OneSignal: HTTP status, and whether the id in the body was empty.
///
/// An answer 200 with an empty id says that nobody was told: no device of this person takes notifications.
#[must_use]
pub fn of_onesignal(status: u16, empty_id: bool) -> Failure {
    match status {
        200..=299 if empty_id => Failure::new(BadAddress).with_code("empty_id"),
        404 => Failure::new(Account).with_code("HTTP 404"),
        _ => of_http(status),
    }
}

/// The class of a mail server's answer: the three digits of RFC 5321 and, where it gave one, the enhanced code of RFC 3463. Also for the
/// `Status` of a bounce, with `reply` 0.
#[must_use]
pub fn of_smtp(reply: u16, enhanced: Option<(u8, u16, u16)>) -> Failure {
    let class = match (reply, enhanced) {
        // Names and passwords, whatever the enhanced code says.
        (530 | 534 | 535 | 538, _) => Account,
        (454, _) => Temporary,
        (_, Some((5, 1, 1..=3 | 6 | 10))) => BadAddress, // no such mailbox, domain or address; moved; takes no mail
        (_, Some((5, 1, 7 | 8))) => Account,             // our own address is wrong
        (_, Some((5, 2, 1))) => BadAddress,              // mailbox is disabled
        (_, Some((4 | 5, 2, 2))) => Unreachable,         // mailbox is full
        (_, Some((5, 2, 3) | (5, 3, 4) | (5, 6, _))) => Message, // too large, or of a form that is not taken
        (_, Some((5, 4, 4 | 1))) => BadAddress,          // the domain has no host for mail
        (_, Some((5, 7, _))) => NotCarried,              // policy: another sender may be trusted
        (_, Some((4, 7, _))) => Busy,                    // greylisting and rates
        (421 | 450 | 452, _) | (_, Some((4, _, _))) => Unreachable,
        (400..=499, _) => Unreachable,
        (550 | 551 | 553, None) => BadAddress,
        (552, _) => Message,
        (_, Some((5, _, _))) | (500..=599, _) => NotCarried,
        _ => Temporary,
    };
    let code = match enhanced {
        Some((class, subject, detail)) => format!("{class}.{subject}.{detail}"),
        None => reply.to_string(),
    };
    Failure::new(class).with_code(code)
}

#[cfg(test)]
pub(super) const fn twilio_table() -> &'static [(u32, FailureClass)] {
    TWILIO
}
