//! One step of one message within a unit of work: the decider is told what happened, and what it wants is written; what must be done
//! outside is given back.

use crate::{
    book::{Book, Fact},
    channels::{Parcel, Question, Route, Sent, Setup, Used},
    convert::{channel_of, channel_to, status_to},
    outgoing::Outgoing,
    rows::{Person, note_consent, person, told_by_provider},
    world::{Facts, reaches},
};
use messaging::{
    Channel, Failure, Status,
    dispatch::{Answer, Effect, Input, Outcome},
};
use store::{
    StoreError, Stored, TenantId, TenantTx,
    ids::{AccountId, AttemptId, MessageId},
    model::{
        consent::Consent,
        message::{Conversation, Message},
        outgoing::{Attempt, AttemptStatus, Told},
        usage::Usage,
    },
};

/// What providers told of a try that is kept: more is a provider gone wild.
const TOLD_MAX: usize = 50;
/// A plus and two digits.
const COUNTRY_DIGITS: usize = 3;

/// What happened to a message.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Its time has come, or its holder is new: what was being tried is unknown.
    Taken,
    /// What came of a call.
    Sent { number: u32, sent: Sent },
    /// What a provider said when it was asked.
    Answered { number: u32, ask: u32, answer: Answer },
    /// What a provider told by itself.
    Told { number: u32, report: messaging::dispatch::Report, word: String, error: Option<String> },
    /// Somebody takes it back.
    Canceled,
}

/// What is to be done outside of the unit of work, once it counts.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// Hand it over.
    Send { number: u32, parcel: Box<Parcel>, trial: bool, placed: bool },
    /// Ask what came of it.
    Ask { number: u32, ask: u32, question: Box<Question> },
}

/// What follows from a step.
#[derive(Debug)]
pub(crate) struct Stepped {
    pub(crate) message: Stored<Message>,
    pub(crate) outgoing: Outgoing,
    pub(crate) errands: Vec<Errand>,
    pub(crate) facts: Vec<Fact>,
    /// Whether its status is another than before.
    pub(crate) moved: bool,
    pub(crate) alerts: Vec<(Channel, String, Failure)>,
}

/// What a step needs beside the message.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) setup: &'a Setup,
    pub(crate) book: &'a Book,
    pub(crate) now: i64,
}

/// Tells a message what happened and writes what follows; `None`: there is no such message, or it is not one that is sent. `begins`:
/// whether whoever asks carries out errands; without, none is given.
pub(crate) async fn step(
    tx: &mut (dyn TenantTx + 'static),
    scene: Scene<'_>,
    id: &MessageId,
    events: Vec<Event>,
    begins: bool,
) -> Result<Option<Stepped>, StoreError> {
    let Some(mut row) = tx.get::<Message>(id).await? else { return Ok(None) };
    let Some(mut outgoing) = Outgoing::of(&row.value)? else { return Ok(None) };
    let to = outgoing.to.clone();
    let addresses = [&to.phone, &to.email, &to.push].into_iter().flatten().map(String::as_str);
    let person = person(tx, &row.value, addresses).await?;
    let country = country(&outgoing);
    let mut stepped = Vec::new();
    let was = outgoing.dispatch.status();
    let counted = events.iter().find_map(|event| match event {
        Event::Sent { sent, .. } => sent.segments,
        Event::Taken | Event::Answered { .. } | Event::Told { .. } | Event::Canceled => None,
    });
    // What an assistant wrote before somebody took the conversation over does not leave any more, by no other account either.
    let is_late = is_overtaken(&outgoing, person.conversation.as_ref()) && !was.is_final();
    for event in is_late.then_some(Event::Canceled).into_iter().chain(events) {
        let is_new_holder = matches!(event, Event::Taken);
        if let Event::Sent { sent: Sent { used: Some(used), .. }, .. } = &event {
            row.value.cost = with_cost(row.value.cost, used);
        }
        for input in inputs(&mut *tx, &mut outgoing, event, scene.now).await? {
            let world = world(scene, &outgoing, &person, &country);
            let is_lost = is_new_holder && matches!(input, Input::Outcome { .. });
            let effects = if begins {
                outgoing.dispatch.step(scene.now, input, &world)
            } else {
                outgoing.dispatch.take_in(scene.now, input, &world)
            };
            // That its holder is gone says nothing of the provider.
            let counts = |effect: &Effect| !(is_lost && matches!(effect, Effect::Account { .. }));
            stepped.extend(effects.into_iter().filter(counts));
        }
    }
    let mut done = Stepped {
        errands: Vec::new(),
        facts: Vec::new(),
        moved: outgoing.dispatch.status() != was,
        alerts: Vec::new(),
        message: Stored { value: Message { segments: counted.or(row.value.segments), ..row.value }, ..row },
        outgoing,
    };
    for effect in stepped {
        carry_out(tx, scene, &mut done, effect, &country).await?;
    }
    write(tx, &mut done, scene).await?;
    hold_control(tx, &done, person).await?;
    Ok(Some(done))
}

fn world(
    scene: Scene<'_>,
    outgoing: &Outgoing,
    person: &Person,
    country: &str,
) -> messaging::dispatch::World {
    reaches(scene.setup, outgoing, facts(person, scene.now), |route| {
        scene.book.admission(scene.tenant, &route.account, country, scene.now)
    })
}

/// Whether control of the conversation has changed hands since the message was written.
fn is_overtaken(outgoing: &Outgoing, conversation: Option<&Stored<Conversation>>) -> bool {
    outgoing.fence.is_some_and(|fence| conversation.is_none_or(|row| row.value.epoch > fence))
}

/// Of a takeover and the sending of what the assistant wrote, at the same time, only one can count: both write the conversation.
async fn hold_control(
    tx: &mut (dyn TenantTx + 'static),
    done: &Stepped,
    person: Person,
) -> Result<(), StoreError> {
    let sends = done.errands.iter().any(|errand| matches!(errand, Errand::Send { .. }));
    if let Some(row) = person.conversation.filter(|_| sends && done.outgoing.fence.is_some()) {
        tx.update(&row.id, row.version, row.value).await?;
    }
    Ok(())
}

fn facts(person: &Person, now: i64) -> Facts<'_> {
    Facts {
        consents: &person.consents,
        conversation: person.conversation.as_ref().map(|row| &row.value),
        now,
    }
}

/// What latencies are kept by: the first digits of the person's number, which lead to a country or a part of one.
fn country(outgoing: &Outgoing) -> String {
    let number = outgoing.to.phone.as_deref().unwrap_or_default();
    number.chars().take(COUNTRY_DIGITS).collect()
}

/// What the decider is told of an event; what the provider said is kept with the try.
async fn inputs(
    tx: &mut (dyn TenantTx + 'static),
    outgoing: &mut Outgoing,
    event: Event,
    now: i64,
) -> Result<Vec<Input>, StoreError> {
    Ok(match event {
        Event::Taken => {
            let lost = outgoing.dispatch.trying();
            for number in &lost {
                keep_outcome(tx, outgoing, *number, &Sent::of(Outcome::Unknown), now).await?;
            }
            let unknown = |attempt| Input::Outcome { attempt, outcome: Outcome::Unknown };
            lost.into_iter().map(unknown).chain([Input::Wake]).collect()
        }
        Event::Sent { number, sent } => {
            keep_outcome(tx, outgoing, number, &sent, now).await?;
            vec![Input::Outcome { attempt: number, outcome: sent.outcome }]
        }
        Event::Answered { number, ask, answer } => {
            // Two that say the same to the same person may be asked about at once: each of the provider's is one of them.
            let answer = match is_of_another(tx, outgoing, number, &answer).await? {
                true => Answer::NotThere,
                false => answer,
            };
            if let Answer::Found { report } = &answer {
                keep_told(tx, outgoing, number, report, "found", None, now).await?;
            }
            vec![Input::Answer { attempt: number, ask, answer }]
        }
        Event::Told { number, report, word, error } => {
            keep_told(tx, outgoing, number, &report, &word, error, now).await?;
            vec![Input::Callback { attempt: number, report }]
        }
        Event::Canceled => vec![Input::Cancel],
    })
}

async fn attempt(
    tx: &mut (dyn TenantTx + 'static),
    outgoing: &Outgoing,
    number: u32,
) -> Result<Option<Stored<Attempt>>, StoreError> {
    match outgoing.attempts.get(&number) {
        Some(id) => tx.get::<Attempt>(id).await,
        None => Ok(None),
    }
}

/// Whether what a provider found is known as another try.
async fn is_of_another(
    tx: &mut (dyn TenantTx + 'static),
    outgoing: &Outgoing,
    number: u32,
    answer: &Answer,
) -> Result<bool, StoreError> {
    let Answer::Found { report } = answer else { return Ok(false) };
    let Some(own) = attempt(tx, outgoing, number).await? else { return Ok(false) };
    let (Some(account), Some(provider_id)) = (&own.value.account, &report.provider_id) else {
        return Ok(false);
    };
    let other = tx.find::<Attempt>(&format!("{account}:{provider_id}")).await?;
    Ok(other.is_some_and(|other| other.id != own.id))
}

async fn keep_outcome(
    tx: &mut (dyn TenantTx + 'static),
    outgoing: &mut Outgoing,
    number: u32,
    sent: &Sent,
    now: i64,
) -> Result<(), StoreError> {
    let Some(Stored { id, version, mut value, .. }) = attempt(tx, outgoing, number).await? else {
        return Ok(());
    };
    match &sent.outcome {
        Outcome::Accepted { provider_id } => {
            if value.status == AttemptStatus::Begun || value.status == AttemptStatus::Unknown {
                value.status = AttemptStatus::Accepted;
            }
            value.provider_id.get_or_insert_with(|| provider_id.clone());
            value.provider_status = value.provider_status.or_else(|| sent.word.clone());
            value.segments = sent.segments;
            if let Some(used) = &sent.used {
                value.cost = Some((used.cost_micros, used.currency.clone()));
                tx.put_usage(&usage(&id, used, now)).await?;
            }
        }
        Outcome::Refused { failure } => {
            value.status = AttemptStatus::Refused;
            value.error_code = Some(failure.code.clone()).filter(|code| !code.is_empty());
            value.error = sent.error.clone();
        }
        Outcome::Unknown => value.status = AttemptStatus::Unknown,
        // It was not made again: the call before may still be carried out, under the same id and key.
        Outcome::NotAdmitted | Outcome::Deferred { .. } if outgoing.dispatch.is_made_again(number) => {
            return Ok(());
        }
        // It was not made.
        Outcome::NotAdmitted | Outcome::Deferred { .. } => {
            outgoing.attempts.remove(&number);
            return tx.delete::<Attempt>(&id, version).await;
        }
    }
    value.answered_at = Some(now);
    tx.update(&id, version, value).await?;
    Ok(())
}

/// What a message costs with one more try: all that providers took count. An amount in another currency than the first is not added; it
/// stands with its try.
fn with_cost(before: Option<(i64, String)>, used: &Used) -> Option<(i64, String)> {
    match before {
        None => Some((used.cost_micros, used.currency.clone())),
        Some((cost, currency)) if currency == used.currency => {
            Some((cost.saturating_add(used.cost_micros), currency))
        }
        other => other,
    }
}

/// A line of the usage log. It has the try's name: however often an outcome is kept, it is one.
fn usage(attempt: &AttemptId, used: &Used, now: i64) -> Usage {
    Usage {
        source: format!("{attempt}:{}", used.kind),
        kind: used.kind.to_owned(),
        quantity_micros: used.quantity_micros,
        unit: used.unit.to_owned(),
        cost_micros: used.cost_micros,
        currency: used.currency.clone(),
        estimated: true,
        call: None,
        period_start: now,
        period_end: now,
    }
}

async fn keep_told(
    tx: &mut (dyn TenantTx + 'static),
    outgoing: &Outgoing,
    number: u32,
    report: &messaging::dispatch::Report,
    word: &str,
    error: Option<String>,
    now: i64,
) -> Result<(), StoreError> {
    let Some(Stored { id, version, mut value, .. }) = attempt(tx, outgoing, number).await? else {
        return Ok(());
    };
    let code = report.failure.as_ref().map(|failure| failure.code.clone()).filter(|code| !code.is_empty());
    if value.told.len() < TOLD_MAX {
        value.told.push(Told { at: now, status: word.to_owned(), error_code: code.clone() });
    }
    if report.status.is_arrival() {
        value.status = AttemptStatus::Arrived;
    } else if report.status.is_failure() && value.status != AttemptStatus::Arrived {
        value.status = AttemptStatus::Lost;
    } else if matches!(value.status, AttemptStatus::Begun | AttemptStatus::Unknown) {
        value.status = AttemptStatus::Accepted;
    }
    value.provider_id = value.provider_id.or_else(|| report.provider_id.clone());
    value.provider_status = Some(word.to_owned());
    // What was known of an error is not forgotten for none.
    value.error_code = code.or(value.error_code);
    value.error = error.or(value.error);
    tx.update(&id, version, value).await?;
    Ok(())
}

/// Writes what the decider wants of the store, and remembers what it wants of the outside.
async fn carry_out(
    tx: &mut (dyn TenantTx + 'static),
    scene: Scene<'_>,
    done: &mut Stepped,
    effect: Effect,
    country: &str,
) -> Result<(), StoreError> {
    match effect {
        Effect::Send { attempt, channel, account, address, form, trial, again } => {
            let Some(route) = route(scene.setup, channel, &account) else { return Ok(()) };
            let sender = route.sender(done.outgoing.sender.as_deref()).to_owned();
            let id = match done.outgoing.attempts.get(&attempt) {
                Some(id) => id.clone(),
                None => {
                    let id = AttemptId::generate();
                    let row = Attempt {
                        message: done.message.id.clone(),
                        number: attempt,
                        channel: channel_to(channel),
                        account: AccountId::parse(&account).ok(),
                        sender: sender.clone(),
                        address: address.clone(),
                        status: AttemptStatus::Begun,
                        begun_at: scene.now,
                        answered_at: None,
                        provider_id: None,
                        provider_status: None,
                        segments: None,
                        cost: None,
                        error_code: None,
                        error: None,
                        told: Vec::new(),
                    };
                    tx.insert_as(id.clone(), row).await?;
                    done.outgoing.attempts.insert(attempt, id.clone());
                    id
                }
            };
            let parcel = Parcel {
                tenant: scene.tenant.clone(),
                message: done.message.id.clone(),
                conversation: done.message.value.conversation.clone(),
                attempt: id,
                kind: done.outgoing.dispatch.request().kind,
                route,
                sender,
                address,
                form,
                text: done.outgoing.texts.get(&channel).cloned().unwrap_or_default(),
                again,
                fence: done.outgoing.fence,
                useful_until: done.outgoing.dispatch.request().useful_until,
            };
            let placed = done.outgoing.dispatch.waited_for_pace(channel);
            done.errands.push(Errand::Send { number: attempt, parcel: Box::new(parcel), trial, placed });
        }
        Effect::Ask { attempt: number, ask, account, provider_id } => {
            let Some(row) = attempt(tx, &done.outgoing, number).await? else { return Ok(()) };
            let channel = channel_of(row.value.channel);
            let Some(route) = route(scene.setup, channel, &account) else { return Ok(()) };
            let parcel = Parcel {
                tenant: scene.tenant.clone(),
                message: done.message.id.clone(),
                conversation: done.message.value.conversation.clone(),
                attempt: row.id.clone(),
                kind: done.outgoing.dispatch.request().kind,
                route,
                sender: row.value.sender,
                address: row.value.address,
                form: messaging::dispatch::Form::Free,
                text: done.outgoing.texts.get(&channel).cloned().unwrap_or_default(),
                again: false,
                fence: done.outgoing.fence,
                useful_until: done.outgoing.dispatch.request().useful_until,
            };
            let begun_at = row.value.begun_at;
            let question = Question { parcel, begun_at, provider_id, others: Vec::new() };
            done.errands.push(Errand::Ask { number, ask, question: Box::new(question) });
        }
        Effect::WakeAt { .. } | Effect::Status { .. } | Effect::End { .. } => {}
        Effect::Account { channel, account, trial, fact } => {
            done.facts.push(Fact { channel, account, trial, fact, country: country.to_owned() });
        }
        Effect::Suppress { channel, attempt: number, failure } => {
            if let Some(row) = attempt(tx, &done.outgoing, number).await? {
                let proof = told_by_provider(scene.now, &failure.code);
                note_consent(tx, channel_to(channel), Consent::NOBODY, &row.value.address, proof).await?;
            }
        }
        Effect::OptedOut { channel, attempt: number, .. } => {
            if let Some(row) = attempt(tx, &done.outgoing, number).await? {
                let code = row.value.error_code.clone().unwrap_or_default();
                let proof = told_by_provider(scene.now, &code);
                let (sender, address) = (row.value.sender, row.value.address);
                note_consent(tx, channel_to(channel), &sender, &address, proof).await?;
            }
        }
        Effect::Alert { channel, account, failure } => done.alerts.push((channel, account, failure)),
    }
    Ok(())
}

fn route(setup: &Setup, channel: Channel, account: &str) -> Option<Route> {
    setup.routes.iter().find(|route| route.channel == channel && route.account == account).cloned()
}

/// Writes the message as it is now.
async fn write(
    tx: &mut (dyn TenantTx + 'static),
    done: &mut Stepped,
    scene: Scene<'_>,
) -> Result<(), StoreError> {
    let Stored { id, version, value, .. } = &done.message;
    let mut message = value.clone();
    let dispatch = &done.outgoing.dispatch;
    let status = dispatch.status();
    if status_to(status) != message.status {
        let times = &mut message.times;
        match status {
            Status::Sent => times.sent_at = times.sent_at.or(Some(scene.now)),
            Status::Delivered => {
                times.sent_at = times.sent_at.or(Some(scene.now));
                times.delivered_at = times.delivered_at.or(Some(scene.now));
            }
            Status::Read => times.read_at = times.read_at.or(Some(scene.now)),
            _ => {}
        }
        message.status = status_to(status);
    }
    // The try that got furthest is what is shown of the message.
    if let Some((number, account)) = dispatch.shown()
        && let Some(row) = attempt(tx, &done.outgoing, number).await?
    {
        let channel = channel_of(row.value.channel);
        let provider = route(scene.setup, channel, account).map(|route| route.provider);
        message.channel = row.value.channel;
        message.from_number = row.value.sender;
        message.to_number = row.value.address;
        message.provider = provider.map(str::to_owned).or(message.provider);
        message.provider_id = row.value.provider_id.filter(|_| message.provider.is_some());
        message.provider_status = row.value.provider_status;
        message.segments = row.value.segments;
        message.error = row.value.error_code.filter(|_| status.is_failure());
    }
    if let Some(failure) = dispatch.ending().and_then(|ending| ending.failure.as_ref()) {
        let code = Some(failure.code.clone()).filter(|code| !code.is_empty());
        message.error = code.or_else(|| Some(failure.class.to_string()));
    }
    message.dispatch = Some(done.outgoing.written()?);
    done.message = tx.update(id, *version, message).await?;
    Ok(())
}
