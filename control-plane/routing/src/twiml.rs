//! TwiML, as far as calls are told what to do in it. Whatever is said stays text, and what XML cannot hold is left out.

use quick_xml::escape::escape;

/// The carrier refuses a longer `<Say>` (characters).
const SAY_LIMIT: usize = 4_096;

/// Lets one stream in. It is not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StreamToken<'a>(pub &'a str);

impl std::fmt::Debug for StreamToken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamToken")
    }
}

/// One verb. Times are in s; addresses are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb<'a> {
    /// Speak with the carrier's own voice.
    Say {
        /// The voice, such as `Polly.Amy`.
        voice: &'a str,
        /// At most 4,096 characters; the rest is left out.
        text: &'a str,
    },
    /// Play a file once.
    Play {
        /// Where it is.
        url: &'a str,
    },
    /// Say nothing for a while.
    Pause {
        /// How long.
        length_s: u32,
    },
    /// Speak or play, and ask `action` as soon as a key is pressed.
    Gather {
        /// Asked with the key; the next verb follows if there is none.
        action: &'a str,
        /// How long a key is waited for after the prompts.
        timeout_s: u32,
        /// `Say`, `Play` and `Pause`.
        prompts: Vec<Verb<'a>>,
    },
    /// Record the caller.
    Record(Record<'a>),
    /// Ring somebody and connect them.
    Dial(Dial<'a>),
    /// Wait in a queue.
    Enqueue {
        /// Its name, unique in the account.
        queue: &'a str,
        /// Callers beyond this many are not let in.
        max_waiting: u32,
        /// Asked again and again for what is heard meanwhile.
        wait: &'a str,
        /// Asked when the caller has left.
        action: &'a str,
    },
    /// Leave the queue; only in what is heard there.
    Leave,
    /// Go on with another document.
    Redirect {
        /// Which.
        url: &'a str,
    },
    /// Open a stream and wait for its end.
    Connect {
        /// Asked when it has ended.
        action: &'a str,
        /// Where the stream goes.
        stream: &'a str,
        /// Lets it in.
        token: StreamToken<'a>,
    },
    /// Turn the call away without answering it; only as the first verb.
    Reject,
    /// Hang up.
    Hangup,
}

/// `<Record>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The longest recording.
    pub max_s: u32,
    /// Asked with the recording.
    pub action: &'a str,
    /// Told what was said.
    pub transcript: Option<&'a str>,
    /// Told when the file is ready.
    pub status: Option<&'a str>,
}

/// `<Dial>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dial<'a> {
    /// Who is rung.
    pub to: Noun<'a>,
    /// The number that they see: one of the account's own.
    pub caller_id: Option<&'a str>,
    /// How long it rings.
    pub timeout_s: Option<u32>,
    /// Asked when it is over, however it went.
    pub action: Option<&'a str>,
    /// The caller hears it ring until somebody answers; nothing is billed before.
    pub answer_on_bridge: bool,
    /// Both sides are recorded, on a channel each; told when the file is ready.
    pub record: Option<&'a str>,
}

/// Who is rung by `<Dial>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun<'a> {
    /// A number.
    Number {
        /// E.164.
        number: &'a str,
        /// Asked for what the one who answers hears first.
        whisper: Option<&'a str>,
    },
    /// A softphone.
    Client {
        /// Under which name it is registered.
        identity: &'a str,
        /// Told to it with the call.
        parameters: &'a [(&'a str, &'a str)],
    },
    /// Whoever has waited longest in a queue.
    Queue {
        /// Its name.
        name: &'a str,
        /// Asked for what the caller hears before being put through.
        url: Option<&'a str>,
    },
}

/// A TwiML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twiml(String);

impl Twiml {
    /// The verbs in order; none of them means that there is nothing more to do.
    #[must_use]
    pub fn new(verbs: &[Verb<'_>]) -> Self {
        let mut document = Document(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#.to_owned());
        for verb in verbs {
            document.verb(verb);
        }
        document.0.push_str("</Response>");
        Self(document.0)
    }

    /// The document.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A document while it is written.
struct Document(String);

impl Document {
    fn verb(&mut self, verb: &Verb<'_>) {
        match verb {
            Verb::Say { voice, text } => {
                let words: String = text.chars().take(SAY_LIMIT).collect();
                self.element("Say", &[("voice", voice)], &words);
            }
            Verb::Play { url } => self.element("Play", &[], url),
            Verb::Pause { length_s } => self.empty("Pause", &[("length", &length_s.to_string())]),
            Verb::Gather { action, timeout_s, prompts } => {
                let timeout = timeout_s.to_string();
                let attributes =
                    [("numDigits", "1"), ("timeout", &timeout), ("action", action), ("method", "POST")];
                self.open("Gather", &attributes);
                for prompt in prompts {
                    self.verb(prompt);
                }
                self.close("Gather");
            }
            Verb::Record(record) => self.record(record),
            Verb::Dial(dial) => self.dial(dial),
            Verb::Enqueue { queue, max_waiting, wait, action } => {
                let max = max_waiting.to_string();
                let attributes =
                    [("action", *action), ("method", "POST"), ("maxQueueSize", &max), ("waitUrl", wait)];
                self.element("Enqueue", &attributes, queue);
            }
            Verb::Leave => self.empty("Leave", &[]),
            Verb::Redirect { url } => self.element("Redirect", &[("method", "POST")], url),
            Verb::Connect { action, stream, token } => {
                self.open("Connect", &[("action", action), ("method", "POST")]);
                self.open("Stream", &[("url", stream), ("track", "inbound_track")]);
                self.empty("Parameter", &[("name", "token"), ("value", token.0)]);
                self.close("Stream");
                self.close("Connect");
            }
            Verb::Reject => self.empty("Reject", &[("reason", "rejected")]),
            Verb::Hangup => self.empty("Hangup", &[]),
        }
    }

    fn record(&mut self, record: &Record<'_>) {
        let max = record.max_s.to_string();
        let mut attributes = vec![("maxLength", max.as_str()), ("action", record.action), ("method", "POST")];
        if let Some(url) = record.transcript {
            attributes.extend([("transcribe", "true"), ("transcribeCallback", url)]);
        }
        attributes.extend(record.status.map(|url| ("recordingStatusCallback", url)));
        self.empty("Record", &attributes);
    }

    fn dial(&mut self, dial: &Dial<'_>) {
        let timeout = dial.timeout_s.map(|seconds| seconds.to_string());
        let mut attributes = Vec::new();
        attributes.extend(dial.caller_id.map(|number| ("callerId", number)));
        attributes.extend(timeout.as_deref().map(|seconds| ("timeout", seconds)));
        if let Some(action) = dial.action {
            attributes.extend([("action", action), ("method", "POST")]);
        }
        if dial.answer_on_bridge {
            attributes.push(("answerOnBridge", "true"));
        }
        if let Some(url) = dial.record {
            attributes.extend([("record", "record-from-answer-dual"), ("recordingStatusCallback", url)]);
        }
        self.open("Dial", &attributes);
        match dial.to {
            Noun::Number { number, whisper } => {
                self.element("Number", whisper.map(|url| ("url", url)).as_slice(), number);
            }
            Noun::Client { identity, parameters } => {
                self.open("Client", &[]);
                self.element("Identity", &[], identity);
                for (name, value) in parameters {
                    self.empty("Parameter", &[("name", name), ("value", value)]);
                }
                self.close("Client");
            }
            Noun::Queue { name, url } => {
                self.element("Queue", url.map(|url| ("url", url)).as_slice(), name);
            }
        }
        self.close("Dial");
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], end: &str) {
        self.0.push('<');
        self.0.push_str(name);
        for (attribute, value) in attributes {
            self.0.push_str(&format!(r#" {attribute}="{}""#, holdable(value)));
        }
        self.0.push_str(end);
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, ">");
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, "/>");
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    fn element(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        self.0.push_str(&holdable(text));
        self.close(name);
    }
}

/// Escaped, without the characters that XML 1.0 cannot hold.
fn holdable(raw: &str) -> String {
    let text: String = raw
        .chars()
        .filter(
            |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..),
        )
        .collect();
    escape(text.as_str()).into_owned()
}

#[cfg(test)]
mod tests;
