//! Who answers, end to end: the stand-in for the carrier follows what the server tells it, whatever the number is set up
//! for.

use crate::support::Folder;
use engine::provider::http::{HttpOptions, http_client};
use fixtures::{
    call::Fixture,
    carrier::{Carrier, CarrierOptions, CarrierReport, DialOutcome, Ended},
    virtual_time,
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use store::{
    Store, TenantId,
    ids::{HoursId, QueueId, UserId},
    model::{
        audit::Actor,
        identity::{Membership, Role},
        number::{
            BusinessHours, Capabilities, DateException, Destination, Number, NumberStatus, Routing,
            WeeklySpan,
        },
        queue::{Queue, QueueMember},
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use store_sqlite::{SqliteOptions, SqliteStore};
use tandem::rehearsal::{Rehearsal, sandbox_options};

/// The number that the sandbox's account has.
const NUMBER: &str = "+15550100";
const CALLER: &str = "+15550142";
const COLLEAGUE: &str = "+15550123";
const ACCOUNT: &str = "AC00000000000000000000000000000000";
const TOKEN: &str = "sandbox";
const QUEUE: &str = "que_01h00000000000000000000001";
const HOURS: &str = "hrs_01h00000000000000000000001";
const USER: &str = "usr_01h00000000000000000000001";
const ASSISTANT: Destination = Destination::Assistant { assistant: None };
/// Nothing that is waited for takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a number is set up for.
struct Setup {
    during: Vec<Destination>,
    after: Vec<Destination>,
    /// Whether it is open: always or never; `None`: today is a holiday of a tenant that is always open.
    open: Option<bool>,
}

impl Setup {
    fn at_all_times(during: Vec<Destination>) -> Self {
        Self { during, after: Vec::new(), open: Some(true) }
    }

    fn hours(&self) -> BusinessHours {
        let day = |weekday| WeeklySpan { weekday, from: "00:00".to_owned(), to: "24:00".to_owned() };
        // A call does not last over more than one midnight.
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let holidays = [today.yesterday().unwrap(), today, today.tomorrow().unwrap()];
        let holiday = |date: jiff::civil::Date| DateException {
            date: date.to_string(),
            name: "Founder's day".to_owned(),
            open: Vec::new(),
        };
        BusinessHours {
            name: "Office".to_owned(),
            time_zone: None,
            weekly: if self.open == Some(false) { Vec::new() } else { (1..=7).map(day).collect() },
            exceptions: if self.open.is_none() { holidays.map(holiday).to_vec() } else { Vec::new() },
        }
    }

    /// Writes it into the store that the server will open.
    async fn write(self, folder: &Path) {
        let store = SqliteStore::open(&folder.join("tandem.db"), SqliteOptions::default()).await.unwrap();
        let tenant = TenantId::known("demo");
        let actor = Actor::system("test");
        let mut tx = store.platform().begin(&actor, 1).await.unwrap();
        let row = Tenant {
            name: "Demo".to_owned(),
            slug: "demo".to_owned(),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        tx.insert_as(tenant.clone(), row).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.tenant(&tenant).begin(&actor, 2).await.unwrap();
        let user = UserId::known(USER);
        tx.insert(Membership { user: user.clone(), role: Role::Operator, invitation: None }).await.unwrap();
        let queue = Queue {
            name: "Sales".to_owned(),
            members: vec![QueueMember { user, priority: 0 }],
            max_waiting: 5,
            max_wait_s: 600,
            announce_every_s: 10,
            music_url: None,
        };
        tx.insert_as(QueueId::known(QUEUE), queue).await.unwrap();
        tx.insert_as(HoursId::known(HOURS), self.hours()).await.unwrap();
        let number = Number {
            e164: NUMBER.to_owned(),
            carrier_sid: None,
            account: None,
            name: "Main".to_owned(),
            status: NumberStatus::Active,
            primary: true,
            capabilities: Capabilities { voice: true, sms: false, mms: false },
            greeting: None,
            voice: None,
            flow: None,
            routing: Routing { hours: Some(HoursId::known(HOURS)), during: self.during, after: self.after },
        };
        tx.insert(number).await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
    }

    /// Starts a server with it, and the sandbox around it.
    async fn start(self, fixture: &Fixture, folder: &Path) -> Rehearsal {
        self.write(folder).await;
        let tune =
            |config: &mut tandem::config::Config| config.tenant.twilio.numbers = vec![NUMBER.to_owned()];
        Rehearsal::start(sandbox_options(), fixture, folder, tune).await.unwrap()
    }
}

/// A call, as both sides tell it.
struct Told {
    report: CarrierReport,
    call: Value,
    voicemails: Vec<Value>,
}

impl Told {
    fn events(&self, kind: &str) -> Vec<&Value> {
        let events = self.call["events"].as_array().unwrap().iter();
        events.filter(|event| event["kind"] == kind).map(|event| &event["data"]).collect()
    }

    /// What the first decision was made for.
    fn reasons(&self) -> Vec<&str> {
        let reasons = self.events("routed")[0]["reasons"].as_array().unwrap().iter();
        reasons.map(|reason| reason["code"].as_str().unwrap()).collect()
    }
}

/// Plays a recorded caller against a number that is set up so.
fn call(fixture: &str, setup: Setup, adjust: impl FnOnce(&mut CarrierOptions)) -> Told {
    let fixture = Fixture::named(fixture).unwrap();
    let folder = Folder::new();
    virtual_time::run(async {
        let rehearsal = setup.start(&fixture, folder.path()).await;
        let mut options = CarrierOptions { to: NUMBER.to_owned(), ..rehearsal.carrier_options() };
        options.from = CALLER.to_owned();
        adjust(&mut options);
        let report = Carrier::new(options).unwrap().run(&fixture, |_| {}).await.unwrap();
        let told = Told {
            call: call_when(&rehearsal, |call| {
                call["status"] == "completed" && call["events"].as_array().is_some_and(|all| !all.is_empty())
            })
            .await,
            voicemails: data(&rehearsal, "/v1/voicemails").await,
            report,
        };
        rehearsal.end().await.unwrap();
        told
    })
}

async fn data(rehearsal: &Rehearsal, path: &str) -> Vec<Value> {
    rehearsal.get::<Value>(path).await.unwrap()["data"].as_array().unwrap().clone()
}

/// The call, as soon as the server shows it so: what happens in a call is stored a moment later.
async fn call_when(rehearsal: &Rehearsal, shown: impl Fn(&Value) -> bool) -> Value {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while std::time::Instant::now() < deadline {
        if let Some(call) = data(rehearsal, "/v1/calls").await.last() {
            let path = format!("/v1/calls/{}", call["id"].as_str().unwrap());
            let call: Value = rehearsal.get(&path).await.unwrap();
            if shown(&call) {
                return call;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is never shown");
}

#[test]
fn during_hours_the_assistant_answers() {
    let closed = Destination::Message { text: "We are closed.".to_owned() };
    let setup = Setup { during: vec![ASSISTANT], after: vec![closed], open: Some(true) };
    let told = call("greeting-and-goodbye", setup, |_| {});
    assert_eq!(told.report.problems, []);
    assert_eq!(told.report.verbs[0], "Connect");
    assert!(told.call["turns"].as_array().unwrap().len() > 1, "they talked");
    assert_eq!(told.reasons(), ["during_hours", "last_resort"]);
}

#[test]
fn after_hours_a_message_is_left_with_its_transcript() {
    let voicemail =
        Destination::Voicemail { greeting: Some("We are closed. Please leave a message.".to_owned()) };
    let setup = Setup { during: vec![ASSISTANT], after: vec![voicemail], open: Some(false) };
    let told = call("greeting-and-goodbye", setup, |_| {});
    assert_eq!(told.report.problems, []);
    assert_eq!(told.report.verbs, ["Say", "Record", "Hangup"]);
    assert_eq!((&told.report.ended, told.reasons()), (&Ended::ServerHungUp, vec!["after_hours"]));
    let [message] = &told.voicemails[..] else { panic!("{:?}", told.voicemails) };
    assert_eq!((&message["from"], &message["status"]), (&json!(CALLER), &json!("new")));
    assert!(!message["transcript"].as_str().unwrap().is_empty(), "{message}");
    assert_eq!((&message["duration_s"], &message["call"]), (&json!(3), &told.call["id"]));
}

#[test]
fn a_forwarded_call_that_nobody_answers_ends_in_voicemail() {
    let forward = Destination::Forward {
        number: COLLEAGUE.to_owned(),
        whisper: Some("A call for sales".to_owned()),
        timeout_s: Some(20),
    };
    let told = call("greeting-and-goodbye", Setup::at_all_times(vec![forward]), |options| {
        let outcome = DialOutcome { status: "no-answer".to_owned(), after_ms: 60_000 };
        options.dials.insert(COLLEAGUE.to_owned(), outcome);
    });
    assert_eq!(told.report.problems, []);
    assert_eq!(told.report.verbs, ["Dial", "Say", "Record", "Hangup"]);
    assert_eq!(told.events("dial_ended")[0]["status"], "no-answer");
    assert_eq!(told.events("routed")[1]["now"]["do"], "voicemail");
    assert_eq!(told.voicemails.len(), 1);
}

#[test]
fn a_forwarded_call_that_is_answered_is_put_through_after_the_whisper() {
    let forward = Destination::Forward {
        number: COLLEAGUE.to_owned(),
        whisper: Some("A call for sales & service".to_owned()),
        timeout_s: None,
    };
    let told = call("silent-caller", Setup::at_all_times(vec![forward]), |_| {});
    assert_eq!(told.report.problems, []);
    assert_eq!(told.report.verbs, ["Dial", "Hangup"]);
    assert_eq!(told.voicemails.len(), 0);
}

#[test]
fn on_a_holiday_its_message_is_said() {
    let message = Destination::Message { text: "It is Founder's day & we are away.".to_owned() };
    let setup = Setup { during: vec![ASSISTANT], after: vec![message], open: None };
    let told = call("silent-caller", setup, |_| {});
    assert_eq!((told.report.verbs.join(" "), told.report.problems), ("Say Hangup".to_owned(), vec![]));
    let reason = &told.call["events"][0]["data"]["reasons"][0];
    assert!(reason["text"].as_str().unwrap().contains("on the day \"Founder's day\""), "{reason}");
}

fn http() -> reqwest::Client {
    http_client(HttpOptions::default()).unwrap()
}

/// Asks the sandbox's own REST API, as Twilio's.
async fn ask(rehearsal: &Rehearsal, path: &str, form: &[(&str, &str)]) -> Value {
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT}/{path}", rehearsal.sandbox.base_url());
    let client = http();
    let request = if form.is_empty() { client.get(url) } else { client.post(url).form(form) };
    let answer = request.basic_auth(ACCOUNT, Some(TOKEN)).send().await.unwrap();
    answer.error_for_status().unwrap().json().await.unwrap()
}

/// Somebody calls in the sandbox's world; gives the call's SID.
async fn place(rehearsal: &Rehearsal, call: Value) -> String {
    let url = format!("{}/sandbox/twilio/calls", rehearsal.sandbox.base_url());
    let answer = http().post(url).json(&call).send().await.unwrap();
    let placed: Value = answer.json().await.unwrap();
    placed["sid"].as_str().unwrap_or_else(|| panic!("{placed}")).to_owned()
}

#[test]
fn a_caller_waits_in_a_queue_until_somebody_takes_the_call() {
    let fixture = Fixture::named("silent-caller").unwrap();
    let folder = Folder::new();
    virtual_time::run(async {
        let queue = Destination::Queue { queue: QueueId::known(QUEUE) };
        let rehearsal = Setup::at_all_times(vec![queue]).start(&fixture, folder.path()).await;
        let server = format!("http://{}", rehearsal.server.address);
        let (voice, status) = (format!("{server}/api/voice/incoming"), format!("{server}/api/voice/status"));
        let numbers = ask(&rehearsal, "IncomingPhoneNumbers.json", &[]).await;
        let number = numbers["incoming_phone_numbers"][0]["sid"].as_str().unwrap();
        let path = format!("IncomingPhoneNumbers/{number}.json");
        ask(&rehearsal, &path, &[("VoiceUrl", &voice), ("StatusCallback", &status)]).await;
        let application =
            [("FriendlyName", "Softphone"), ("VoiceUrl", &*voice), ("StatusCallback", &*status)];
        let application = ask(&rehearsal, "Applications.json", &application).await["sid"].clone();

        let caller =
            place(&rehearsal, json!({ "from": CALLER, "to": NUMBER, "fixture": "silent-caller" })).await;
        let waiting = format!("/v1/queues/{QUEUE}/callers");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while data(&rehearsal, &waiting).await.is_empty() {
            assert!(tokio::time::Instant::now() < deadline, "nobody waits");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // Long enough to hear the position twice.
        tokio::time::sleep(Duration::from_secs(25)).await;
        let softphone = json!({
            "from": format!("client:{USER}"), "to": format!("queue:{QUEUE}"), "application": application,
        });
        let agent = place(&rehearsal, softphone).await;
        let of_kind = |call: &Value, kind: &str| -> Option<Value> {
            call["events"].as_array()?.iter().find(|event| event["kind"] == kind).cloned()
        };
        let call = call_when(&rehearsal, |call| {
            call["status"] == "completed" && of_kind(call, "queue_ended").is_some()
        })
        .await;
        assert_eq!(call["carrier_call_id"], caller);
        let ended = of_kind(&call, "queue_ended").unwrap();
        assert_eq!(ended["data"]["result"], "bridged");
        assert!(ended["data"]["waited_s"].as_str().unwrap().parse::<u32>().unwrap() >= 25, "{ended}");
        assert_eq!(data(&rehearsal, &waiting).await, Vec::<Value>::new());

        for sid in [caller, agent] {
            let url = format!("{}/sandbox/twilio", rehearsal.sandbox.base_url());
            let state: Value = http().get(url).send().await.unwrap().json().await.unwrap();
            let calls = state[ACCOUNT]["calls"].as_array().unwrap().clone();
            let call = calls.into_iter().find(|call| call["sid"] == sid).unwrap();
            assert_eq!(call["_problems"], json!([]), "{call}");
        }
        rehearsal.end().await.unwrap();
    });
}
