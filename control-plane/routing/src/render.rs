//! Says a step of a plan in TwiML, and what is heard in a queue.

use crate::{
    decide::{Planned, Step},
    outcome::Failed,
    twiml::{Dial, Noun, Record, StreamToken, Twiml, Verb},
    urls::Urls,
};
use store::model::queue::Queue;

/// Said before the beep unless there is a greeting.
pub const LEAVE_A_MESSAGE: &str = "Please leave a message after the beep.";
/// The voice of what is said without an assistant, unless the tenant has another.
pub const VOICE: &str = "Polly.Amy";
/// The longest message that a caller can leave, in s. The carrier writes down nothing longer.
pub const MESSAGE_MAX_S: u32 = 120;
/// The carrier's own music, heard in a queue that has none of its own.
pub const MUSIC: &str = "http://com.twilio.music.classical.s3.amazonaws.com/BusyStrings.mp3";
/// The key with which a caller leaves a queue for what comes after it.
pub const LEAVE_KEY: &str = "1";
/// The most that whoever answers a forwarded call is told, in characters: it stands in an address.
const WHISPER_MAX: usize = 300;

/// The parameter of our addresses that says which step the carrier is done with.
pub const POSITION: &str = "at";
/// The parameter of our addresses that says what had failed before that step.
pub const FAILED: &str = "failed";

/// What a document is made for.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Our addresses.
    pub urls: &'a Urls,
    /// The carrier's voice.
    pub voice: &'a str,
    /// Said before everything else, such as that the call is recorded.
    pub said_first: &'a [&'a str],
    /// The tenant's number, which those who are rung see.
    pub own_number: &'a str,
    /// Our id of the call, told to softphones.
    pub call: &'a str,
    /// Whether what is said is recorded by the carrier: assistants' calls are recorded by us.
    pub record: bool,
    /// What did not take the call, so that the carrier's next question says it again.
    pub failed: &'a [Failed],
    /// Lets the assistant's stream in.
    pub stream_token: StreamToken<'a>,
}

impl Scene<'_> {
    fn where_to_go_on(&self, path: &str, planned: &Planned) -> String {
        let failed = Failed::write_list(self.failed);
        self.urls.with(path, &[(POSITION, &planned.position.to_string()), (FAILED, &failed)])
    }
}

/// The document that carries a step out.
#[must_use]
pub fn twiml(planned: &Planned, scene: &Scene<'_>) -> Twiml {
    let first: Vec<_> = scene.said_first.iter().map(|text| Verb::Say { voice: scene.voice, text }).collect();
    let status = scene.record.then(|| scene.urls.of("/api/voice/recording-status"));
    let document = |verbs: &[Verb<'_>]| {
        let all: Vec<_> = first.iter().chain(verbs).cloned().collect();
        Twiml::new(&all)
    };
    let action = scene.where_to_go_on("/api/voice/dial-status", planned);
    let dial = |to, timeout_s| {
        Verb::Dial(Dial {
            to,
            caller_id: Some(scene.own_number),
            timeout_s: Some(timeout_s),
            action: Some(&action),
            answer_on_bridge: true,
            record: status.as_deref(),
        })
    };
    match &planned.step {
        Step::Assistant { .. } => document(&[Verb::Connect {
            action: &scene.where_to_go_on("/api/voice/stream-ended", planned),
            stream: &scene.urls.stream(),
            token: scene.stream_token,
        }]),
        Step::Ring { user, timeout_s } => {
            let identity = identity(user.as_str());
            let to = Noun::Client { identity: &identity, parameters: &[("call", scene.call)] };
            document(&[dial(to, *timeout_s)])
        }
        Step::Forward { number, whisper, timeout_s } => {
            let whisper = whisper.as_deref().map(|text| whisper_url(scene.urls, text));
            document(&[dial(Noun::Number { number, whisper: whisper.as_deref() }, *timeout_s)])
        }
        Step::Queue { queue, max_waiting, .. } => document(&[Verb::Enqueue {
            queue: queue.as_str(),
            max_waiting: *max_waiting,
            wait: &scene.urls.with("/hooks/twilio/queue-wait", &[("queue", queue.as_str())]),
            action: &scene.where_to_go_on("/hooks/twilio/queue-ended", planned),
        }]),
        Step::Voicemail { greeting } => document(&[
            Verb::Say { voice: scene.voice, text: greeting.as_deref().unwrap_or(LEAVE_A_MESSAGE) },
            Verb::Record(Record {
                max_s: MESSAGE_MAX_S,
                action: &scene.urls.of("/api/voice/recording-complete"),
                transcript: Some(&scene.urls.of("/api/voice/transcription-complete")),
                status: Some(&scene.urls.of("/api/voice/recording-status")),
            }),
        ]),
        Step::Message { text } => document(&[Verb::Say { voice: scene.voice, text }, Verb::Hangup]),
        // Nothing may come before it.
        Step::Reject { .. } => Twiml::new(&[Verb::Reject]),
    }
}

/// The name under which a user's softphone is registered with the carrier: the user's id, which is made of the characters
/// that are safe there.
#[must_use]
pub fn identity(user: &str) -> String {
    user.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

fn whisper_url(urls: &Urls, text: &str) -> String {
    let text: String = text.chars().take(WHISPER_MAX).collect();
    urls.with("/hooks/twilio/whisper", &[("say", &text)])
}

/// How a caller stands in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub position: u32,
    /// How long they have been there, in s.
    pub waited_s: u32,
    /// How long others waited lately until they were put through, in s, if any were.
    pub usual_wait_s: Option<u32>,
}

impl Place {
    /// Whether the caller waited as long as the queue lets anybody.
    #[must_use]
    pub const fn is_over(&self, queue: &Queue) -> bool {
        self.waited_s >= queue.max_wait_s
    }
}

/// What a caller hears in a queue until the carrier asks again: the position now and then, and music; or that it is time to
/// leave. `announced_s` is how long the caller had waited when the position was last told. A piece of music is played to its
/// end, so it should not be longer than the queue's times.
#[must_use]
pub fn waiting(
    queue: &Queue,
    place: Place,
    announced_s: Option<u32>,
    voice: &str,
    asked: Asked<'_>,
) -> Twiml {
    if place.is_over(queue) {
        return Twiml::new(&[Verb::Leave]);
    }
    let music = Verb::Play { url: queue.music_url.as_deref().unwrap_or(MUSIC) };
    if queue.announce_every_s == 0 {
        return Twiml::new(&[music]);
    }
    let is_due = announced_s.is_none_or(|at| place.waited_s.saturating_sub(at) >= queue.announce_every_s);
    let announced_s = announced_s.filter(|_| !is_due).unwrap_or(place.waited_s).to_string();
    let parameters = [("queue", asked.queue), ("announced", announced_s.as_str())];
    let text = announcement(place);
    let said = is_due.then_some(Verb::Say { voice, text: &text });
    Twiml::new(&[
        Verb::Gather {
            action: &asked.urls.with("/hooks/twilio/queue-key", &parameters),
            timeout_s: 1,
            prompts: said.into_iter().chain([music]).collect(),
        },
        Verb::Redirect { url: &asked.urls.with("/hooks/twilio/queue-wait", &parameters) },
    ])
}

/// What the carrier asks from within a queue.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Our addresses.
    pub urls: &'a Urls,
    /// The queue's id.
    pub queue: &'a str,
}

/// What follows a key that was pressed in a queue: [`LEAVE_KEY`] leaves it, any other goes on waiting.
#[must_use]
pub fn key_pressed(digits: &str, announced_s: &str, asked: Asked<'_>) -> Twiml {
    if digits == LEAVE_KEY {
        return Twiml::new(&[Verb::Leave]);
    }
    let parameters = [("queue", asked.queue), ("announced", announced_s)];
    Twiml::new(&[Verb::Redirect { url: &asked.urls.with("/hooks/twilio/queue-wait", &parameters) }])
}

fn announcement(place: Place) -> String {
    let position = match place.position {
        0 | 1 => "You are next in line.".to_owned(),
        position => format!("You are number {position} in line."),
    };
    let wait = place.usual_wait_s.map_or_else(String::new, |seconds| match seconds.div_ceil(60) {
        0 | 1 => " The usual wait is about a minute.".to_owned(),
        minutes => format!(" The usual wait is about {minutes} minutes."),
    });
    format!("{position}{wait} Please hold, or press {LEAVE_KEY} not to wait any longer.")
}

#[cfg(test)]
mod documents;
#[cfg(test)]
mod tests;
