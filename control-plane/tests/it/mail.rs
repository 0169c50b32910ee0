//! Email by a real server: out by Exim, in by Dovecot, and what comes back. Without the server, tests are left out and say so.

use crate::{messages_sent::Stage, support::*};
use ::mail::{
    Attachment, ComposeLimits, Draft, EmailAddress, ImapAccount, Mailbox, MessageId, Outcome, Received,
    Security, SmtpOptions, SmtpSender, compose, parse,
    parse::ParseLimits,
    test_server::{MailServer, MailServerOptions, PASSWORD, TestMailbox},
};
use axum::{body::Body, http::Request};
use control_plane::{
    Background, ControlPlane,
    mail_servers::MailOptions,
    settings::{ControlPlaneSettings, MailboxOptions},
};
use deliveries::address::Reach;
use fixtures::sandbox::{Fault, GoogleSetup, Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::time::Duration;
use store::{
    Stored,
    model::{
        audit::Actor,
        inbox::MailboxStatus,
        tenant::{Tenant, TenantStatus},
        work::WorkKind,
    },
};

/// The person's number.
const PERSON: &str = "+15550142";

/// A tenant with a mailbox at a real server, and a person with another.
struct Post {
    harness: Harness,
    server: MailServer,
    own: TestMailbox,
    person: TestMailbox,
    background: Background,
}

pub(crate) fn mail_options(
    settings: &mut ControlPlaneSettings,
    server: &MailServer,
    token_url: Option<String>,
) {
    settings.messengers.mail = MailOptions {
        certificates: Some(server.certificate()),
        reach: Reach::Anywhere,
        poll_every: Duration::from_secs(1),
        token_url: token_url.map_or_else(|| MailOptions::default().token_url, |url| url.parse().unwrap()),
    };
    settings.limits.outbox.poll = Duration::from_millis(10);
    settings.limits.mailboxes = MailboxOptions {
        lease: Duration::from_secs(3),
        look: Duration::from_millis(100),
        retry: Duration::from_millis(200),
        not_served: Duration::from_millis(200),
        ..MailboxOptions::default()
    };
}

pub(crate) fn smtp_account(server: &MailServer, own: &TestMailbox) -> Value {
    let smtp = server.smtp(Security::StartTls);
    json!({
        "kind": "smtp", "name": "Mail", "secrets": { "password": PASSWORD },
        "properties": {
            "host": smtp.host, "port": smtp.port.to_string(), "security": "starttls", "from": own.address,
            "from_name": "The Shop",
        },
    })
}

fn imap_account(server: &MailServer, own: &TestMailbox) -> Value {
    let ImapAccount { server: imap, .. } = server.account(own, Security::Tls);
    json!({
        "kind": "imap", "name": "Mailbox", "secrets": { "password": PASSWORD },
        "properties": { "host": imap.host, "port": imap.port.to_string(), "address": own.address },
    })
}

impl Post {
    async fn new() -> Option<Self> {
        let server = MailServer::start(MailServerOptions::default()).await?;
        let (own, person) = (server.mailbox("shop"), server.mailbox("ann"));
        let harness = Harness::with(|settings| mail_options(settings, &server, None)).await;
        for account in [smtp_account(&server, &own), imap_account(&server, &own)] {
            let made = harness.post_json("/v1/provider-accounts", &account).await;
            assert_eq!(made.status, 201, "{}", made.text());
        }
        let background = harness.plane.background();
        Some(Self { harness, server, own, person, background })
    }

    async fn contact(&self) {
        let addresses = json!([{ "kind": "email", "address": self.person.address }]);
        let contact = json!({ "name": "Ann", "addresses": addresses });
        assert_eq!(self.harness.post_json("/v1/contacts", &contact).await.status, 201);
    }

    async fn send(&self, to: &str, text: &str) -> String {
        let body = json!({
            "to": { "email": to }, "type": "transactional", "chain": [{ "channels": ["email"] }],
            "subject": "Your bicycle", "text": text,
        });
        let answer = self.harness.post_json("/v1/messages", &body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn arrived(&self, count: usize) -> Vec<Received> {
        until(|| async { (self.person.files().len() >= count).then_some(()) }, "mail for the person").await;
        let mut all: Vec<_> = self.person.files().iter().map(|file| read(file)).collect();
        all.sort_by_key(|mail| (mail.date, mail.message_id.clone()));
        all
    }

    /// The person writes.
    async fn write(&self, draft: &Draft) {
        let options = SmtpOptions { extra_roots: Some(self.server.certificate()), ..SmtpOptions::default() };
        let sender = SmtpSender::new(self.server.smtp(Security::Tls), self.person.login(), options).unwrap();
        let outcome = sender.send(&compose(draft, &ComposeLimits::default(), None).unwrap()).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }

    async fn inbound(&self, count: usize) -> Vec<Value> {
        inbound(&self.harness, count).await
    }
}

async fn inbound(harness: &Harness, count: usize) -> Vec<Value> {
    let found = || async {
        let all = data(harness, "/v1/messages").await;
        let found: Vec<_> = all.into_iter().filter(|message| message["direction"] == "inbound").collect();
        (found.len() >= count).then_some(found)
    };
    until(found, "a mail in the inbox").await
}

pub(crate) fn read(file: &std::path::Path) -> Received {
    parse(&std::fs::read(file).unwrap(), &ParseLimits::default()).unwrap()
}

async fn data(harness: &Harness, path: &str) -> Vec<Value> {
    harness.get(path).await.json()["data"].as_array().unwrap().clone()
}

async fn status(harness: &Harness, message: &str, wanted: &str) {
    let path = format!("/v1/messages/{message}");
    let reached = || async { (harness.get(&path).await.json()["status"] == wanted).then_some(()) };
    until(reached, &format!("a message that is {wanted}")).await;
}

fn draft(from: &str, to: &str, text: &str) -> Draft {
    let address = |text: &str| Mailbox::from(EmailAddress::parse(text).unwrap());
    Draft {
        from: address(from),
        to: vec![address(to)],
        cc: Vec::new(),
        reply_to: None,
        bounces_to: None,
        subject: "Hello".to_owned(),
        text: Some(text.to_owned()),
        html: None,
        attachments: Vec::new(),
        message_id: MessageId::parse(&format!("{}@tandem.test", store::new_id("mail"))).unwrap(),
        date: 1_795_219_200_000_000,
        thread: None,
        automatic: None,
        unsubscribe: None,
    }
}

#[tokio::test]
async fn a_file_that_was_put_here_is_attached_and_one_that_is_elsewhere_is_a_link() {
    let Some(post) = Post::new().await else { return };
    let file = json!({ "content_type": "application/pdf", "content": "JVBERi0xLjc=" });
    let kept = post.harness.post_json("/v1/files", &file).await;
    assert_eq!(kept.status, 201, "{}", kept.text());
    let elsewhere = "https://shop.example.com/a.jpg";
    let body = json!({
        "to": { "email": post.person.address }, "type": "transactional", "chain": [{ "channels": ["email"] }],
        "subject": "Your invoice", "text": "Here it is.", "media": [kept.json()["url"], elsewhere],
    });
    let answer = post.harness.post_json("/v1/messages", &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let mail = post.arrived(1).await.remove(0);
    assert_eq!(mail.attachments.len(), 1, "{mail:?}");
    let attached = &mail.attachments[0];
    assert_eq!(
        (attached.media_type.as_str(), &attached.content[..]),
        ("application/pdf", b"%PDF-1.7".as_slice())
    );
    assert!(mail.text.contains(elsewhere) && !mail.text.contains("signature="), "{}", mail.text);
    drop(post.background);
}

#[tokio::test]
async fn a_mail_and_its_answer_are_one_conversation_with_the_file_that_came() {
    let Some(post) = Post::new().await else { return };
    post.contact().await;
    let sent = post.send(&post.person.address, "It is <ready>.").await;
    let first = post.arrived(1).await.remove(0);
    assert_eq!(first.from.as_ref().unwrap().address, post.own.address);
    assert_eq!((first.subject.as_str(), first.text.as_str()), ("Your bicycle", "It is <ready>."));
    assert!(first.html.as_ref().unwrap().contains("It is &lt;ready&gt;."), "the text is HTML too");
    assert!(first.message_id.as_ref().unwrap().as_str().starts_with("att_"), "{first:?}");
    status(&post.harness, &sent, "sent").await;

    let mut answer =
        draft(&post.person.address, &post.own.address, "Fine.\n\nOn Friday Ann wrote:\n> It is ready.\n");
    answer.thread = first.thread_of_answer();
    answer.attachments = vec![Attachment {
        name: "../Invoice.PDF".to_owned(),
        media_type: "application/pdf".to_owned(),
        content: "%PDF-1.7".into(),
        content_id: None,
    }];
    post.write(&answer).await;
    let came = post.inbound(1).await.remove(0);
    assert_eq!(
        (&came["content"], &came["channel"]),
        (&json!("Fine."), &json!("email")),
        "without the history"
    );
    let conversations = data(&post.harness, "/v1/conversations").await;
    assert_eq!(conversations.len(), 1, "{conversations:?}");
    let id = conversations[0]["id"].as_str().unwrap();
    let inside = data(&post.harness, &format!("/v1/messages?conversation={id}")).await;
    assert_eq!(inside.len(), 2, "what was answered is in it as well");

    let url = came["media"][0]["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    let file = post.harness.send(Request::get(&url).body(Body::empty()).unwrap()).await;
    assert_eq!((file.status.as_u16(), file.text()), (200, "%PDF-1.7"));
    assert!(file.header("content-disposition").starts_with("attachment"), "{:?}", file.headers);
    assert!(url.contains("expires="), "{url}");
    let forged = url.replace("signature=", "signature=00");
    assert_eq!(post.harness.send(Request::get(&forged).body(Body::empty()).unwrap()).await.status, 404);

    post.send(&post.person.address, "See you.").await;
    let all = post.arrived(2).await;
    let second = all.iter().find(|mail| mail.text == "See you.").unwrap();
    assert_eq!(second.in_reply_to, [answer.message_id.clone()], "it answers what she wrote");
    assert!(second.references.contains(first.message_id.as_ref().unwrap()));
    drop(post.background);
}

#[tokio::test]
async fn whoever_got_somebody_elses_mail_is_not_answered_in_their_conversation() {
    let Some(post) = Post::new().await else { return };
    post.contact().await;
    post.send(&post.person.address, "Your code is 4711.").await;
    let first = post.arrived(1).await.remove(0);
    post.write(&draft(&post.person.address, &post.own.address, "Thank you.")).await;
    post.inbound(1).await;
    // Who was sent a copy, or found it.
    let mut stranger = draft("eve@example.com", &post.own.address, "What did we write before?");
    stranger.thread = first.thread_of_answer();
    post.write(&stranger).await;
    post.inbound(2).await;
    let conversations = data(&post.harness, "/v1/conversations").await;
    assert_eq!(conversations.len(), 2, "{conversations:?}");
    let with = |address: &str| conversations.iter().find(|one| one["address"] == address).unwrap();
    assert_ne!(with("eve@example.com")["id"], with(&post.person.address)["id"]);
    drop(post.background);
}

#[tokio::test]
async fn mail_is_kept_once_across_a_kill_and_a_mailbox_that_is_numbered_anew() {
    let Some(post) = Post::new().await else { return };
    post.write(&draft(&post.person.address, &post.own.address, "One.")).await;
    post.inbound(1).await;
    let Post { harness, server, own, person, background } = post;
    drop(background);
    let Harness { plane, router, key, folder } = harness;
    drop((plane, router));

    let mut settings = settings(&folder).await;
    mail_options(&mut settings, &server, None);
    // While nothing runs: the mails get other numbers, and another one comes.
    server.renumber(&own);
    let opened = ControlPlane::open(settings).await.unwrap();
    let router = opened.control_plane.router();
    let harness = Harness { plane: opened.control_plane, router, key, folder };
    let background = harness.plane.background();
    let post = Post { harness, server, own, person, background };
    post.write(&draft(&post.person.address, &post.own.address, "Two.")).await;
    let all = post.inbound(2).await;
    let mut texts: Vec<_> = all.iter().map(|message| message["content"].as_str().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["One.", "Two."], "each once");
    let read = || async {
        let files = post.own.files();
        let is_read = |file: &std::path::PathBuf| file.to_string_lossy().ends_with('S');
        (files.len() == 2 && files.iter().all(is_read)).then_some(())
    };
    until(read, "a mailbox whose mails are all read").await;
    let row = open_store(&post.harness.folder).await;
    let part = row.tenant(&store::TenantId::known("ten_1"));
    let polled = || async {
        let rows = part.list::<store::model::inbox::Mailbox>(&store::Filter::first(5)).await.unwrap();
        rows.into_iter().map(|row| row.value).find(|row| row.polled_at.is_some())
    };
    assert_eq!(until(polled, "a poll that is noted").await.status, MailboxStatus::Connected);
}

#[tokio::test]
async fn a_mailbox_is_read_on_when_its_tenant_is_no_longer_suspended() {
    let Some(post) = Post::new().await else { return };
    post.write(&draft(&post.person.address, &post.own.address, "One.")).await;
    post.inbound(1).await;
    let store = open_store(&post.harness.folder).await;
    let id = store::TenantId::known("ten_1");
    let part = store.tenant(&id);
    let now = || jiff::Timestamp::now().as_microsecond();
    let turn = async |status: TenantStatus| {
        let Stored { version, value, .. } = part.get::<Tenant>(&id).await.unwrap().unwrap();
        let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
        tx.update(&id, version, Tenant { status, ..value }).await.unwrap();
        tx.commit().await.unwrap();
    };
    turn(TenantStatus::Suspended).await;
    let let_go = || async {
        let due = store.work_tenants(WorkKind::Mailbox, now(), "", 5).await.unwrap();
        (!due.is_empty()).then_some(())
    };
    until(let_go, "a mailbox that nobody holds and somebody will").await;
    turn(TenantStatus::Active).await;
    post.write(&draft(&post.person.address, &post.own.address, "Two.")).await;
    post.inbound(2).await;
    drop(post.background);
}

#[tokio::test]
async fn a_bounce_ends_the_message_and_nothing_more_goes_to_that_address() {
    let Some(post) = Post::new().await else { return };
    let nobody = "nobody@tandem.test";
    let sent = post.send(nobody, "Are you there?").await;
    status(&post.harness, &sent, "bounced").await;
    let next = post.send(nobody, "And now?").await;
    status(&post.harness, &next, "failed").await;
    let explained = post.harness.get(&format!("/v1/messages/{next}/explain")).await.json();
    assert_eq!(explained["attempts"], json!([]), "it is not tried: {explained}");
    assert_eq!(data(&post.harness, "/v1/conversations").await.len(), 0, "a bounce is no message");
}

#[tokio::test]
async fn one_click_ends_mail_to_many_and_not_what_is_meant_for_one() {
    let Some(post) = Post::new().await else { return };
    let many = async |name: &str| {
        let body = json!({
            "name": name, "recipients": [{ "email": post.person.address }],
            "message": { "type": "informational", "chain": [{ "channels": ["email"] }], "subject": name, "text": name },
        });
        let answer = post.harness.post_json("/v1/messages/batch", &body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    };
    many("First").await;
    post.arrived(1).await;
    let raw = std::fs::read_to_string(&post.person.files()[0]).unwrap();
    let header = raw.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    assert!(header.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{header}");
    let line = header.lines().find(|line| line.starts_with("List-Unsubscribe:")).unwrap();
    let path = line.split_once('<').unwrap().1.split_once('>').unwrap().0.replace(' ', "");
    let path = path.strip_prefix(BASE).unwrap().to_owned();

    let asked = post.harness.send(Request::get(&path).body(Body::empty()).unwrap()).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    many("Second").await;
    post.arrived(2).await;
    let form = Request::post(&path).header("content-type", "application/x-www-form-urlencoded");
    let done = post.harness.send(form.body(Body::from("List-Unsubscribe=One-Click")).unwrap()).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let forged = Request::post(format!("{path}0")).body(Body::empty()).unwrap();
    assert_eq!(post.harness.send(forged).await.status, 404);

    many("Third").await;
    let failed = || async {
        let all = data(&post.harness, "/v1/messages").await;
        all.iter().any(|message| message["subject"] == "Third" && message["status"] == "failed").then_some(())
    };
    until(failed, "a message that is not sent").await;
    post.send(&post.person.address, "Your receipt").await;
    let all = post.arrived(3).await;
    let mut subjects: Vec<_> = all.iter().map(|mail| mail.subject.as_str()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["First", "Second", "Your bicycle"]);
    let receipt = all.iter().find(|mail| mail.text == "Your receipt").unwrap();
    assert_eq!(receipt.subject, "Your bicycle");
}

#[tokio::test]
async fn a_mailbox_is_connected_by_access_tokens() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let options = MailServerOptions { tokeninfo: Some(format!("{}/google/tokeninfo", sandbox.base_url())) };
    let Some(server) = MailServer::start(options).await else { return };
    let (own, person) = (server.mailbox("shop"), server.mailbox("ann"));
    let tokens = Some(format!("{}/google/token", sandbox.base_url()));
    let harness = Harness::with(|settings| mail_options(settings, &server, tokens)).await;
    let google = GoogleSetup::default();
    let mut refused = imap_account(&server, &own);
    refused["secrets"]["password"] = json!("wrong-password");
    let answer = harness.post_json("/v1/provider-accounts", &refused).await;
    assert_eq!(answer.problem(422), "credentials_rejected", "{}", answer.text());
    for mut account in [smtp_account(&server, &own), imap_account(&server, &own)] {
        let refresh = GoogleSetup::refresh_token(&own.address);
        account["secrets"] = json!({ "refresh_token": refresh, "client_secret": google.client_secret });
        account["properties"]["client_id"] = json!(google.client_id);
        let made = harness.post_json("/v1/provider-accounts", &account).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert!(!made.text().contains(&refresh), "a secret is not shown");
    }
    let background = harness.plane.background();
    let post = Post { harness, server, own, person, background };
    post.send(&post.person.address, "By a token.").await;
    post.arrived(1).await;
    post.write(&draft(&post.person.address, &post.own.address, "Thank you.")).await;
    assert_eq!(post.inbound(1).await[0]["content"], "Thank you.");
}

#[tokio::test]
async fn an_instant_message_has_its_email_whatever_becomes_of_the_other_channels() {
    let Some(server) = MailServer::start(MailServerOptions::default()).await else { return };
    let (own, person) = (server.mailbox("shop"), server.mailbox("ann"));
    let stage = Stage::with(|settings| mail_options(settings, &server, None)).await;
    let harness = &stage.harness;
    let made = harness.post_json("/v1/provider-accounts", &smtp_account(&server, &own)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let addresses = json!([
        { "kind": "phone", "address": PERSON }, { "kind": "email", "address": person.address },
    ]);
    let contact = json!({ "name": "Ann", "addresses": addresses });
    assert_eq!(harness.post_json("/v1/contacts", &contact).await.status, 201);
    let instant = |text: &str| json!({ "to": { "phone": PERSON }, "type": "instant", "text": text });
    let mails = |count: usize| {
        let person = &person;
        until(
            move || async move { (person.files().len() == count).then_some(()) },
            "the email that goes along",
        )
    };

    // All is well: both, and it is one message.
    let both = stage.sent(&instant("Both.")).await;
    mails(1).await;
    until(|| async { (stage.at_carrier().len() == 1).then_some(()) }, "the text message").await;
    assert_eq!(data(harness, "/v1/messages").await.len(), 1, "{both} is one message");

    // The carrier takes nothing: the email is there all the same.
    let refusing = Fault::Status { status: 500, retry_after_ms: None };
    stage.sandbox.knobs().change(|knobs| knobs.twilio.fault = Some(refusing));
    stage.sent(&instant("Only mail.")).await;
    mails(2).await;

    // The mail server is gone: the text message leaves all the same.
    stage.sandbox.knobs().change(|knobs| knobs.twilio.fault = None);
    drop(server);
    let last = stage.sent(&instant("Only text.")).await;
    let texts =
        || async { stage.at_carrier().iter().any(|message| message["body"] == "Only text.").then_some(()) };
    until(texts, "the text message without an email").await;
    assert_ne!(harness.get(&format!("/v1/messages/{last}")).await.json()["status"], "failed");
}
