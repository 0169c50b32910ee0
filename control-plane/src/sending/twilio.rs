//! Text messages and WhatsApp by Twilio. Creating a message has no key there: a try of which nobody knows what came is looked for among
//! the account's messages.

use super::{Senders, routes};
use crate::{
    carriers::credentials,
    clock::{after, now_us},
    directory::Account,
};
use messaging::{
    Channel, Failure, FailureClass, Status,
    dispatch::{Answer, Form, Outcome, Report},
    failure::of_twilio,
    quiet,
};
use outbox::{Parcel, Question, Sent, Used};
use pricing::{
    kind,
    money::{MICROS, cost},
};
use tracing::warn;
use twilio_rest::{Account as Client, Message, MessageFilter, NewMessage, TwilioError};

/// Where Twilio tells what becomes of a message; the try follows.
pub(crate) const TOLD: &str = "/hooks/twilio/sms-status";
/// Before the numbers of WhatsApp.
const WHATSAPP: &str = "whatsapp:";
/// What stands before all that a trial account sends.
const TRIAL: &str = "Sent from your Twilio trial account - ";
/// Messages to one number that are looked at.
const LOOKED_AT: usize = 200;
/// Twilio's clock and ours may differ by so much, in µs.
const SKEW_US: i64 = 60_000_000;

/// Hands a message to Twilio.
pub(super) async fn send(senders: &Senders, account: &Account, parcel: &Parcel) -> Sent {
    let Some(client) = client(senders, account) else { return super::no_account() };
    let mut new = new_message(&senders.own_address, parcel);
    for address in &mut new.media_url {
        *address = senders.files.lent(address, now_us());
    }
    match client.create_message(&new).await {
        Ok(message) => Sent {
            outcome: Outcome::Accepted { provider_id: message.sid.to_string() },
            word: Some(message.status.as_str().to_owned()),
            used: used(senders, parcel, message.num_segments).await,
            segments: message.num_segments.and_then(|count| u32::try_from(count).ok()),
            error: None,
        },
        Err(cause) => not_sent(&cause),
    }
}

/// What a text message costs by the price book, by the parts that Twilio counted. Messages with pictures, and those on WhatsApp, have no
/// price there.
async fn used(senders: &Senders, parcel: &Parcel, segments: Option<u64>) -> Option<Used> {
    if parcel.route.channel != Channel::Sms || !parcel.text.media.is_empty() {
        return None;
    }
    let now = now_us();
    let book = match senders.prices.book(&*senders.store.platform(), now).await {
        Ok(book) => book,
        Err(cause) => {
            warn!(error = &cause as &dyn std::error::Error, "a message is sent without its price");
            return None;
        }
    };
    let country = quiet::country(&parcel.address).unwrap_or_default();
    let quote = book.quote(routes::TWILIO, &country, kind::SMS_OUTBOUND, kind::SEGMENT, now)?;
    let quantity_micros = i64::try_from(segments?).ok()?.checked_mul(MICROS)?;
    Some(Used {
        kind: kind::SMS_OUTBOUND,
        unit: kind::SEGMENT,
        quantity_micros,
        cost_micros: cost(quantity_micros, quote.price_micros).ok()?,
        currency: quote.currency.clone(),
    })
}

/// What a failure means.
pub(super) fn not_sent(cause: &TwilioError) -> Sent {
    let error = Some(cause.to_string());
    let outcome = match cause {
        TwilioError::Refused { refusal, .. } => {
            let wait = refusal.retry_after.and_then(|wait| u32::try_from(wait.as_secs()).ok());
            let failure = of_twilio(refusal.code, Some(refusal.status)).with_retry_after(wait);
            Outcome::Refused { failure }
        }
        TwilioError::Unreachable { .. } | TwilioError::NoAnswer { .. } => {
            Outcome::Refused { failure: Failure::new(FailureClass::Temporary) }
        }
        // Our own limit: it was not sent, and a queue is no reason to give a message up.
        TwilioError::Busy { wait, .. } => Outcome::Deferred { until: after(*wait) },
        TwilioError::UnknownOutcome { .. } | TwilioError::Misunderstood { .. } => Outcome::Unknown,
        TwilioError::Invalid { .. } => Outcome::Refused { failure: Failure::new(FailureClass::Message) },
    };
    Sent { error, ..Sent::of(outcome) }
}

pub(super) fn client(senders: &Senders, account: &Account) -> Option<Client> {
    credentials(account).map(|credentials| senders.messengers.twilio.account(credentials))
}

fn address(channel: Channel, address: &str) -> String {
    if channel == Channel::Whatsapp { format!("{WHATSAPP}{address}") } else { address.to_owned() }
}

fn new_message(own_address: &str, parcel: &Parcel) -> NewMessage {
    let channel = parcel.route.channel;
    let service = parcel.sender.starts_with("MG").then(|| parcel.sender.clone());
    let from = if service.is_some() { None } else { Some(address(channel, &parcel.sender)) };
    let (content_sid, content_variables) = match (&parcel.form, &parcel.text.template) {
        (Form::Template, Some((sid, variables))) => (Some(sid.clone()), Some(variables.clone())),
        _ => (None, None),
    };
    let body = Some(parcel.text.text.clone()).filter(|text| content_sid.is_none() && !text.is_empty());
    NewMessage {
        to: address(channel, &parcel.address),
        from,
        messaging_service_sid: service,
        body,
        media_url: if content_sid.is_none() { parcel.text.media.clone() } else { Vec::new() },
        content_sid,
        content_variables,
        status_callback: Some(format!("{own_address}{TOLD}?attempt={}", parcel.attempt)),
        validity_period: parcel.useful_until.map(|until| validity(until.saturating_sub(now_us()))),
    }
}

/// How long Twilio may keep a message, in s, of which there are `left` µs of use. Source: Messages resource, `ValidityPeriod`: 1 to 36,000.
fn validity(left: i64) -> u32 {
    u32::try_from(left.div_euclid(1_000_000).clamp(1, 36_000)).unwrap_or(1)
}

/// Asks for a message by its sid, or looks for it among the account's: the same text to the same number, not older than the try, and no
/// other message's.
pub(super) async fn ask(senders: &Senders, account: &Account, question: &Question) -> Answer {
    let Some(client) = client(senders, account) else { return Answer::CannotSay };
    let parcel = &question.parcel;
    let known = question.provider_id.as_deref().and_then(|id| id.parse().ok());
    if let Some(sid) = known {
        return match client.fetch_message(&sid).await {
            Ok(message) => Answer::Found { report: report(&message) },
            Err(cause) if cause.is_gone() => Answer::NotThere,
            Err(cause) => cannot_say(parcel, &cause),
        };
    }
    let filter = MessageFilter {
        to: Some(address(parcel.route.channel, &parcel.address)),
        ..MessageFilter::default()
    };
    let listed = match client.list_messages(&filter) {
        Ok(pages) => pages.first(LOOKED_AT).await,
        Err(cause) => Err(cause),
    };
    match listed {
        Ok(messages) => {
            let found = messages.iter().find(|message| is_it(message, question));
            found.map_or(Answer::NotThere, |message| Answer::Found { report: report(message) })
        }
        Err(cause) => cannot_say(parcel, &cause),
    }
}

fn cannot_say(parcel: &Parcel, cause: &TwilioError) -> Answer {
    warn!(
        tenant = %parcel.tenant, error = cause as &dyn std::error::Error,
        "Twilio could not be asked what came of a message"
    );
    Answer::CannotSay
}

fn is_it(message: &Message, question: &Question) -> bool {
    let parcel = &question.parcel;
    let wanted = new_message("", parcel);
    let not_older = message
        .date_created
        .is_none_or(|created| created.as_microsecond().saturating_add(SKEW_US) >= question.begun_at);
    let is_ours = message.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound"));
    let same_sender = wanted.from.is_none() || message.from.is_none() || message.from == wanted.from;
    // The approved words are the provider's, with what it filled in.
    let by_template = parcel.route.windowed && parcel.text.template.is_some();
    let texts = (message.body.as_deref().unwrap_or_default(), wanted.body.as_deref().unwrap_or_default());
    let same_text = by_template || is_same(texts, wanted.messaging_service_sid.is_some());
    let is_anothers = question.others.iter().any(|other| *other == message.sid.to_string());
    is_ours && not_older && same_sender && same_text && !is_anothers
}

/// Whether what is listed is what was written. A trial account puts words of Twilio's before it; a messaging service replaces signs
/// that would cost another part, and no letters.
fn is_same((listed, written): (&str, &str), by_service: bool) -> bool {
    let (listed, written) = (listed.trim(), written.trim());
    let letters = |text: &str| text.chars().filter(|char| char.is_alphanumeric()).collect::<String>();
    let same_letters = || by_service && !letters(written).is_empty() && letters(listed) == letters(written);
    listed == written || listed.strip_prefix(TRIAL).is_some_and(|text| text == written) || same_letters()
}

fn report(message: &Message) -> Report {
    let status = Status::of_twilio(message.status.as_str()).unwrap_or(Status::Sent);
    let failure = message.error_code.map(|code| of_twilio(Some(code), None));
    Report { status, failure, provider_id: Some(message.sid.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::{is_same, validity};

    #[test]
    fn twilio_keeps_a_message_no_longer_than_it_is_of_use() {
        assert_eq!(validity(90_500_000), 90);
        assert_eq!((validity(-5), validity(i64::MIN), validity(i64::MAX)), (1, 1, 36_000));
    }

    #[test]
    fn another_message_is_not_taken_for_a_lost_one() {
        assert!(!is_same(("It is not ready", "ready"), false), "it ends alike");
        assert!(!is_same(("\u{414}\u{430} 1", "\u{41d}\u{435}\u{442} 1"), true), "other letters");
    }

    #[test]
    fn a_message_is_found_although_twilio_changed_its_words() {
        assert!(is_same(("Sent from your Twilio trial account - Hello", "Hello"), false));
        assert!(is_same(("It's \"ready\"", "It\u{2019}s \u{201c}ready\u{201d}"), true));
        assert!(!is_same(("It's ready", "It\u{2019}s ready"), false));
        assert!(is_same(
            (
                "\u{201e}\u{413}\u{43e}\u{442}\u{43e}\u{432}\u{43e}\u{201c}",
                "\"\u{413}\u{43e}\u{442}\u{43e}\u{432}\u{43e}\""
            ),
            true
        ));
        assert!(!is_same(("Hello", ""), false) && !is_same(("", "Hello"), true) && is_same(("", ""), false));
    }
}
