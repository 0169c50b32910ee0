//! WhatsApp by Whapi. A token is a number; several of a tenant's stand in for each other as accounts of one channel, each with a health
//! of its own (requirements S0-13, S0-14, S0-90). Sending has no key there: a try of which nobody knows what came is looked for.

use super::{Senders, gateway, no_account, routes};
use crate::{
    clock::now_us,
    directory::Account,
    messengers::{PHONE, WHAPI, number::to_whapi},
};
use gateways::{
    GatewayError,
    whapi::{Content, Found, MediaKind, MediaSource, Message, NewMedia, NewText, ReceivedMedia, SentMark},
};
use messaging::{
    Channel, Failure, FailureClass, Status,
    dispatch::{Answer, Outcome, Recovery, Report},
    failure::of_whapi,
};
use outbox::{Parcel, Question, Route, Sent};
use std::time::Duration;
use tracing::warn;
use url::Url;

/// Whapi's clock and ours may differ by so much.
const SKEW: Duration = Duration::from_secs(60);

/// The way out of a token.
pub(super) fn route(account: &Account) -> Option<Route> {
    if !routes::is_for(account, "whatsapp") {
        return None;
    }
    let sender = account.properties.get(PHONE).cloned().unwrap_or_else(|| account.sid.clone());
    Some(Route {
        channel: Channel::Whatsapp,
        account: routes::id_of(account),
        provider: WHAPI,
        senders: vec![sender],
        tier: routes::tier(account),
        priority: account.priority,
        capable: account.secrets.contains_key(crate::messengers::TOKEN),
        // A session as of WhatsApp Web is not bound to the 24 hours.
        windowed: false,
        recovery: Recovery::Ask,
        per_second: routes::per_second(account),
    })
}

/// Hands a message to Whapi.
pub(super) async fn send(senders: &Senders, account: &Account, parcel: &Parcel) -> Sent {
    let Some(channel) = senders.messengers.channel(account) else { return no_account() };
    let Some(to) = to_whapi(&parcel.address) else {
        let failure = Failure::new(FailureClass::BadAddress);
        return Sent::of(Outcome::Refused { failure });
    };
    let sent = match media(&parcel.text.media) {
        Some((url, kind, rest)) => {
            let caption = said(&parcel.text.text, rest);
            // Further ones keep the address that they have: what was said is looked for word by word.
            let url = senders.files.lent(url.as_str(), now_us()).parse().unwrap_or(url);
            let media = NewMedia {
                to,
                kind,
                source: MediaSource::Url(url),
                mime_type: None,
                caption: Some(caption).filter(|caption| !caption.is_empty()),
                filename: None,
                quoted: None,
            };
            channel.send_media(&media).await
        }
        None => {
            let body = said(&parcel.text.text, &parcel.text.media);
            channel.send_text(&NewText { to, body, ..NewText::default() }).await
        }
    };
    match sent {
        Ok(message) => Sent {
            word: message.status.as_ref().map(|status| status.as_str().to_owned()),
            ..Sent::of(Outcome::Accepted { provider_id: message.id })
        },
        Err(cause) => not_sent(&cause),
    }
}

/// What a failure means.
fn not_sent(cause: &GatewayError) -> Sent {
    gateway::not_sent(cause, |status, _| of_whapi(status))
}

/// The first file of a message, what it is by its name, and the others.
fn media(addresses: &[String]) -> Option<(Url, MediaKind, &[String])> {
    let (first, rest) = addresses.split_first()?;
    let url = Url::parse(first).ok()?;
    let name = url.path().to_ascii_lowercase();
    let kind = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("jpg" | "jpeg" | "png" | "webp") => MediaKind::Image,
        Some("gif") => MediaKind::Gif,
        Some("mp4" | "3gp" | "mov") => MediaKind::Video,
        Some("mp3" | "m4a" | "aac" | "wav") => MediaKind::Audio,
        Some("ogg" | "oga" | "opus") => MediaKind::Voice,
        Some(_) | None => MediaKind::Document,
    };
    // What has no caption would lose the text.
    Some((url, kind, rest))
}

/// The text, and where files are that do not go along: one request is one file.
fn said(text: &str, addresses: &[String]) -> String {
    let lines = Some(text).filter(|text| !text.trim().is_empty()).into_iter();
    lines.chain(addresses.iter().map(String::as_str)).collect::<Vec<_>>().join("\n")
}

/// What was sent, as it is looked for.
fn content(parcel: &Parcel) -> Content {
    match media(&parcel.text.media) {
        Some((_, kind, rest)) => {
            let captioned = !matches!(kind, MediaKind::Audio | MediaKind::Voice);
            let caption = said(&parcel.text.text, rest);
            Content::Media(ReceivedMedia {
                kind,
                id: None,
                mime_type: None,
                size: None,
                sha256: None,
                link: None,
                caption: Some(caption).filter(|caption| captioned && !caption.is_empty()),
                filename: None,
                seconds: None,
            })
        }
        None => Content::Text { body: said(&parcel.text.text, &parcel.text.media), choice: None },
    }
}

/// Looks for a message: by its id, or among those that the channel sent since the try.
pub(super) async fn ask(senders: &Senders, account: &Account, question: &Question) -> Answer {
    let parcel = &question.parcel;
    let (Some(channel), Some(to)) = (senders.messengers.channel(account), to_whapi(&parcel.address)) else {
        return Answer::CannotSay;
    };
    let is_ours = |message: &Message| !question.others.contains(&message.id);
    let found = match &question.provider_id {
        Some(id) => channel.fetch_message(id).await.map(|message| Found::One(Box::new(message))),
        None => {
            let mark = SentMark { to, content: content(parcel), at: question.begun_at, skew: SKEW };
            channel.find_sent(&mark).await
        }
    };
    match found {
        Ok(Found::One(message)) if is_ours(&message) => Answer::Found { report: report(&message) },
        // What is there is of another message, with the same words.
        Ok(Found::One(_) | Found::Nothing) => Answer::NotThere,
        Ok(Found::Several(_) | Found::TooMany) => Answer::CannotSay,
        Err(cause) => {
            warn!(
                tenant = %parcel.tenant, error = &cause as &dyn std::error::Error,
                "Whapi could not be asked what came of a message"
            );
            Answer::CannotSay
        }
    }
}

fn report(message: &Message) -> Report {
    let status = message.status.as_ref().and_then(|status| Status::of_whapi(status.as_str()));
    let status = status.unwrap_or(Status::Sent);
    Report {
        failure: status.is_failure().then(|| Failure::new(FailureClass::Unreachable)),
        status,
        provider_id: Some(message.id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateways::{Gateway, Refusal};

    fn outcome(status: u16) -> Outcome {
        let after = Some(Duration::from_secs(7));
        let refusal = Box::new(Refusal { status, message: String::new(), retry_after: after });
        not_sent(&GatewayError::Refused { gateway: Gateway::Whapi, doing: "sending a text", refusal }).outcome
    }

    #[test]
    fn a_token_that_is_logged_out_gives_way_to_the_next_and_a_person_without_whatsapp_to_another_channel() {
        let class = |status| match outcome(status) {
            Outcome::Refused { failure } => failure.class,
            other => panic!("{other:?}"),
        };
        assert!(class(401).rule().next_account && class(402).rule().next_account);
        assert_eq!(class(404), FailureClass::BadAddress);
        let Outcome::Refused { failure } = outcome(429) else { panic!("it is refused") };
        assert_eq!((failure.class, failure.retry_after_s), (FailureClass::Busy, Some(7)));
        let lost = GatewayError::UnknownOutcome {
            gateway: Gateway::Whapi,
            doing: "sending a text",
            cause: String::new(),
            status: Some(502),
            keyed: false,
            retry_after: None,
        };
        assert_eq!(not_sent(&lost).outcome, Outcome::Unknown);
    }

    #[test]
    fn a_file_goes_with_the_text_below_it_and_further_ones_as_addresses() {
        let files = ["https://a.test/Photo.JPG?x=1".to_owned(), "https://a.test/b.pdf".to_owned()];
        let (url, kind, rest) = media(&files).unwrap();
        assert_eq!((url.as_str(), kind, rest.len()), ("https://a.test/Photo.JPG?x=1", MediaKind::Image, 1));
        assert_eq!(said("Look", rest), "Look\nhttps://a.test/b.pdf");
        assert_eq!(media(&files[1..]).unwrap().1, MediaKind::Document);
        assert_eq!(media(&["no address".to_owned()]), None);
    }
}
