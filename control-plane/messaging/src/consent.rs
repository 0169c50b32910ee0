//! Who wants messages from whom: the words by which people say so, the answers to them, and what follows for the record of consent.
//!
//! - A word counts when it is the whole message, in any case, with or without accents, spaces and punctuation around it.
//! - Somebody who opted out is told nothing more by that sender until they say so themselves, or the tenant has proof that they did.
//! - Consent is kept by channel and sender. Who opted out of one sender is told by another of that channel only if they asked for that one.

mod words;

pub use crate::dispatch::Consent;
use crate::words::words;
use serde::{Deserialize, Serialize};

words! {
    /// What somebody wants who writes one word.
    pub enum Keyword, "keyword" {
        /// No more messages.
        Stop => "stop",
        /// Messages again.
        Start => "start",
        /// To know who writes, and how to stop it.
        Help => "help",
    }
}

words! {
    /// The language of a keyword, in which it is answered.
    pub enum Language, "language" {
        /// English.
        En => "en",
        /// French.
        Fr => "fr",
        /// Spanish.
        Es => "es",
    }
}

/// A message that is a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognised {
    /// What is wanted.
    pub keyword: Keyword,
    /// In which language it was said.
    pub language: Language,
    /// Whether it only counts for somebody who opted out: `yes` is an answer to many questions.
    pub only_after_stop: bool,
}

/// Reads a message as a keyword; `None`: it is none.
#[must_use]
pub fn recognise(body: &str) -> Option<Recognised> {
    words::recognise(body)
}

/// The usual answer to a keyword. `sender` is the tenant's name, `contact` where it is reached; the tenant may have its own words instead.
///
/// After STOP one confirmation may be sent and nothing else (CTIA Messaging Principles, 5.1.3; 47 CFR 64.1200(a)(12)).
#[must_use]
pub fn answer(keyword: Keyword, language: Language, sender: &str, contact: &str) -> String {
    match (keyword, language) {
        (Keyword::Stop, Language::En) => {
            format!("{sender}: You will receive no more messages. Reply START to receive them again.")
        }
        (Keyword::Stop, Language::Fr) => {
            format!(
                "{sender} : vous ne recevrez plus de messages. Répondez COMMENCER pour en recevoir à nouveau."
            )
        }
        (Keyword::Stop, Language::Es) => {
            format!("{sender}: no recibirá más mensajes. Responda INICIAR para volver a recibirlos.")
        }
        (Keyword::Start, Language::En) => {
            format!("{sender}: You will receive messages again. Reply STOP to end them.")
        }
        (Keyword::Start, Language::Fr) => {
            format!(
                "{sender} : vous recevrez à nouveau des messages. Répondez ARRET pour ne plus en recevoir."
            )
        }
        (Keyword::Start, Language::Es) => {
            format!("{sender}: volverá a recibir mensajes. Responda ALTO para no recibir más.")
        }
        (Keyword::Help, Language::En) => {
            format!("{sender}: For help, contact {contact}. Reply STOP to end messages.")
        }
        (Keyword::Help, Language::Fr) => {
            format!(
                "{sender} : pour obtenir de l'aide, {contact}. Répondez ARRET pour ne plus recevoir de messages."
            )
        }
        (Keyword::Help, Language::Es) => {
            format!("{sender}: para ayuda, {contact}. Responda ALTO para no recibir más mensajes.")
        }
    }
}

/// What may change a person's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The person wrote a keyword, or their provider told of one (`OptOutType` at Twilio).
    Said {
        /// What.
        keyword: Keyword,
        /// Whether it only counts for somebody who opted out.
        only_after_stop: bool,
    },
    /// A provider refused a message because the person opted out there (error 21610 at Twilio).
    LearnedFromProvider,
    /// The person used the link to unsubscribe in a mail.
    Unsubscribed,
    /// The tenant records that the person asked for messages.
    Granted {
        /// Whether it has proof: a form, a contract, a recording.
        proven: bool,
    },
    /// The tenant records that the person wants none.
    Revoked,
}

/// What follows from an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The consent from then on.
    pub to: Consent,
    /// Whether it goes into the record. What changes nothing is not proof of anything.
    pub recorded: bool,
    /// What is answered, once; nothing else may be sent to somebody who opted out.
    pub answer: Option<Keyword>,
}

/// What an event makes of a person's consent to a sender.
#[must_use]
pub fn transition(from: Consent, event: Event) -> Transition {
    let unchanged = Transition { to: from, recorded: false, answer: None };
    let to = |to: Consent, answer| Transition { to, recorded: to != from, answer };
    let withdrawn = from == Consent::Withdrawn;
    match event {
        // Confirmed once: who says it twice is left in peace.
        Event::Said { keyword: Keyword::Stop, .. } => {
            to(Consent::Withdrawn, (!withdrawn).then_some(Keyword::Stop))
        }
        Event::Said { keyword: Keyword::Start, only_after_stop } => {
            if only_after_stop && !withdrawn {
                unchanged
            } else {
                to(Consent::Given, withdrawn.then_some(Keyword::Start))
            }
        }
        // Who asks is answered, also after STOP.
        Event::Said { keyword: Keyword::Help, .. } => Transition { answer: Some(Keyword::Help), ..unchanged },
        Event::LearnedFromProvider | Event::Unsubscribed | Event::Revoked => to(Consent::Withdrawn, None),
        Event::Granted { proven } => {
            if withdrawn && !proven {
                unchanged
            } else {
                to(Consent::Given, None)
            }
        }
    }
}

#[cfg(test)]
mod tests;
