//! Whole sessions, damaged at random, over a real socket.

use super::{
    GOOD_CALL, is_untouched, panics,
    stranger::{Stranger, new_call_sid, silence},
};
use crate::support::Folder;
use fixtures::{call::Fixture, virtual_time};
use futures_util::{SinkExt as _, StreamExt as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use tandem::rehearsal::{Rehearsal, sandbox_options};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

/// Something that a client does.
#[derive(Clone, Debug)]
enum Act {
    Connected,
    Start {
        with_token: bool,
    },
    Media {
        timestamp_ms: u64,
        payload: String,
    },
    Mark(String),
    Dtmf(String),
    Stop,
    Unknown(String),
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Wait(u64),
    Break,
    /// The message before, with one byte changed.
    Damaged {
        at: usize,
        byte: u8,
    },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Connected),
        2 => any::<bool>().prop_map(|with_token| Act::Start { with_token }),
        12 => (any::<u16>(), Just(silence())).prop_map(|(at, payload)| Act::Media { timestamp_ms: at.into(), payload }),
        2 => (any::<u64>(), "[A-Za-z0-9+/]{0,40}={0,2}").prop_map(|(timestamp_ms, payload)| Act::Media { timestamp_ms, payload }),
        3 => "(e[0-9]{1,3}\\.[0-9]{1,4}|.{0,80})".prop_map(Act::Mark),
        3 => "[0-9*#A-F]{0,2}".prop_map(Act::Dtmf),
        1 => Just(Act::Stop),
        2 => "\\PC{0,20}".prop_map(Act::Unknown),
        1 => ".{0,200}".prop_map(Act::Text),
        1 => prop::collection::vec(any::<u8>(), 0..50).prop_map(Act::Binary),
        2 => prop::collection::vec(any::<u8>(), 0..125).prop_map(Act::Ping),
        4 => (0_u64..400).prop_map(Act::Wait),
        1 => Just(Act::Break),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Act::Damaged { at, byte }),
    ]
}

/// Mostly begins as it should: otherwise hardly any session would get in.
fn session() -> impl Strategy<Value = Vec<Act>> {
    (prop::bool::weighted(0.8), prop::collection::vec(act(), 1..60)).prop_map(|(orderly, mut acts)| {
        if orderly {
            acts.splice(0..0, [Act::Connected, Act::Start { with_token: true }]);
        }
        acts
    })
}

async fn perform(stranger: &Stranger<'_>, acts: Vec<Act>) {
    let ticket = stranger.ticket(&new_call_sid()).await;
    let mut socket = stranger.socket().await;
    socket.sid = ticket.call_sid.replacen("CA", "MZ", 1);
    let sid = socket.sid.clone();
    let event = |name: &str, body: Value| {
        Message::text(json!({"event": name, "sequenceNumber": "3", "streamSid": sid, name: body}).to_string())
    };
    let mut last = String::new();
    for act in acts {
        let message = match act {
            Act::Connected => Message::text(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#),
            Act::Start { with_token } => {
                let mut start = stranger.start(&ticket, &sid);
                if !with_token {
                    start["start"]["customParameters"] = json!({});
                }
                Message::text(start.to_string())
            }
            Act::Media { timestamp_ms, payload } => event(
                "media",
                json!({"track": "inbound", "chunk": "1", "timestamp": timestamp_ms.to_string(), "payload": payload}),
            ),
            Act::Mark(name) => event("mark", json!({"name": name})),
            Act::Dtmf(digit) => event("dtmf", json!({"digit": digit})),
            Act::Stop => event("stop", json!({})),
            Act::Unknown(name) => event(&name, json!({"anything": 1})),
            Act::Text(text) => Message::text(text),
            Act::Binary(bytes) => Message::binary(bytes),
            Act::Ping(bytes) => Message::Ping(bytes.into()),
            Act::Wait(ms) => {
                sleep(Duration::from_millis(ms)).await;
                continue;
            }
            Act::Break => return,
            Act::Damaged { at, byte } => {
                let mut bytes = last.clone().into_bytes();
                if let Some(place) = at.checked_rem(bytes.len()).and_then(|at| bytes.get_mut(at)) {
                    *place = byte;
                }
                Message::text(String::from_utf8_lossy(&bytes).into_owned())
            }
        };
        if let Message::Text(text) = &message {
            last = text.to_string();
        }
        if socket.inner.send(message).await.is_err() {
            return;
        }
    }
    // Hears the server out for a moment, and hangs up without a word.
    let listen = async { while let Some(Ok(_)) = socket.inner.next().await {} };
    drop(timeout(Duration::from_millis(200), listen).await);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each case is eight sessions at once, then a call that must go as recorded.
    #[test]
    fn no_session_takes_the_server_down(sessions in prop::collection::vec(session(), 8)) {
        let fixture = Fixture::named(GOOD_CALL).unwrap();
        let folder = Folder::new();
        let panics_before = panics();
        virtual_time::run(async {
            let rehearsal = Rehearsal::start(sandbox_options(), &fixture, folder.path(), |_| {}).await.unwrap();
            let stranger = Stranger::new(&rehearsal);
            futures_util::future::join_all(sessions.into_iter().map(|acts| perform(&stranger, acts))).await;
            let good = rehearsal.call(&fixture, rehearsal.carrier_options(), |_| {}).await.unwrap();
            is_untouched(&good);
            stranger.all_calls_end().await;
            rehearsal.end().await.unwrap();
        });
        prop_assert_eq!(panics(), panics_before, "something panicked");
    }
}
