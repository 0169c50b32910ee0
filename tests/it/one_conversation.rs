//! One person, one conversation: it begins by text message, goes on in a call, changes hands in the middle of it, and ends by email. All
//! of it through the public API, on the sandbox and a real mail server (left out, and said so, where there is none).

use crate::support::{Folder, until};
use engine::provider::http::{HttpOptions, http_client};
use fixtures::{
    call::Fixture,
    carrier::{CarrierEvent, sign},
    sandbox::{Event, Service},
};
use mail::{
    ComposeLimits, Draft, EmailAddress, Mailbox, MessageId, Outcome, Security, SmtpOptions, SmtpSender,
    compose, parse,
    parse::ParseLimits,
    test_server::{MailServer, MailServerOptions, PASSWORD, TestMailbox},
};
use reqwest::Method;
use serde_json::{Value, json};
use tandem::{
    config::Config,
    rehearsal::{Rehearsal, sandbox_options},
};
use tokio::sync::oneshot;

const OWN: &str = "+15555550100";
const PERSON: &str = "+15555550110";
const ASKED: &str = "Is the green bicycle still there?";

struct Office<'a> {
    rehearsal: &'a Rehearsal,
    http: reqwest::Client,
    key: String,
}

impl Office<'_> {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("http://{}{path}", self.rehearsal.server.address);
        let mut request = self.http.request(method, url).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn data(&self, path: &str) -> Vec<Value> {
        self.ask(Method::GET, path, None).await["data"].as_array().unwrap().clone()
    }

    /// The carrier tells of a text message.
    async fn text(&self, sid: &str, text: &str) {
        let url = format!("http://{}/hooks/twilio/sms", self.rehearsal.server.address);
        let fields = [
            ("AccountSid", "AC00000000000000000000000000000000"),
            ("MessageSid", sid),
            ("From", PERSON),
            ("To", OWN),
            ("Body", text),
            ("NumMedia", "0"),
        ];
        let fields: Vec<_> = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let signature = sign("sandbox", &url, &fields);
        let request = self.http.post(&url).header("x-twilio-signature", signature).form(&fields);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    async fn operator(&self) -> String {
        let invite = json!({ "email": "olga@example.com", "name": "Olga", "role": "operator" });
        let invited = self.post("/v1/members", invite).await;
        let accept = json!({ "token": invited["invitation"]["token"], "password": "four words of mine" });
        // Who is invited has no key.
        let url = format!("http://{}/v1/auth/invitations/accept", self.rehearsal.server.address);
        let answer = self.http.post(url).json(&accept).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        invited["user_id"].as_str().unwrap().to_owned()
    }
}

fn tune(config: &mut Config, certificate: &std::path::Path) {
    config.providers.mail.certificates = Some(certificate.to_owned());
    config.providers.mail.allow_own_network = true;
}

async fn connect(office: &Office<'_>, server: &MailServer, own: &TestMailbox) {
    let (smtp, imap) = (server.smtp(Security::Tls), server.imap(Security::Tls));
    let secrets = json!({ "password": PASSWORD });
    let sending =
        json!({ "host": smtp.host, "port": smtp.port.to_string(), "security": "tls", "from": own.address });
    let fetching = json!({ "host": imap.host, "port": imap.port.to_string(), "address": own.address });
    for (kind, properties) in [("smtp", sending), ("imap", fetching)] {
        let account = json!({ "kind": kind, "name": kind, "secrets": secrets, "properties": properties });
        office.post("/v1/provider-accounts", account).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_conversation_goes_from_a_text_through_a_call_and_an_operator_to_an_email() {
    let Some(server) = MailServer::start(MailServerOptions::default()).await else { return };
    let (own, person) = (server.mailbox("shop"), server.mailbox("ann"));
    let (folder, papers) = (Folder::new(), Folder::new());
    let certificate = papers.path().join("mail.pem");
    std::fs::write(&certificate, server.certificate()).unwrap();
    let fixture = Fixture::named("order-status").unwrap();
    let rehearsal =
        Rehearsal::start(sandbox_options(), &fixture, folder.path(), |config| tune(config, &certificate))
            .await
            .unwrap();
    let _background = rehearsal.server.background();
    let key = rehearsal.server.first_key.as_ref().unwrap().reveal().to_owned();
    let office = Office { rehearsal: &rehearsal, http: http_client(HttpOptions::default()).unwrap(), key };
    connect(&office, &server, &own).await;
    let olga = office.operator().await;
    let addresses = json!([
        { "kind": "phone", "address": PERSON }, { "kind": "email", "address": person.address },
    ]);
    office.post("/v1/contacts", json!({ "name": "Ann", "addresses": addresses })).await;

    // It begins by text message.
    office.text("SM00000000000000000000000000000001", ASKED).await;
    let conversations = office.data("/v1/conversations").await;
    let id = conversations[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/conversations/{id}");

    // It goes on in a call, whose assistant knows what was written, and which an operator takes over.
    let (started, streaming) = oneshot::channel();
    let mut started = Some(started);
    let call = rehearsal.call(&fixture, rehearsal.carrier_options(), |event| {
        if matches!(event, CarrierEvent::StreamStarted { .. })
            && let Some(started) = started.take()
        {
            started.send(()).unwrap();
        }
    });
    let operator = async {
        streaming.await.unwrap();
        let told = || async {
            let all = rehearsal.sandbox.log().of(Service::Anthropic);
            let mut bodies = all.iter().filter_map(|entry| match &entry.event {
                Event::Request { body, .. } => Some(body.to_string()),
                _ => None,
            });
            bodies
                .any(|body| body.contains("by sms") && body.contains(ASKED) && body.contains("order"))
                .then_some(())
        };
        until(told, "an assistant who knows what was written").await;
        let taken = office.post(&format!("{path}/takeover"), json!({ "user": olga })).await;
        assert_eq!(taken["control"]["by"], "operator", "{taken}");
        let said = json!({ "text": "This is Olga, I take it from here.", "channel": "voice", "user": olga });
        office.post(&format!("{path}/messages"), said).await;
        let spoken = || async {
            let all = rehearsal.sandbox.log().of(Service::Elevenlabs);
            let said =
                |event: &Event| matches!(event, Event::Text { text, .. } if text.contains("This is Olga"));
            all.iter().any(|entry| said(&entry.event)).then_some(())
        };
        until(spoken, "what the operator says").await;
        let live = office.data("/v1/calls?status=live").await;
        let order = format!("/v1/calls/{}/hang-up", live[0]["id"].as_str().unwrap());
        office.post(&order, json!({})).await;
    };
    let (performance, ()) = tokio::join!(call, operator);
    assert_eq!(performance.unwrap().call.end_reason.as_deref(), Some("operator_ended"));

    // It ends by email, in both directions.
    let written = json!({ "text": "The green one is yours.", "channel": "email", "subject": "Your bicycle", "user": olga });
    office.post(&format!("{path}/messages"), written).await;
    until(|| async { (!person.files().is_empty()).then_some(()) }, "the email").await;
    let mail = parse(&std::fs::read(&person.files()[0]).unwrap(), &ParseLimits::default()).unwrap();
    assert_eq!((mail.text.as_str(), mail.subject.as_str()), ("The green one is yours.", "Your bicycle"));
    let address = |text: &str| Mailbox::from(EmailAddress::parse(text).unwrap());
    let answer = Draft {
        from: address(&person.address),
        to: vec![address(&own.address)],
        cc: Vec::new(),
        reply_to: None,
        bounces_to: None,
        subject: mail.subject_of_answer(),
        text: Some("Wonderful, thank you.".to_owned()),
        html: None,
        attachments: Vec::new(),
        message_id: MessageId::parse("thanks@tandem.test").unwrap(),
        date: 1_795_219_200_000_000,
        thread: mail.thread_of_answer(),
        automatic: None,
        unsubscribe: None,
    };
    let options = SmtpOptions { extra_roots: Some(server.certificate()), ..SmtpOptions::default() };
    let sender = SmtpSender::new(server.smtp(Security::Tls), person.login(), options).unwrap();
    let sent = sender.send(&compose(&answer, &ComposeLimits::default(), None).unwrap()).await;
    assert!(matches!(sent, Outcome::Accepted { .. }), "{sent:?}");
    let all = || async {
        let all = office.data(&format!("/v1/messages?conversation={id}")).await;
        all.iter().any(|message| message["content"] == "Wonderful, thank you.").then_some(all)
    };
    let all = until(all, "the answer in the conversation").await;
    let mut channels: Vec<_> = all.iter().map(|message| message["channel"].as_str().unwrap()).collect();
    channels.sort_unstable();
    channels.dedup();
    assert_eq!(channels, ["email", "sms", "voice"], "{all:?}");
    assert_eq!(office.data("/v1/conversations").await.len(), 1, "it is one conversation");
    rehearsal.end().await.unwrap();
}
