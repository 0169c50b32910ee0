//! STOP, START and HELP, as people write them: what they want is noted with the message, in its own unit of work, and answered once.
//!
//! - Where the carrier answers a word by itself (Twilio does for its own words, in text messages) nothing is answered here.
//! - START takes back what was said to that sender, what was noted for all senders, and what the carrier had told of it.
//! - A mail is not answered, and counts only with words that mean nothing else: many mails are answered with `cancel`.

use super::Inbound;
use messaging::{
    MessageType,
    consent::{self, Event, Keyword, Language, Recognised, recognise, transition},
    plan::{EmailBackup, Plan, Step},
};
use outbox::{AcceptError, NewMessage, Text, To, accept_answer_to_keyword, channel_of, note_consent};
use std::collections::BTreeMap;
use store::{
    Filter, StoreError, Stored, Table, TenantTx,
    model::{
        consent::{Consent, ConsentStatus, Proof},
        message::{Author, Channel, Conversation},
        tenant::Tenant,
    },
};

/// Words that Twilio answers by itself in text messages. Source: Twilio, *Advanced Opt-Out*, default keywords.
const CARRIERS: [&str; 13] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "END",
    "QUIT",
    "CANCEL",
    "OPTOUT",
    "REVOKE",
    "START",
    "YES",
    "UNSTOP",
    "HELP",
    "INFO",
];
/// What a mail that is nothing else can only mean.
const IN_MAILS: [&str; 8] =
    ["STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT", "START", "DESABONNER", "DESINSCRIPTION", "BAJA"];
/// Senders and channels are few.
const CONSENTS: u16 = 200;
/// Characters of a message that are kept as the proof.
const EVIDENCE: usize = 160;

/// Notes what a message says that is a keyword, and answers it; whether it was one.
pub(super) async fn take(
    tx: &mut (dyn TenantTx + 'static),
    inbound: &Inbound,
    conversation: &Stored<Conversation>,
) -> Result<bool, StoreError> {
    if inbound.automatic || inbound.channel == Channel::Voice {
        return Ok(false);
    }
    let Some(said) = keyword(inbound) else { return Ok(false) };
    let rows = said_before(tx, inbound).await?;
    let out = rows.iter().any(|row| row.status == ConsentStatus::OptedOut);
    let of_sender = rows.iter().find(|row| row.sender == inbound.own_address).map(|row| row.status);
    let from = match (out, of_sender) {
        (true, _) => consent::Consent::Withdrawn,
        (false, Some(ConsentStatus::OptedIn)) => consent::Consent::Given,
        (false, _) => consent::Consent::Unknown,
    };
    let event = Event::Said { keyword: said.keyword, only_after_stop: said.only_after_stop };
    let next = transition(from, event);
    if said.only_after_stop && from != consent::Consent::Withdrawn {
        // An answer to another question.
        return Ok(false);
    }
    match said.keyword {
        Keyword::Stop => note(tx, inbound, &inbound.own_address, ConsentStatus::OptedOut).await?,
        Keyword::Start => {
            note(tx, inbound, &inbound.own_address, ConsentStatus::OptedIn).await?;
            let others = rows
                .iter()
                .filter(|row| row.status == ConsentStatus::OptedOut && row.sender != inbound.own_address);
            for row in others {
                note(tx, inbound, &row.sender, ConsentStatus::OptedIn).await?;
            }
        }
        Keyword::Help => {}
    }
    if let Some(word) = next.answer.filter(|_| !is_answered_by_carrier(inbound)) {
        answer(tx, inbound, conversation, word, said.language).await?;
    }
    Ok(true)
}

/// Whether a message is a keyword and nothing else, whatever was said before: nobody need answer it.
pub(super) fn is_one(inbound: &Inbound) -> bool {
    !inbound.automatic && keyword(inbound).is_some_and(|said| !said.only_after_stop)
}

fn keyword(inbound: &Inbound) -> Option<Recognised> {
    let read = recognise(&inbound.content);
    match inbound.channel {
        Channel::Email => read.filter(|_| is_one_of(&inbound.content, &IN_MAILS)),
        _ => match inbound.keyword {
            // The tenant may have words of its own there.
            Some(keyword) => {
                let language = read.map_or(Language::En, |read| read.language);
                Some(Recognised { keyword, language, only_after_stop: false })
            }
            None => read,
        },
    }
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    let text = text.trim();
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_answered_by_carrier(inbound: &Inbound) -> bool {
    let by_twilio = inbound.provider == "twilio" && inbound.channel == Channel::Sms;
    inbound.channel == Channel::Email
        || (by_twilio && (inbound.keyword.is_some() || is_one_of(&inbound.content, &CARRIERS)))
}

/// What was said to this sender, to all, and what the carrier told of others of the channel.
async fn said_before(
    tx: &mut (dyn TenantTx + 'static),
    inbound: &Inbound,
) -> Result<Vec<Consent>, StoreError> {
    let of = Filter::first(CONSENTS).of(inbound.address.as_str());
    let rows = tx.documents(Table::Consents, &of).await?;
    let rows = rows.into_iter().map(Stored::<Consent>::read).collect::<Result<Vec<_>, _>>()?;
    let counts = |row: &Consent| {
        let by_carrier = row.proofs.last().is_some_and(|proof| proof.source == "provider");
        row.channel == inbound.channel
            && row.sender != Consent::NOBODY
            && (row.sender == inbound.own_address || row.sender == Consent::ANY_SENDER || by_carrier)
    };
    Ok(rows.into_iter().map(|row| row.value).filter(counts).collect())
}

async fn note(
    tx: &mut (dyn TenantTx + 'static),
    inbound: &Inbound,
    sender: &str,
    status: ConsentStatus,
) -> Result<(), StoreError> {
    let evidence = format!(
        "{} ({} {})",
        inbound.content.chars().take(EVIDENCE).collect::<String>(),
        inbound.provider,
        inbound.provider_id
    );
    let proof = Proof { at: tx.now(), status, source: "message".to_owned(), evidence };
    note_consent(tx, inbound.channel, sender, &inbound.address, proof).await
}

/// The one answer, from the address that was written to. Its lane finds it by itself within a second.
async fn answer(
    tx: &mut (dyn TenantTx + 'static),
    inbound: &Inbound,
    conversation: &Stored<Conversation>,
    word: Keyword,
    language: Language,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().clone();
    let name = tx.get::<Tenant>(&tenant).await?.map(|row| row.value.name).unwrap_or_default();
    let channel = channel_of(inbound.channel);
    let text = consent::answer(word, language, &name, &inbound.own_address);
    let Ok(plan) = Plan::explicit(vec![Step::of(&[channel])], EmailBackup::Off) else { return Ok(()) };
    let new = NewMessage {
        to: To {
            contact: conversation.value.contact.clone(),
            phone: Some(inbound.address.clone()),
            ..To::default()
        },
        kind: MessageType::Instant,
        plan,
        texts: BTreeMap::from([(channel, Text { text, ..Text::default() })]),
        sender: Some(inbound.own_address.clone()),
        conversation: Some(conversation.id.clone()),
        fence: None,
        author: Author::Api,
        send_at: None,
        useful_until: None,
        batch: None,
        template: None,
        call: None,
    };
    match accept_answer_to_keyword(tx, new).await {
        Ok(_) => Ok(()),
        Err(AcceptError::Store(cause)) => Err(cause),
        Err(cause @ AcceptError::NoText(_)) => {
            Err(StoreError::Invalid { what: "message", why: cause.to_string() })
        }
    }
}
