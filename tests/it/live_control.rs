//! A person in a live call: speaks into it, listens in, mutes the assistant, hands the caller over, hangs up.

use crate::support::{Folder, call_and};
use engine::provider::http::{HttpOptions, http_client};
use fixtures::{call::Fixture, virtual_time};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tandem::rehearsal::{Performance, Rehearsal, sandbox_options};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// Somebody with the tenant's key.
struct Office<'a> {
    rehearsal: &'a Rehearsal,
    http: reqwest::Client,
    key: String,
}

impl Office<'_> {
    fn key(&self) -> &str {
        &self.key
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.rehearsal.server.address)
    }

    async fn live_call(&self) -> String {
        let request = self.http.get(self.url("/v1/calls?status=live")).bearer_auth(self.key());
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        page["data"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn order(&self, call: &str, order: &str, body: Value) {
        let request = self.http.post(self.url(&format!("/v1/calls/{call}/{order}"))).bearer_auth(self.key());
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{order}: {}", answer.text().await.unwrap());
    }

    /// Everything that is heard until the call is over: the first message, and how many bytes of audio came.
    async fn listen(&self, call: &str, channels: &str) -> (Value, usize, Value) {
        let url =
            format!("ws://{}/v1/calls/{call}/listen?channels={channels}", self.rehearsal.server.address);
        let mut request = url.into_client_request().unwrap();
        let key = format!("Bearer {}", self.key()).parse().unwrap();
        request.headers_mut().insert("authorization", key);
        let tcp = TcpStream::connect(self.rehearsal.server.address).await.unwrap();
        let (mut socket, _) = client_async(request, tcp).await.unwrap();
        let (mut texts, mut audio) = (Vec::new(), 0);
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(text) => texts.push(serde_json::from_str(&text).unwrap()),
                Message::Binary(bytes) => audio += bytes.len(),
                Message::Close(_) => break,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
        (texts.first().cloned().unwrap(), audio, texts.last().cloned().unwrap())
    }
}

/// Plays a recorded call, with somebody in the office who acts once it has its stream.
fn play_with_office(record: bool, act: impl AsyncFnOnce(&Office<'_>, &str)) -> Performance {
    let fixture = Fixture::named("order-status").unwrap();
    let folder = Folder::new();
    virtual_time::run(async {
        let tune = |config: &mut tandem::config::Config| config.tenant.record = record;
        let rehearsal = Rehearsal::start(sandbox_options(), &fixture, folder.path(), tune).await.unwrap();
        let office = async {
            let key = rehearsal.server.first_key.as_ref().unwrap().reveal().to_owned();
            let office =
                Office { rehearsal: &rehearsal, http: http_client(HttpOptions::default()).unwrap(), key };
            let call = office.live_call().await;
            act(&office, &call).await;
        };
        let (performance, ()) = call_and(&rehearsal, &fixture, office).await;
        rehearsal.end().await.unwrap();
        performance
    })
}

fn said(performance: &Performance) -> String {
    performance.call.turns.iter().map(|turn| turn.assistant.as_str()).collect::<Vec<_>>().join(" | ")
}

#[test]
fn what_a_person_wants_said_is_heard_by_the_caller_and_stands_in_the_transcript() {
    let performance = play_with_office(true, async |office, call| {
        office.order(call, "say", json!({ "text": "Our offices close early today." })).await;
    });
    assert!(said(&performance).contains("Our offices close early today."), "{}", said(&performance));
}

#[test]
fn whoever_listens_in_hears_both_sides_whether_the_call_is_recorded_or_not() {
    for record in [true, false] {
        play_with_office(record, async |office, call| {
            let (stereo, mixed) = tokio::join!(office.listen(call, "stereo"), office.listen(call, "mixed"));
            assert_eq!((&stereo.0["event"], &stereo.0["channels"]), (&json!("start"), &json!(2)));
            assert_eq!((&mixed.0["channels"], &mixed.2["event"]), (&json!(1), &json!("end")));
            // Some seconds of the call, and twice as many bytes for both sides.
            assert!(
                stereo.1 > 5 * 16_000 && stereo.1.abs_diff(mixed.1 * 2) <= 2 * 16_000,
                "{} {}",
                stereo.1,
                mixed.1
            );
        });
    }
}

#[test]
fn whoever_loses_the_right_to_listen_hears_no_more() {
    play_with_office(true, async |office, call| {
        let key = async |name: &str| {
            let request = office.http.post(office.url("/v1/api-keys")).bearer_auth(office.key());
            let made = request.json(&json!({ "name": name })).send().await.unwrap();
            made.json::<Value>().await.unwrap()
        };
        let (taken, kept) = (key("taken back").await, key("kept").await);
        let listener = |key: &Value| Office {
            rehearsal: office.rehearsal,
            http: office.http.clone(),
            key: key["key"].as_str().unwrap().to_owned(),
        };
        let (taken_back, goes_on) = (listener(&taken), listener(&kept));
        let take_back = async {
            let path = format!("/v1/api-keys/{}", taken["id"].as_str().unwrap());
            let gone = office.http.delete(office.url(&path)).bearer_auth(office.key()).send().await.unwrap();
            assert_eq!(gone.status(), 204);
        };
        let (cut, whole, ()) =
            tokio::join!(taken_back.listen(call, "mixed"), goes_on.listen(call, "mixed"), take_back);
        assert_eq!(whole.2["event"], json!("end"));
        assert!(cut.2["event"] != json!("end") && cut.1 < whole.1 / 2, "{} of {} bytes", cut.1, whole.1);
    });
}

#[test]
fn a_mute_assistant_answers_nothing_but_what_it_is_told_to_say() {
    let performance = play_with_office(true, async |office, call| {
        office.order(call, "mute", json!({})).await;
        office.order(call, "say", json!({ "text": "A colleague takes over." })).await;
    });
    let answered = performance.call.turns.iter().filter(|turn| !turn.caller.is_empty());
    let answers: Vec<&str> = answered.map(|turn| turn.assistant.as_str()).collect();
    assert!(!answers.is_empty() && answers.iter().all(|answer| answer.is_empty()), "{answers:?}");
    assert!(said(&performance).contains("A colleague takes over."), "{}", said(&performance));
}

#[test]
fn a_call_that_is_hung_up_ends_by_a_persons_hand() {
    let performance = play_with_office(true, async |office, call| {
        office.order(call, "hang-up", json!({})).await;
    });
    assert_eq!(performance.call.end_reason.as_deref(), Some("operator_ended"));
    assert_eq!(performance.call.status, "completed");
}
