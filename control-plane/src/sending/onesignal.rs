//! Push by OneSignal. A try carries a key of its own, so one of which nobody knows what came is made again. An answer without an id is a
//! failure: nobody has a device that takes it. What becomes of a notification is told to nobody, it has to be asked for.

use super::{Senders, gateway, no_account, routes};
use crate::{
    directory::Account,
    messengers::{APP, ONESIGNAL},
};
use gateways::{
    GatewayError,
    onesignal::{Audience, NewNotification, Notification, Progress},
};
use messaging::{
    Channel, Failure, FailureClass, MessageType, Status,
    dispatch::{Answer, Outcome, Recovery, Report},
    failure::of_onesignal,
};
use outbox::{Parcel, Question, Route, Sent};
use tracing::warn;

/// The language in which OneSignal wants a text, whatever it is in: it is shown to everybody.
const EVERYBODY: &str = "en";
/// What is noted of a notification that OneSignal took.
const WORD: &str = "created";

/// The way out of an app.
pub(super) fn route(account: &Account) -> Option<Route> {
    if !routes::is_for(account, "push") {
        return None;
    }
    let app = account.properties.get(APP)?;
    Some(Route {
        channel: Channel::Push,
        account: routes::id_of(account),
        provider: ONESIGNAL,
        senders: vec![app.clone()],
        tier: routes::tier(account),
        priority: account.priority,
        capable: account.secrets.contains_key("api_key"),
        windowed: false,
        recovery: Recovery::SameKey,
        per_second: routes::per_second(account),
    })
}

/// Hands a message to OneSignal.
pub(super) async fn send(senders: &Senders, account: &Account, parcel: &Parcel) -> Sent {
    let Some(app) = senders.messengers.app(account) else { return no_account() };
    match app.create(&notification(parcel)).await {
        Ok(created) => {
            Sent { word: Some(WORD.to_owned()), ..Sent::of(Outcome::Accepted { provider_id: created.id }) }
        }
        Err(cause) => not_sent(&cause),
    }
}

fn notification(parcel: &Parcel) -> NewNotification {
    let to = Audience::ExternalIds(vec![parcel.address.clone()]);
    let mut new = NewNotification::new(parcel.attempt.as_str(), to, &parcel.text.text);
    let title = parcel.text.subject.clone().filter(|title| !title.trim().is_empty());
    new.headings.extend(title.map(|title| (EVERYBODY.to_owned(), title)));
    new.data.insert("message_id".to_owned(), parcel.message.as_str().into());
    if let Some(conversation) = &parcel.conversation {
        new.data.insert("conversation_id".to_owned(), conversation.as_str().into());
    }
    new.url = parcel.text.media.first().cloned();
    new.urgent = matches!(parcel.kind, MessageType::Critical | MessageType::Instant);
    new
}

/// What a failure means.
fn not_sent(cause: &GatewayError) -> Sent {
    gateway::not_sent(cause, of_onesignal)
}

/// Asks how a notification goes.
pub(super) async fn ask(senders: &Senders, account: &Account, question: &Question) -> Answer {
    let (Some(app), Some(id)) = (senders.messengers.app(account), &question.provider_id) else {
        return Answer::CannotSay;
    };
    match app.view(id).await {
        Ok(notification) => answer(&notification, id),
        Err(cause) => {
            warn!(
                tenant = %question.parcel.tenant, error = &cause as &dyn std::error::Error,
                "OneSignal could not be asked what came of a notification"
            );
            Answer::CannotSay
        }
    }
}

fn answer(notification: &Notification, id: &str) -> Answer {
    let (status, class) = match notification.progress() {
        Progress::Pending => return Answer::CannotSay,
        Progress::Sent => (Status::Sent, None),
        Progress::Delivered => (Status::Delivered, None),
        // Every device has unsubscribed or lost the app; or the app is set up wrongly.
        Progress::Failed if notification.failed > 0 => (Status::Undelivered, Some(FailureClass::BadAddress)),
        Progress::Failed => (Status::Undelivered, Some(FailureClass::Account)),
        Progress::Canceled => (Status::Undelivered, Some(FailureClass::NotCarried)),
    };
    let report = Report { status, failure: class.map(Failure::new), provider_id: Some(id.to_owned()) };
    Answer::Found { report }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateways::Gateway;

    #[test]
    fn an_answer_that_reaches_nobody_ends_this_channel_and_a_lost_one_is_asked_for_again() {
        let nobody = GatewayError::NothingSent {
            gateway: Gateway::OneSignal,
            doing: "creating a notification",
            reason: "All included players are not subscribed".to_owned(),
        };
        let Outcome::Refused { failure } = not_sent(&nobody).outcome else { panic!("it is refused") };
        assert_eq!(failure.class, FailureClass::BadAddress);
        assert!(!failure.class.rule().next_account && !failure.class.rule().retryable);
        let lost = GatewayError::UnknownOutcome {
            gateway: Gateway::OneSignal,
            doing: "creating a notification",
            cause: String::new(),
            status: None,
            keyed: true,
            retry_after: None,
        };
        assert_eq!(not_sent(&lost).outcome, Outcome::Unknown);
    }

    #[test]
    fn what_is_counted_says_how_far_a_notification_is() {
        let of = |notification: Notification| match answer(&notification, "n1") {
            Answer::Found { report } => Some((report.status, report.failure.map(|failure| failure.class))),
            Answer::NotThere | Answer::CannotSay => None,
        };
        let none = Notification { remaining: 1, ..Notification::default() };
        assert_eq!(of(none.clone()), None);
        let sent = Notification { successful: 1, remaining: 0, ..none };
        assert_eq!(of(sent.clone()), Some((Status::Sent, None)));
        assert_eq!(of(Notification { received: Some(1), ..sent }), Some((Status::Delivered, None)));
        let gone = Notification { failed: 1, ..Notification::default() };
        assert_eq!(of(gone), Some((Status::Undelivered, Some(FailureClass::BadAddress))));
        let wrong = Notification { errored: 1, ..Notification::default() };
        assert_eq!(of(wrong), Some((Status::Undelivered, Some(FailureClass::Account))));
    }
}
