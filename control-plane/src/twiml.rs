//! What the carrier is told to do, as TwiML.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use quick_xml::escape::escape;

/// One verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verb<'a> {
    /// Open a stream and wait for its end, then ask `action`.
    Connect { action: &'a str, stream: &'a str, token: &'a str },
    /// Ring `number`, then ask `action`.
    Dial { number: &'a str, caller_id: &'a str, timeout_s: u32, action: &'a str },
    /// Speak with the carrier's own voice.
    Say { voice: &'a str, text: &'a str },
    /// Record a message, then ask `action`.
    Record { max_s: u32, action: &'a str },
    /// Hang up.
    Hangup,
    /// Do not answer; the caller hears that the number is not in service, and nobody pays.
    Reject,
}

/// A TwiML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Twiml(pub(crate) String);

impl Twiml {
    /// The verbs in order; none of them means that there is nothing more to do.
    pub(crate) fn new(verbs: &[Verb<'_>]) -> Self {
        let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#);
        for verb in verbs {
            xml.push_str(&element(verb));
        }
        xml.push_str("</Response>");
        Self(xml)
    }
}

impl IntoResponse for Twiml {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/xml; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], self.0)
            .into_response()
    }
}

fn element(verb: &Verb<'_>) -> String {
    match verb {
        Verb::Connect { action, stream, token } => format!(
            r#"<Connect action="{}" method="POST"><Stream url="{}"><Parameter name="token" value="{}"/></Stream></Connect>"#,
            text(action),
            text(stream),
            text(token)
        ),
        Verb::Dial { number, caller_id, timeout_s, action } => format!(
            r#"<Dial callerId="{}" timeout="{timeout_s}" action="{}" method="POST"><Number>{}</Number></Dial>"#,
            text(caller_id),
            text(action),
            text(number)
        ),
        Verb::Say { voice, text: words } => {
            format!(r#"<Say voice="{}">{}</Say>"#, text(voice), text(&shortened(words)))
        }
        Verb::Record { max_s, action } => {
            format!(r#"<Record maxLength="{max_s}" action="{}" method="POST"/>"#, text(action))
        }
        Verb::Hangup => "<Hangup/>".to_owned(),
        Verb::Reject => "<Reject/>".to_owned(),
    }
}

/// The carrier refuses a longer `<Say>` (characters).
const SAY_LIMIT: usize = 4_096;

fn shortened(words: &str) -> String {
    words.chars().take(SAY_LIMIT).collect()
}

/// Escaped, without the characters that XML 1.0 cannot hold.
fn text(raw: &str) -> String {
    let holdable: String = raw
        .chars()
        .filter(
            |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..),
        )
        .collect();
    escape(holdable.as_str()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quick_xml::{Reader, events::Event};

    fn inner(verb: Verb<'_>) -> String {
        let Twiml(xml) = Twiml::new(&[verb]);
        let rest = xml.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#).unwrap();
        rest.strip_suffix("</Response>").unwrap().to_owned()
    }

    #[test]
    fn a_stream_is_opened_with_its_token_as_parameter() {
        let verb = Verb::Connect {
            action: "https://voice.example.test/api/voice/stream-ended",
            stream: "wss://voice.example.test/media-stream",
            token: "abc-_9",
        };
        assert_eq!(
            inner(verb),
            "<Connect action=\"https://voice.example.test/api/voice/stream-ended\" method=\"POST\">\
             <Stream url=\"wss://voice.example.test/media-stream\"><Parameter name=\"token\" value=\"abc-_9\"/>\
             </Stream></Connect>"
        );
    }

    #[test]
    fn a_caller_is_put_through() {
        let verb = Verb::Dial {
            number: "+15550142",
            caller_id: "+15550199",
            timeout_s: 30,
            action: "https://voice.example.test/api/voice/dial-status",
        };
        assert_eq!(
            inner(verb),
            "<Dial callerId=\"+15550199\" timeout=\"30\" \
             action=\"https://voice.example.test/api/voice/dial-status\" method=\"POST\">\
             <Number>+15550142</Number></Dial>"
        );
    }

    #[test]
    fn a_message_is_recorded() {
        let verb = Verb::Record { max_s: 60, action: "https://voice.example.test/x" };
        assert_eq!(
            inner(verb),
            "<Record maxLength=\"60\" action=\"https://voice.example.test/x\" method=\"POST\"/>"
        );
        assert_eq!(Twiml::new(&[]).0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>");
    }

    proptest! {
        #[test]
        fn whatever_is_said_stays_text(words in any::<String>(), voice in any::<String>()) {
            let Twiml(xml) = Twiml::new(&[Verb::Say { voice: &voice, text: &words }, Verb::Hangup]);
            let mut reader = Reader::from_str(&xml);
            let mut tags = Vec::new();
            loop {
                match reader.read_event().unwrap() {
                    Event::Start(tag) | Event::Empty(tag) => {
                        tags.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
                    }
                    Event::Eof => break,
                    Event::End(_) | Event::Text(_) | Event::Decl(_) | Event::GeneralRef(_) => {}
                    other => prop_assert!(false, "unexpected {:?}", other),
                }
            }
            prop_assert_eq!(tags, ["Response", "Say", "Hangup"]);
        }
    }
}
